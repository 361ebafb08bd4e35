/** The person's modal on top, in a dialog that holds the focus and gives it back. */

import { busy } from "./actions.js";
import { render, valuesIn, withValues } from "./blocks.js";
import { fill, freshId, h } from "./dom.js";
import { t } from "./texts.js";

export class Modal {
  #store;
  #actions;
  #dialog;
  #shown = null;
  #opener = null;

  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    this.#dialog = h("dialog", { class: "modal" });
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#cancel();
    });
    document.body.append(this.#dialog);
  }

  /** Shows what is on top now, or nothing. */
  update() {
    const view = this.#store.topView;
    if (view === this.#shown) return;
    if (view === null) this.#close();
    else this.#draw(view);
    this.#shown = view;
  }

  #draw(view) {
    const isSame = view.id === this.#shown?.id;
    const kept = isSame ? valuesIn(this.#dialog) : {};
    const active = isSame && this.#dialog.contains(document.activeElement) ? document.activeElement : null;
    const held = active?.dataset?.input;
    const button = active?.getAttribute("aria-label");
    const scrolled = isSame ? this.#dialog.querySelector(".modal-body")?.scrollTop : 0;
    const titleId = freshId("title");
    this.#dialog.setAttribute("aria-labelledby", titleId);
    fill(this.#dialog, this.#form(view, titleId, kept));
    if (!this.#dialog.open) {
      this.#opener = document.activeElement;
      this.#dialog.showModal();
    }
    this.#dialog.querySelector(".modal-body").scrollTop = scrolled ?? 0;
    this.#focus(held, button);
  }

  #form(view, titleId, kept) {
    const { title, submit, close, blocks } = view.content;
    const context = { ...this.#actions.on({ view: view.id }), errors: view.errors };
    const general = view.errors[""];
    const cancel = () => this.#cancel();
    const form = h(
      "form",
      { novalidate: true, onsubmit: (event) => this.#submit(event, view) },
      h("header", {}, h("h2", { id: titleId }, title.text), h("button", { type: "button", class: "quiet", "aria-label": t("Close"), onclick: cancel }, "×")),
      h("div", { class: "modal-body" }, general && h("p", { class: "error", role: "alert" }, general), render(withValues(blocks, kept), context)),
      h(
        "footer",
        {},
        h("button", { type: "button", class: "button", onclick: cancel }, close?.text ?? t("Cancel")),
        submit && h("button", { type: "submit", class: "button primary" }, h("span", { class: "face" }, submit.text)),
      ),
    );
    return form;
  }

  #focus(held, button) {
    const wanted = held && `[data-input="${CSS.escape(held)}"]`;
    // What the app changes around a button must not take the focus from it.
    const same = button && `button[aria-label="${CSS.escape(button)}"]`;
    const first = ["[aria-invalid]", wanted, same, "[data-focus]", "[data-input]", "footer button"].filter(Boolean);
    const target = first.map((selector) => this.#dialog.querySelector(selector)).find(Boolean);
    target?.focus();
    // One goes on writing at the end of what stands there, but reads it from its beginning.
    if (target instanceof HTMLTextAreaElement && !held) {
      target.setSelectionRange(target.value.length, target.value.length);
      target.scrollTop = 0;
    }
  }

  async #submit(event, view) {
    event.preventDefault();
    const control = event.target.querySelector("[type=submit]");
    if (control.getAttribute("aria-disabled") === "true") return;
    if (!event.target.reportValidity()) return;
    await busy(control, () => this.#actions.do("submit", { view: view.id, values: valuesIn(event.target) }));
  }

  #cancel() {
    if (this.#shown) this.#actions.do("close", { view: this.#shown.id });
  }

  #close() {
    this.#dialog.close();
    const isThere = this.#opener?.isConnected && this.#opener !== document.body;
    (isThere ? this.#opener : document.getElementById("composer-text"))?.focus();
    this.#opener = null;
  }
}
