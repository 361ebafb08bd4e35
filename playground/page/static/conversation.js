/** The channel that one looks at: its head, its messages or the app's Home tab, the composer. */

import { render } from "./blocks.js";
import { Composer } from "./composer.js";
import { fill, h } from "./dom.js";
import { FirstSteps } from "./first_steps.js";
import { MessageList } from "./messages.js";
import { nameOf } from "./sidebar.js";
import { t } from "./texts.js";
import { Working } from "./working.js";

export class Conversation {
  #store;
  #actions;
  #list;
  #firstSteps;
  #working;
  #title = h("h1", {});
  #topic = h("p", { class: "topic" });
  #prompts = h("div", { class: "prompts", role: "group", "aria-label": t("Suggestions"), hidden: true });
  #tabs = h("div", { class: "home-tabs", role: "group", "aria-label": t("The bot") });
  #home = h("div", { class: "home", hidden: true });
  #shownHome = null;
  #isAtHome = false;

  constructor(element, { store, actions, openThread, become, doors }) {
    this.element = element;
    this.#store = store;
    this.#actions = actions;
    this.#list = new MessageList({ store, actions, label: t(t("Messages")), openThread });
    this.composer = new Composer({ store, actions, id: "composer", inThread: false, become, onact: () => this.#firstSteps.hide() });
    this.#working = new Working(store);
    this.#firstSteps = new FirstSteps(store, doors);
    const head = h("header", { class: "pane-head" }, h("div", {}, this.#title, this.#topic), this.#firstSteps.toggle, this.#tabs);
    fill(element, head, this.#home, this.#list.element, this.#firstSteps.element, this.#prompts, this.#working.element, this.composer.element);
  }

  /** Shows another channel. */
  open(channelId) {
    this.channelId = channelId;
    const channel = this.#store.channel(channelId);
    const name = nameOf(channel, this.#store);
    document.title = `${name} · Playground`;
    fill(this.#title, name);
    fill(this.#topic, t(channel.topic));
    this.#list.restart(t("Messages in {name}", { name }));
    this.composer.writeIn({ channel: channelId, name });
    this.#isAtHome = false;
    this.#firstSteps.open(channelId);
    this.update({ keys: new Set() });
  }

  update(change) {
    this.#list.show(this.#store.conversation(this.channelId));
    this.composer.update();
    this.#working.update(change, this.channelId);
    this.#showTabs();
    this.#showPrompts(change);
    this.#showHome();
  }

  /** What the bot suggests to say to it. */
  #showPrompts({ keys }) {
    const key = `prompts:${this.channelId}`;
    if (keys.size > 0 && !keys.has(key)) return;
    const prompts = this.#store.records.get(key)?.prompts ?? [];
    const say = ({ title, message }) => h("button", { type: "button", class: "button", onclick: () => this.composer.run(message) }, title);
    fill(this.#prompts, ...prompts.map(say));
  }

  /** Brings a message into sight, and returns its element. */
  reveal(key) {
    return this.#list.reveal(key);
  }

  focus() {
    this.composer.text.focus();
  }

  #showTabs() {
    const hasHome = this.#store.channel(this.channelId).kind === "im" && this.#store.workspace.home_tab;
    this.#tabs.hidden = !hasHome;
    if (!hasHome || this.#tabs.childElementCount > 0) return;
    const home = h("button", { type: "button", class: "quiet", onclick: () => this.#goHome(true) }, t("Home"));
    const messages = h("button", { type: "button", class: "quiet", onclick: () => this.#goHome(false) }, t("Messages"));
    fill(this.#tabs, home, messages);
  }

  #goHome(isAtHome) {
    this.#isAtHome = isAtHome;
    if (isAtHome) this.#actions.do("home");
    this.#showHome();
  }

  #showHome() {
    for (const [index, tab] of [...this.#tabs.children].entries()) tab.setAttribute("aria-pressed", String((index === 0) === this.#isAtHome));
    this.#home.hidden = !this.#isAtHome;
    for (const part of [this.#list.element, this.composer.element, this.#working.element]) part.hidden = this.#isAtHome;
    this.#prompts.hidden = this.#isAtHome || this.#prompts.childElementCount === 0;
    const home = this.#store.home;
    if (!this.#isAtHome || (home && home === this.#shownHome)) return;
    this.#shownHome = home;
    const nothing = h("p", { class: "soft" }, t("The bot shows nothing here."));
    fill(this.#home, ...(home ? render(home.content.blocks, this.#actions.on({ view: home.id })) : [nothing]));
  }
}
