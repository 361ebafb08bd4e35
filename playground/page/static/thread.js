/** One thread, beside the conversation. */

import { Composer } from "./composer.js";
import { fill, h } from "./dom.js";
import { MessageList } from "./messages.js";
import { t } from "./texts.js";

export class Thread {
  #store;
  #root = null;
  #list;
  #opener = null;
  #where = h("small", {});

  constructor(element, { store, actions, become }) {
    this.element = element;
    this.#store = store;
    this.#list = new MessageList({ store, actions, label: t("Messages in the thread") });
    this.composer = new Composer({ store, actions, id: "thread-composer", inThread: true, become });
    const close = h("button", { type: "button", class: "quiet", "aria-label": t("Close the thread"), onclick: () => this.close() }, "×");
    fill(element, h("header", { class: "pane-head" }, h("h2", {}, t("Thread"), " ", this.#where), close), this.#list.element, this.composer.element);
    element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) this.close();
    });
  }

  get isOpen() {
    return this.#root !== null;
  }

  open(record, channelName) {
    this.#opener = document.activeElement;
    this.#root = { channel: record.channel_id, ts: record.thread_ts ?? record.ts };
    this.element.hidden = false;
    fill(this.#where, channelName);
    this.#list.restart(t("Thread in {name}", { name: channelName }));
    this.composer.writeIn({ channel: this.#root.channel, name: channelName, thread_ts: this.#root.ts });
    this.update();
    this.composer.text.focus();
  }

  update() {
    if (!this.#root) return;
    this.#list.show(this.#store.thread(this.#root.channel, this.#root.ts));
    this.composer.update();
  }

  close() {
    if (!this.#root) return;
    this.#root = null;
    this.element.hidden = true;
    if (this.#opener?.isConnected) this.#opener.focus();
  }
}
