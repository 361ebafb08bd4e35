/** Where one writes: as oneself or as a customer, with the app's commands. */

import { commandIn, completions } from "./completion.js";
import { fill, freshId, h } from "./dom.js";
import { isCustomer } from "./messages.js";
import { popup } from "./popup.js";
import { toast } from "./toast.js";

const MAX_HEIGHT_PX = 220;

export class Composer {
  #store;
  #actions;
  #inThread;
  #place = null;
  #offered = { start: 0, items: [] };
  #at = 0;

  /** @param {{store: object, actions: object, id: string, inThread: boolean}} options */
  constructor({ store, actions, id, inThread }) {
    this.#store = store;
    this.#actions = actions;
    this.#inThread = inThread;
    this.#build(id);
  }

  /** Where the next message goes: `thread_ts` for a reply in a thread. */
  writeIn({ channel, name, thread_ts }) {
    this.#place = { channel, thread_ts };
    this.text.placeholder = thread_ts ? "Reply…" : `Message ${name}`;
    this.text.setAttribute("aria-label", thread_ts ? "Reply in thread" : `Message ${name}`);
    this.update();
  }

  /** The people as whom one may write here. */
  update() {
    const channel = this.#store.channel(this.#place?.channel);
    if (!channel) return;
    const me = this.#store.user(this.#store.workspace.me);
    const customers = this.#store.members(channel.id).filter(isCustomer);
    const options = [me, ...customers].map((user) => [user.id, isCustomer(user) ? `${user.real_name} (customer)` : `${user.real_name} (you)`]);
    const signature = JSON.stringify(options);
    if (this.who.dataset.options !== signature) {
      const chosen = this.who.value;
      fill(this.who, ...options.map(([value, label]) => h("option", { value }, label)));
      this.who.dataset.options = signature;
      if (options.some(([value]) => value === chosen)) this.who.value = chosen;
    }
    this.#whoLine.hidden = customers.length === 0;
    this.#offerShortcuts();
    const closed = channel.is_archived ? "This channel is archived." : "";
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
      label: "Shortcuts",
      face: ["⚡"],
      style: "quiet",
      items: shortcuts.map(({ name, callback_id, description }) => ({ label: name, value: callback_id, description })),
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
      "aria-label": "Message",
      autocomplete: "off",
      oninput: () => this.#typed(),
      onkeydown: (event) => this.#key(event),
      onblur: () => this.#offer({ start: 0, items: [] }),
    });
    this.#list = h("ul", { id: listId, class: "completions", role: "listbox", "aria-label": "Suggestions", hidden: true });
    this.#hint = h("p", { id: hintId, class: "composer-hint" });
    this.who = h("select", { id: `${id}-who`, onchange: () => this.#typed() });
    this.#whoLine = h("span", { class: "who" }, h("label", { for: `${id}-who` }, "Write as"), this.who);
    this.#sendButton = h("button", { type: "submit", class: "button primary send", "aria-label": "Send" }, "Send");
    const row = h("div", { class: "composer-row" }, this.#shortcuts, this.#whoLine, this.#hint, this.#sendButton);
    this.element = h("form", { class: "composer", onsubmit: (event) => this.#submit(event) }, this.#list, this.text, row);
  }

  get #isMe() {
    return this.who.value === this.#store.workspace.me;
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
    fill(this.#hint, known ? h("strong", {}, known.command) : "", known ? ` ${known.usage_hint || known.description}` : "");
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
      toast(`${command.command} does not work in threads, as in Slack. Run it in the channel.`);
      return;
    }
    if (command && !command.isKnown) {
      toast(`${command.command} is not a command of any app here.`);
      return;
    }
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
