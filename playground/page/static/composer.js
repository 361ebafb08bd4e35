/** Where one writes: as oneself or as a customer, with the app's commands. */

import { commandIn, completions } from "./completion.js";
import { fill, freshId, h } from "./dom.js";
import { isCustomer } from "./messages.js";
import { popup } from "./popup.js";
import { ADMIN, AGENT } from "./store.js";
import { t } from "./texts.js";
import { toast } from "./toast.js";

const MAX_HEIGHT_PX = 220;

export class Composer {
  #store;
  #actions;
  #inThread;
  #become;
  #onact;
  #place = null;
  #offered = { start: 0, items: [] };
  #at = 0;

  /** @param {{store: object, actions: object, id: string, inThread: boolean, become: (id: string, text: string) => void, onact?: () => void}} options */
  constructor({ store, actions, id, inThread, become, onact }) {
    this.#store = store;
    this.#actions = actions;
    this.#inThread = inThread;
    this.#become = become;
    this.#onact = onact;
    this.#build(id);
  }

  /** Where the next message goes: `thread_ts` for a reply in a thread. */
  writeIn({ channel, name, thread_ts }) {
    this.#place = { channel, thread_ts };
    this.text.placeholder = thread_ts ? t("Reply…") : t("Message {name}", { name });
    this.text.setAttribute("aria-label", thread_ts ? t("Reply in thread") : t("Message {name}", { name }));
    this.update();
  }

  /** The people as whom one may write here. */
  update() {
    const channel = this.#store.channel(this.#place?.channel);
    if (!channel) return;
    const { me } = this.#store.workspace;
    const members = this.#store.members(channel.id);
    const writers = members.filter((user) => user.id === AGENT || user.id === ADMIN || isCustomer(user));
    const rank = (user) => [AGENT, ADMIN].indexOf(user.id) + (isCustomer(user) ? 3 : 0);
    const options = writers.sort((one, other) => rank(one) - rank(other)).map((user) => [user.id, t(writerLabel(user), { name: user.real_name })]);
    const signature = JSON.stringify([me, options]);
    if (this.who.dataset.options !== signature) {
      const { value } = this.who;
      fill(this.who, ...options.map(([id, label]) => h("option", { value: id }, label)));
      this.who.dataset.options = signature;
      const isKept = options.some(([id]) => id === value) && isCustomer(this.#store.user(value));
      this.who.value = isKept ? value : me;
    }
    this.#whoLine.hidden = options.length < 2;
    this.#offerShortcuts();
    const closed = channel.is_archived ? t("This channel is archived.") : "";
    this.text.disabled = Boolean(closed);
    this.#sendButton.disabled = Boolean(closed);
    if (closed) this.text.placeholder = closed;
  }

  #whoLine;
  #sendButton;
  #list;
  #hint;
  #shortcuts = h("span", { class: "shortcuts" });

  /** The app's shortcuts beside the composer, as in Slack: not in threads. */
  #offerShortcuts() {
    const shortcuts = this.#inThread ? [] : (this.#store.workspace.shortcuts ?? []).filter(({ type }) => type === "global");
    const signature = JSON.stringify(shortcuts);
    if (this.#shortcuts.dataset.offered === signature) return;
    this.#shortcuts.dataset.offered = signature;
    const menu = popup({
      role: "menu",
      label: t("Shortcuts"),
      face: ["⚡"],
      style: "quiet",
      items: shortcuts.map(({ name, callback_id, description }) => ({ label: name, value: callback_id, description: t(description) })),
      onchoose: (item) => this.#actions.do("shortcut", { callback_id: item.value }),
    });
    fill(this.#shortcuts, shortcuts.length > 0 && menu);
  }

  #build(id) {
    const listId = freshId("completions");
    const hintId = freshId("composer-hint");
    this.text = h("textarea", {
      id: `${id}-text`,
      rows: "1",
      "aria-autocomplete": "list",
      "aria-controls": listId,
      "aria-describedby": hintId,
      "aria-label": t("Message"),
      autocomplete: "off",
      oninput: () => this.#typed(),
      onkeydown: (event) => this.#key(event),
      onblur: () => this.#offer({ start: 0, items: [] }),
    });
    this.#list = h("ul", { id: listId, class: "completions", role: "listbox", "aria-label": t("Suggestions"), hidden: true });
    this.#hint = h("p", { id: hintId, class: "composer-hint" });
    this.who = h("select", { id: `${id}-who`, onchange: () => this.#chooseWriter() });
    this.#whoLine = h("span", { class: "who" }, h("label", { for: `${id}-who` }, t("Write as")), this.who);
    this.#sendButton = h("button", { type: "submit", class: "button primary send", "aria-label": t("Send") }, t("Send"));
    const row = h("div", { class: "composer-row" }, this.#shortcuts, this.#whoLine, this.#hint, this.#sendButton);
    this.element = h("form", { class: "composer", onsubmit: (event) => this.#submit(event) }, this.#list, this.text, row);
  }

  get #isMe() {
    return this.who.value === this.#store.workspace.me;
  }

  /** Another member of the team has a client of their own. */
  #chooseWriter() {
    const chosen = this.who.value;
    if (chosen !== this.#store.workspace.me && !isCustomer(this.#store.user(chosen))) this.#become(chosen, this.text.value);
    else this.#typed();
  }

  /** Puts words where one writes, to be sent or changed. */
  prefill(text) {
    this.#set(text);
    this.text.focus();
  }

  /** Sends a text, or a command, as the person at the page. */
  run(command) {
    this.who.value = this.#store.workspace.me;
    this.prefill(command);
    this.element.requestSubmit();
  }

  #typed() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight + 2, MAX_HEIGHT_PX)}px`;
    const before = this.text.value.slice(0, this.text.selectionStart);
    this.#offer(completions(before, this.#store, this.#place.channel, { commands: this.#isMe && !this.#inThread }));
    this.#tellUsage();
  }

  /** The command's usage hint, while its text is being written. */
  #tellUsage() {
    const typed = commandIn(this.text.value, this.#store);
    const known = typed?.isKnown && this.#store.workspace.commands.find(({ command }) => command === typed.command);
    fill(this.#hint, known ? h("strong", {}, known.command) : "", known ? ` ${t(known.usage_hint || known.description)}` : "");
  }

  #offer(offered) {
    this.#offered = offered;
    this.#at = 0;
    const items = offered.items.map((item, index) =>
      h(
        "li",
        { id: `${this.#list.id}-${index}`, role: "option", "aria-selected": "false", onmousedown: (event) => this.#take(event, index) },
        h("strong", {}, item.label),
        " ",
        h("span", { class: "soft" }, item.hint),
        h("small", {}, item.detail),
      ),
    );
    fill(this.#list, ...items);
    this.#list.hidden = items.length === 0;
    this.#mark();
  }

  #mark() {
    const items = [...this.#list.children];
    for (const [index, item] of items.entries()) item.setAttribute("aria-selected", String(index === this.#at));
    const active = items[this.#at];
    if (active) this.text.setAttribute("aria-activedescendant", active.id);
    else this.text.removeAttribute("aria-activedescendant");
    active?.scrollIntoView({ block: "nearest" });
  }

  #take(event, index) {
    event.preventDefault();
    const cursor = this.text.selectionStart;
    const { insert } = this.#offered.items[index];
    this.text.setRangeText(insert, this.#offered.start, cursor, "end");
    this.#offer({ start: 0, items: [] });
    this.#typed();
  }

  #key(event) {
    const count = this.#offered.items.length;
    if (count > 0 && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      this.#at = (this.#at + (event.key === "ArrowDown" ? 1 : count - 1)) % count;
      this.#mark();
    } else if (count > 0 && (event.key === "Tab" || event.key === "Enter") && !event.shiftKey && !event.isComposing) {
      this.#take(event, this.#at);
    } else if (event.key === "Escape" && count > 0) {
      event.preventDefault();
      event.stopPropagation();
      this.#offer({ start: 0, items: [] });
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.element.requestSubmit();
    }
  }

  async #submit(event) {
    event.preventDefault();
    const written = this.text.value;
    if (!written.trim()) return;
    const command = this.#isMe ? commandIn(written.trim(), this.#store) : null;
    if (command && this.#inThread) {
      toast(t("{command} does not work in threads, as in Slack. Run it in the channel.", command));
      return;
    }
    if (command && !command.isKnown) {
      toast(t("{command} is not a command here.", command));
      return;
    }
    this.#onact?.();
    this.#set("");
    const answer = command ? await this.#run(command) : await this.#write(written);
    if (answer === null && this.text.value === "") this.#set(written);
  }

  #set(text) {
    this.text.value = text;
    this.#typed();
  }

  #run({ command, text }) {
    return this.#actions.do("command", { channel: this.#place.channel, command, text });
  }

  #write(text) {
    const { channel, thread_ts } = this.#place;
    return this.#actions.do("write", { as: this.who.value, channel, thread_ts, text: text.trim() });
  }
}

function writerLabel(user) {
  if (isCustomer(user)) return "{name} (customer)";
  return user.id === AGENT ? "{name} (you)" : "{name} (admin)";
}
