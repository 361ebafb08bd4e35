/** The channels and the direct message with the bot. */

import { fill, h } from "./dom.js";
import { avatar } from "./messages.js";
import { t } from "./texts.js";

const SIGNS = { public: "#", private: "🔒" };

/** What a channel is called: `#support`, or the bot's name for its direct message. */
export function nameOf(channel, store) {
  if (channel.kind !== "im") return `#${channel.name}`;
  const other = channel.members.find((id) => id !== store.workspace.me) ?? store.workspace.me;
  return store.user(other).real_name;
}

export class Sidebar {
  #store;
  #choose;
  #unread = new Set();

  /** @param {(channelId: string) => void} choose */
  constructor(element, store, choose) {
    this.element = element;
    this.#store = store;
    this.#choose = choose;
  }

  /** Something was said in a channel that is not looked at. */
  markUnread(channelId) {
    this.#unread.add(channelId);
  }

  show(current) {
    this.#unread.delete(current);
    const channels = this.#store.all("channel");
    const focused = document.activeElement?.dataset?.channel;
    fill(
      this.element,
      this.#me(),
      h("h2", {}, t("Channels")),
      h("ul", {}, channels.filter((each) => each.kind !== "im" && !each.is_archived).map((each) => this.#entry(each, current))),
      h("h2", {}, t("Bots")),
      h("ul", {}, channels.filter((each) => each.kind === "im").map((each) => this.#entry(each, current))),
      h("h2", {}, t("Archived")),
      h("ul", {}, channels.filter((each) => each.is_archived).map((each) => this.#entry(each, current))),
    );
    if (focused) this.element.querySelector(`[data-channel="${focused}"]`)?.focus();
  }

  #me() {
    const me = this.#store.user(this.#store.workspace.me);
    return h("p", { class: "me" }, avatar(me, "small"), h("span", {}, me.real_name, h("small", {}, t(me.is_admin ? "admin" : "support agent"))));
  }

  #entry(channel, current) {
    const isUnread = this.#unread.has(channel.id);
    const attributes = {
      type: "button",
      class: isUnread ? "unread" : "",
      "aria-current": channel.id === current ? "page" : undefined,
      "data-channel": channel.id,
      title: channel.topic ? t(channel.topic) : undefined,
      onclick: () => this.#choose(channel.id),
    };
    const sign = h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[channel.kind] ?? "✦");
    const name = nameOf(channel, this.#store).replace(/^#/u, "");
    return h("li", {}, h("button", attributes, sign, h("span", {}, name), isUnread && h("span", { class: "visually-hidden" }, t(", unread"))));
  }
}
