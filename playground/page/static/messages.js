/** A list of messages that follows the store: only what changed is drawn anew, and the reader's place stays. */

import { render } from "./blocks.js";
import { fill, h } from "./dom.js";
import { gist, mrkdwn } from "./mrkdwn.js";
import { popup } from "./popup.js";
import { language, t } from "./texts.js";

const TOGETHER_S = 300;
const AT_THE_END_PX = 60;
const END_PX = 12;
const TONES = 8;

const dateOf = (record) => new Date(Number.parseFloat(record.ts) * 1000);
const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });

/** A person's initials on one of the tones, the same for the same person. */
export function avatar(user, style = "") {
  const words = user.real_name.trim().split(/\s+/u);
  const initials = words.length > 1 ? [...words[0]][0] + [...words.at(-1)][0] : [...words[0]].slice(0, 2).join("");
  const tone = [...user.id].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % TONES;
  return h("span", { class: `avatar tone-${tone} ${style}`, "aria-hidden": "true" }, initials.toUpperCase());
}

export class MessageList {
  #store;
  #actions;
  #openThread;
  #drawn = new Map();
  #scroller;
  #list;
  #more;
  #followed = null;
  #followedAct = 0;

  /**
   * @param {object} options
   * @param {string} options.label
   * @param {(record: object) => void} [options.openThread] left out inside a thread
   */
  constructor({ store, actions, label, openThread }) {
    this.#store = store;
    this.#actions = actions;
    this.#openThread = openThread;
    this.#list = h("div", { class: "list" });
    this.#scroller = h("div", { class: "scroller", role: "log", tabindex: "0", "aria-label": label }, this.#list);
    this.#more = h("button", { type: "button", class: "new-messages", hidden: true, onclick: () => this.#toEnd() }, t("New messages ↓"));
    let isAtEnd = true;
    this.#scroller.addEventListener("scroll", () => {
      isAtEnd = this.#isAtEnd();
      if (isAtEnd) this.#more.hidden = true;
    });
    for (const moving of ["wheel", "touchmove", "pointerdown", "keydown"]) {
      this.#scroller.addEventListener(moving, () => (this.#followed = null), { passive: true });
    }
    // A composer that grows takes room from the messages: who reads the newest goes on reading it.
    new ResizeObserver(() => {
      if (this.#drawn.has(this.#followed)) this.#reveal(this.#followed);
      else if (isAtEnd) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    }).observe(this.#scroller);
    this.element = h("div", { class: "messages" }, this.#scroller, this.#more);
  }

  /** Another conversation: everything is drawn anew, from the end. */
  restart(label) {
    this.#drawn.clear();
    this.#followed = null;
    fill(this.#list);
    this.#scroller.setAttribute("aria-label", label);
    this.#more.hidden = true;
  }

  /** Shows these records, oldest first. */
  show(records) {
    const isFirst = this.#drawn.size === 0;
    const wasAtEnd = isFirst || this.#isAtEnd();
    const items = this.#withDays(records);
    const news = items.filter((item) => !this.#drawn.has(item.key));
    const held = document.activeElement?.closest?.("[data-key]")?.dataset.key;
    this.#drawOver(items);
    if (held && document.activeElement === document.body) this.#drawn.get(held)?.node.focus();
    if (!isFirst) for (const item of news) this.#follow(item);
    if (this.#drawn.has(this.#followed)) this.#reveal(this.#followed);
    else if (wasAtEnd) this.#toEnd();
    else if (news.length > 0) this.#more.hidden = false;
  }

  /** The answer to one's own action stays in sight, also while it grows, until one scrolls away or acts again. */
  #follow({ key, record }) {
    const isOwn = record && (isPrivate(record) || record.user_id === this.#store.workspace.me);
    const hasAnswer = this.#followedAct === this.#actions.count && this.#drawn.get(this.#followed)?.node.querySelector(".button");
    if (!isOwn || hasAnswer) return;
    this.#followed = key;
    this.#followedAct = this.#actions.count;
  }

  #withDays(records) {
    let before = null;
    return records.flatMap((record) => {
      const today = day.format(dateOf(record));
      const starts = !before || day.format(dateOf(before)) !== today;
      const follows = !starts && isFollowing(before, record);
      before = record;
      const item = { key: record.key, record, stamp: this.#stamp(record, follows), follows };
      return starts ? [{ key: `day:${today}`, day: today, stamp: today }, item] : [item];
    });
  }

  /** What else a drawn message depends on: who wrote it, its thread. */
  #stamp(record, follows) {
    const replies = this.#replies(record).map((reply) => reply.ts);
    return [follows, this.#store.user(authorOf(record)).real_name, ...replies].join(" ");
  }

  #replies(record) {
    if (!this.#openThread) return [];
    return this.#store.thread(record.channel_id, record.ts).filter((reply) => reply.ts !== record.ts && !isPrivate(reply));
  }

  #drawOver(items) {
    const keys = new Set(items.map((item) => item.key));
    for (const [key, { node }] of this.#drawn) {
      if (keys.has(key)) continue;
      node.remove();
      this.#drawn.delete(key);
    }
    let place = this.#list.firstChild;
    for (const item of items) {
      const drawn = this.#drawn.get(item.key);
      if (drawn && drawn.record === item.record && drawn.stamp === item.stamp) {
        if (drawn.node === place) place = place.nextSibling;
        else this.#list.insertBefore(drawn.node, place);
        continue;
      }
      const node = item.day ? dayLine(item.day) : this.#message(item);
      if (drawn) {
        if (drawn.node === place) place = place.nextSibling;
        drawn.node.replaceWith(node);
      } else {
        this.#list.insertBefore(node, place);
      }
      this.#drawn.set(item.key, { ...item, node });
    }
  }

  #message({ record, follows }) {
    const author = this.#store.user(authorOf(record));
    const name = record.username ?? author.real_name;
    const at = dateOf(record);
    const clock = h("time", { datetime: at.toISOString(), title: at.toLocaleString(language) }, time.format(at));
    const classes = ["message", follows && "follows", isPrivate(record) && "private"].filter(Boolean).join(" ");
    return h(
      "article",
      { class: classes, tabindex: "-1", "aria-label": `${name}, ${time.format(at)}`, "data-key": record.key },
      follows ? h("span", { class: "gutter" }, clock) : avatar(author),
      h(
        "div",
        { class: "message-body" },
        isPrivate(record) && h("p", { class: "private-note" }, eye(), " ", t("Only visible to you")),
        !follows && h("p", { class: "byline" }, h("strong", {}, name), badge(author, record), clock),
        h("div", { class: "content" }, this.#content(record)),
        this.#threadLink(record),
      ),
      this.#toolbar(record),
    );
  }

  #content(record) {
    const place = `${record.channel_id}/${record.ts}`;
    const context = this.#actions.on(isPrivate(record) ? { ephemeral: place } : { message: place });
    const files = (record.files ?? []).map((file) => h("p", { class: "file" }, `📎 ${file.name} `, h("span", { class: "soft" }, sizeOf(file.size))));
    if (record.blocks.length > 0) return [...render(record.blocks, context), ...files];
    const edited = record.edited_ts && h("small", { class: "soft" }, t(" (edited)"));
    return [h("div", { class: "text" }, mrkdwn(record.text, this.#store), edited), ...files];
  }

  #threadLink(record) {
    const replies = this.#replies(record);
    if (replies.length === 0) return null;
    const writers = [...new Set(replies.map(authorOf))].slice(0, 3).map((id) => avatar(this.#store.user(id), "tiny"));
    const count = t(replies.length === 1 ? "1 reply" : "{count} replies", { count: replies.length });
    return h("button", { type: "button", class: "thread-link", onclick: () => this.#openThread(record) }, writers, h("span", {}, count));
  }

  #toolbar(record) {
    if (isPrivate(record)) return null;
    const shortcuts = this.#store.workspace.shortcuts.filter((shortcut) => shortcut.type === "message");
    const about = gist(record.text, 30);
    const reply =
      this.#openThread &&
      h("button", { type: "button", class: "quiet", "aria-label": t("Reply in thread to “{about}”", { about }), title: t("Reply in thread"), onclick: () => this.#openThread(record) }, "💬");
    const more =
      shortcuts.length > 0 &&
      popup({
        role: "menu",
        label: t("More actions on “{about}”", { about }),
        face: ["⋮"],
        style: "quiet",
        items: shortcuts.map((shortcut) => ({ label: shortcut.name, value: shortcut.callback_id, description: t(shortcut.description) || this.#store.workspace.app })),
        onchoose: (item) => this.#actions.do("shortcut", { callback_id: item.value, message: `${record.channel_id}/${record.ts}` }),
      });
    if (!reply && !more) return null;
    return h("div", { class: "toolbar", role: "group", "aria-label": t("Message actions") }, reply, more);
  }

  /** Brings a message into sight, to stay there until one scrolls away, and returns its element. */
  reveal(key) {
    this.#followed = key;
    this.#followedAct = this.#actions.count;
    this.#reveal(key);
    return this.#drawn.get(key).node;
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < AT_THE_END_PX;
  }

  #toEnd() {
    const newest = this.#list.lastElementChild?.dataset.key;
    if (newest) this.#reveal(newest);
    this.#more.hidden = true;
  }

  /** Shows a message whole; from its beginning, if it is longer than the window. */
  #reveal(key) {
    const { offsetTop: top, offsetHeight: height } = this.#drawn.get(key).node;
    const room = this.#scroller.clientHeight - END_PX;
    this.#scroller.scrollTop = height > room ? top : top + height - room;
  }
}

const isPrivate = (record) => record.type === "ephemeral";
const authorOf = (record) => (isPrivate(record) ? record.author_id : record.user_id);

/** Whether it stands under the same name, without a face of its own. */
function isFollowing(before, record) {
  const isSoon = Number.parseFloat(record.ts) - Number.parseFloat(before.ts) < TOGETHER_S;
  return isSoon && !isPrivate(record) && !isPrivate(before) && authorOf(before) === authorOf(record);
}

function badge(author, record) {
  if (author.is_bot || record.bot_id) return h("span", { class: "badge" }, t("Bot"));
  if (isCustomer(author)) return h("span", { class: "badge customer" }, t("Customer"));
  return null;
}

/** Who comes from outside the team. */
export const isCustomer = (user) => user.is_stranger || user.is_restricted;

const sizeOf = (bytes) => new Intl.NumberFormat(language, { style: "unit", unit: "kilobyte", maximumFractionDigits: 1 }).format(bytes / 1000);
const eye = () => h("span", { "aria-hidden": "true" }, "👁");
const dayLine = (text) => h("p", { class: "day" }, h("span", {}, text));
