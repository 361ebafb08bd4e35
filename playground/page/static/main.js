/** Wires the page: the stream into the store, the store into the panes. */

import { Actions } from "./actions.js";
import { send } from "./api.js";
import { Conversation } from "./conversation.js";
import { fill } from "./dom.js";
import { Inspector } from "./inspector.js";
import { Modal } from "./modal.js";
import { nameOf, Sidebar } from "./sidebar.js";
import { Store } from "./store.js";
import { follow } from "./stream.js";
import { Thread } from "./thread.js";

const AGENT = "U0AGENT";
const ROOM_FOR_INSPECTOR = "(min-width: 1200px)";

const byId = (id) => document.getElementById(id);
const store = new Store();
const actions = new Actions(store);
const modal = new Modal(store, actions);
const thread = new Thread(byId("thread"), store, actions);
const openThread = (record) => thread.open(record, nameOf(store.channel(record.channel_id), store));
const conversation = new Conversation(byId("conversation"), store, actions, openThread);
const sidebar = new Sidebar(byId("sidebar"), store, openChannel);
const inspector = new Inspector(byId("inspector"), store, actions);

function openChannel(channelId) {
  thread.close();
  conversation.open(channelId);
  sidebar.show(channelId);
  showPane("conversation");
  conversation.focus();
}

function showPane(name) {
  document.body.dataset.pane = name;
  for (const tab of document.querySelectorAll("[data-show]")) tab.setAttribute("aria-pressed", String(tab.dataset.show === name));
}

function showInspector(isShown) {
  byId("inspector").hidden = !isShown;
  byId("inspector-toggle").setAttribute("aria-expanded", String(isShown));
}

function onChange({ detail }) {
  if (detail.keys.has("workspace")) tellModel();
  if (!conversation.channelId) openChannel(firstChannel());
  for (const key of detail.keys) noteUnread(key, detail.news);
  conversation.update(detail);
  thread.update();
  modal.update();
  inspector.update(detail);
  if ([...detail.keys].some((key) => /^(channel|message|ephemeral|user):/u.test(key))) sidebar.show(conversation.channelId);
}

function noteUnread(key, news) {
  const record = store.records.get(key);
  const isNews = !news.reset && /^(message|ephemeral):/u.test(key) && record;
  if (isNews && record.channel_id !== conversation.channelId) sidebar.markUnread(record.channel_id);
}

const firstChannel = () => store.all("channel").find((channel) => channel.kind !== "im").id;

function tellModel() {
  const { is_demonstration: isDemonstration, model, is_connected: isConnected } = store.workspace;
  const words = isDemonstration ? "No model is configured: these are sample replies made by rules." : `Replies are written by ${model}.`;
  fill(byId("banner"), words);
  byId("banner").classList.toggle("demonstration", isDemonstration);
  tellConnection(isConnected ? "" : "The bot is not connected.");
}

function tellConnection(words) {
  fill(byId("connection"), words);
}

function onState(isOpen) {
  if (!isOpen) tellConnection("The playground does not answer. Trying again…");
  else if (store.workspace) tellModel();
}

store.addEventListener("change", onChange);
byId("inspector-toggle").addEventListener("click", () => showInspector(byId("inspector").hidden));
for (const tab of document.querySelectorAll("[data-show]")) tab.addEventListener("click", () => showPane(tab.dataset.show));
showPane("conversation");
showInspector(matchMedia(ROOM_FOR_INSPECTOR).matches);

// A client that starts anew sees no private messages and no modals of before, as in Slack.
await send("reload", { as: AGENT }).catch(() => onState(false));
follow(AGENT, { news: (news) => store.apply(news), state: onState });
