/** The card for newcomers: examples to press, and the other ways to ask. */

import { fill, h } from "./dom.js";
import { isCustomer } from "./messages.js";
import { ADMIN } from "./store.js";
import { language, t } from "./texts.js";

const EXAMPLES = 3;
const HIDDEN = "first-steps-hidden";

/** A customer's message as one would type it behind a command. */
const typed = (text) => text.replace(/:[a-z_]+:|[*_~`]/gu, "").trim();

export class FirstSteps {
  #store;
  #doors;
  #channelId = null;

  /** @param {object} doors what its buttons do: `run`, `openMenu`, `mention`, `paste`, `write`, `become` */
  constructor(store, doors) {
    this.#store = store;
    this.#doors = doors;
    this.element = h("section", { class: "first-steps", id: "first-steps", "aria-label": t("First steps"), hidden: true });
    this.toggle = h("button", { type: "button", class: "quiet first-steps-toggle", "aria-controls": "first-steps", onclick: () => this.#show(this.element.hidden) }, t("First steps"));
  }

  /** Offers what this channel has examples for. */
  open(channelId) {
    this.#channelId = channelId;
    const hasAny = this.#messages().length > 0 && this.#command;
    this.toggle.hidden = !hasAny;
    if (!hasAny) this.element.hidden = true;
    else this.#show(!sessionStorage.getItem(HIDDEN));
  }

  get #command() {
    return this.#store.workspace.commands[0]?.command;
  }

  /** Customers' messages, each customer's newest; those in the agent's language first. */
  #messages() {
    const written = this.#store.conversation(this.#channelId).filter((record) => record.user_id && isCustomer(this.#store.user(record.user_id)));
    const newest = [...new Map(written.map((record) => [record.user_id, record])).values()].sort((one, other) => (one.ts < other.ts ? 1 : -1));
    const isOwn = (record) => this.#store.user(record.user_id).locale?.split("-")[0] === language.split("-")[0];
    const isSame = (record) => this.#store.user(record.user_id).locale === language;
    return newest.sort((one, other) => isSame(other) - isSame(one) || isOwn(other) - isOwn(one));
  }

  #show(isShown) {
    this.element.hidden = !isShown;
    this.toggle.setAttribute("aria-expanded", String(isShown));
    if (isShown) {
      sessionStorage.removeItem(HIDDEN);
      this.#draw();
    }
  }

  hide() {
    sessionStorage.setItem(HIDDEN, "1");
    this.#show(false);
  }

  #draw() {
    const messages = this.#messages();
    const press = (label, act, style = "button") => h("button", { type: "button", class: style, onclick: () => this.#leaveFor(act) }, label);
    const examples = messages.slice(0, EXAMPLES).map((record) => {
      const command = `${this.#command} ${typed(record.text)}`;
      return h("li", {}, press(h("code", {}, command), () => this.#doors.run(command), "example"));
    });
    const newest = messages[0];
    const doors = [
      [t("⋮ on a message"), () => this.#doors.openMenu(newest)],
      [t("@mention in a thread"), () => this.#doors.mention(newest)],
      [t("⚡ paste a message"), () => this.#doors.paste()],
      [t("Direct message"), () => this.#doors.write(typed(newest.text))],
      this.#store.workspace.me !== ADMIN && [t("As an admin: pause, export"), () => this.#doors.become(ADMIN, `${this.#command} export`)],
    ].filter(Boolean);
    fill(
      this.element,
      h("header", {}, h("h2", {}, t("First steps")), h("button", { type: "button", class: "quiet", "aria-label": t("Hide the first steps"), onclick: () => this.hide() }, "×")),
      h("p", {}, t("Press one of these, then Use on the reply that you like.")),
      h("ul", {}, examples),
      h("p", { class: "soft" }, t("More ways to ask")),
      h("div", { class: "doors" }, doors.map(([label, act]) => press(label, act))),
      this.#reports(),
    );
  }

  /** What a team lead would read, of an invented team; nothing where there is none. */
  #reports() {
    const { experiment, comparison, team } = this.#store.workspace.terminal;
    const rows = [[t("An experiment that runs"), experiment], [t("A comparison of two playbooks"), comparison], [t("Two weeks of the team"), team]].filter(([, command]) => command);
    if (rows.length === 0) return null;
    return h(
      "details",
      {},
      h("summary", {}, t("For team leads: reports on an invented team")),
      h("p", { class: "soft" }, t("Type these in a second terminal, in the same folder.")),
      h("dl", { class: "reports" }, rows.map(([label, command]) => [h("dt", {}, label), h("dd", {}, h("code", {}, command))])),
    );
  }

  #leaveFor(act) {
    this.hide();
    act();
  }
}
