/** Wires the page: the stream into the store, the store into the panes. */

import { Actions } from "./actions.js";
import { send } from "./api.js";
import { Conversation } from "./conversation.js";
import { fill } from "./dom.js";
import { Inspector } from "./inspector.js";
import { Modal } from "./modal.js";
import { nameOf, Sidebar } from "./sidebar.js";
import { ADMIN, AGENT, Store } from "./store.js";
import { follow } from "./stream.js";
import { language, t } from "./texts.js";
import { Thread } from "./thread.js";
import { toast } from "./toast.js";

const ROOM_FOR_INSPECTOR = "(min-width: 1200px)";

const byId = (id) => document.getElementById(id);
translate();
const store = new Store();
const actions = new Actions(store);
const modal = new Modal(store, actions);
const thread = new Thread(byId("thread"), { store, actions, become });
const openThread = (record) => thread.open(record, nameOf(store.channel(record.channel_id), store));
const doors = { run, openMenu, mention, paste, write, become };
const conversation = new Conversation(byId("conversation"), { store, actions, openThread, become, doors });
const sidebar = new Sidebar(byId("sidebar"), store, openChannel);
const inspector = new Inspector(byId("inspector"), store, actions);

let leave = null;
let waiting = null;

/** The words that stand in the page's HTML. */
function translate() {
  document.documentElement.lang = language;
  for (const part of document.querySelectorAll("[data-words]")) {
    if (part.ariaLabel) part.ariaLabel = t(part.ariaLabel);
    else part.textContent = t(part.textContent);
  }
}

// --- what the first steps do

function run(command) {
  conversation.composer.run(command);
}

async function openMenu(record) {
  // The card that goes makes room first: the menu stands where its message comes to rest.
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  conversation.reveal(record.key).querySelector(".toolbar [aria-haspopup]").click();
}

function mention(record) {
  openThread(record);
  thread.composer.prefill(`@${store.user(store.workspace.bot).name} `);
}

function paste() {
  conversation.element.querySelector(".shortcuts [aria-haspopup]").click();
}

function write(text) {
  openChannel(store.all("channel").find((channel) => channel.kind === "im").id);
  conversation.composer.prefill(text);
}

/** Goes on as another member of the team, in their own client. */
function become(userId, text = "") {
  waiting = text;
  thread.close();
  leave?.();
  leave = follow(userId, { news: (news) => store.apply(news), state: onState });
}

function openChannel(channelId) {
  thread.close();
  conversation.open(channelId);
  if (store.channel(channelId).kind === "im") actions.do("home", { tab: "messages" });
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
  if (detail.keys.has("workspace") && waiting !== null) {
    openChannel(store.channel(conversation.channelId) ? conversation.channelId : firstChannel());
    conversation.composer.prefill(waiting);
    waiting = null;
  }
  for (const key of detail.keys) noteUnread(key, detail.news);
  for (const key of detail.keys) followIntoThread(key, detail.news);
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

/** What one says to the bot begins a thread, which opens, as in Slack's agent view. */
function followIntoThread(key, news) {
  const record = store.records.get(key);
  const isOwn = !news.reset && record?.type === "message" && record.user_id === store.workspace.me && !record.thread_ts;
  if (isOwn && record.channel_id === conversation.channelId && store.channel(record.channel_id).kind === "im") openThread(record);
}

const firstChannel = () => store.all("channel").find((channel) => channel.kind !== "im").id;

function tellModel() {
  const { is_demonstration: isDemonstration, model, is_connected: isConnected } = store.workspace;
  const words = isDemonstration
    ? t("No model is configured: these are sample replies.")
    : t("Replies are written by {model}.", { model });
  fill(byId("banner"), words);
  byId("banner").classList.toggle("demonstration", isDemonstration);
  tellConnection(isConnected ? "" : t("The bot is not connected."));
}

function tellConnection(words) {
  fill(byId("connection"), words);
}

function onState(isOpen) {
  if (!isOpen) tellConnection(t("The playground does not answer. Trying again…"));
  else if (store.workspace) tellModel();
}

store.addEventListener("change", onChange);
byId("inspector-toggle").addEventListener("click", () => showInspector(byId("inspector").hidden));
for (const tab of document.querySelectorAll("[data-show]")) tab.addEventListener("click", () => showPane(tab.dataset.show));
showPane("conversation");
showInspector(matchMedia(ROOM_FOR_INSPECTOR).matches);

// A client that starts anew sees no private messages and no modals of before, as in Slack.
const gone = await Promise.all([AGENT, ADMIN].map((each) => send("reload", { as: each }))).catch(() => onState(false));
become(AGENT);
if (gone?.some(({ vanished }) => vanished > 0)) store.addEventListener("change", tellVanished, { once: true });

function tellVanished() {
  const command = `${store.workspace.commands[0]?.command} last`;
  toast(t("Private messages are gone after a reload, as in Slack. {command} shows your open replies again.", { command }), "status");
}
