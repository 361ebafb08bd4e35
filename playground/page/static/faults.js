/** What may go wrong, on demand: the model, Slack's answers, clicks that come twice, the socket. */

import { fill, freshId, h } from "./dom.js";
import { t } from "./texts.js";

const MODEL = [
  ["none", "Answers well"],
  ["slow", "Slow"],
  ["rate_limited", "Rate limited (429)"],
  ["broken", "Broken (500)"],
];
const ONCE = [
  ["post_rate_limited", "Slack answers 429 to the next post", "ratelimited"],
  ["post_answer_lost", "Slack posts, but its answer is lost", "answer_lost"],
  ["click_twice", "The next click is delivered twice", null],
];

export class Faults {
  #actions;
  #armed = new Map();
  #status = h("p", { class: "soft", role: "status" });

  constructor(actions) {
    this.#actions = actions;
    this.element = h("div", { class: "faults" }, this.#model(), this.#once(), this.#socket(), this.#status);
  }

  /** What was planned has happened: its button may be pressed again. */
  update(entries) {
    for (const [control, error] of this.#armed) {
      const isOver = error === null ? clicks(entries) > 1 : entries.some((entry) => entry.error === error);
      if (!isOver) continue;
      this.#armed.delete(control);
      control.setAttribute("aria-pressed", "false");
      fill(this.#status, t("Happened: {fault}.", { fault: control.textContent }));
    }
  }

  #model() {
    const name = freshId("model");
    const choices = MODEL.map(([value, label]) =>
      h("label", {}, h("input", { type: "radio", name, value, checked: value === "none", onchange: () => this.#plan(`model_${value}`, t("The model: {fault}.", { fault: t(label).toLowerCase() })) }), t(label)),
    );
    return h("fieldset", {}, h("legend", {}, t("The model")), choices);
  }

  #once() {
    const buttons = ONCE.map(([name, label, error]) => {
      const control = h("button", { type: "button", class: "button", "aria-pressed": "false" }, t(label));
      control.addEventListener("click", async () => {
        if (this.#armed.has(control) || !(await this.#plan(name, t("Planned: {fault}.", { fault: t(label) })))) return;
        this.#armed.set(control, error);
        control.setAttribute("aria-pressed", "true");
      });
      return control;
    });
    return h("fieldset", {}, h("legend", {}, t("Once")), buttons);
  }

  #socket() {
    const cut = () => this.#plan("socket_cut", t("The socket is cut; the bot connects again by itself."));
    return h("fieldset", {}, h("legend", {}, "Socket Mode"), h("button", { type: "button", class: "button", onclick: cut }, t("Disconnect the socket")));
  }

  async #plan(name, words) {
    const answer = await this.#actions.do("fault", { name });
    if (answer) fill(this.#status, words);
    return answer !== null;
  }
}

const clicks = (entries) => entries.filter((entry) => entry.kind === "request" && entry.name.startsWith("block_actions:")).length;
