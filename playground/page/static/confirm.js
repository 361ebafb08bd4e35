/** The question that an element asks before it acts. */

import { textNodes } from "./blocks.js";
import { freshId, h } from "./dom.js";

/**
 * @param {object} confirmation Slack's confirmation dialog object
 * @param {import("./store.js").Store} store
 * @returns {Promise<boolean>}
 */
export function confirmed(confirmation, store) {
  return new Promise((resolve) => {
    const titleId = freshId("title");
    const answer = (isYes) => {
      dialog.close();
      dialog.remove();
      resolve(isYes);
    };
    const deny = h("button", { type: "button", class: "button", onclick: () => answer(false) }, confirmation.deny.text);
    const style = confirmation.style === "danger" ? "button danger" : "button primary";
    const confirm = h("button", { type: "button", class: style, onclick: () => answer(true) }, confirmation.confirm.text);
    const dialog = h(
      "dialog",
      { class: "modal small", role: "alertdialog", "aria-labelledby": titleId },
      h("h2", { id: titleId }, confirmation.title.text),
      h("div", { class: "modal-body" }, textNodes(confirmation.text, { store })),
      h("footer", {}, deny, confirm),
    );
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      answer(false);
    });
    document.body.append(dialog);
    dialog.showModal();
    confirm.focus();
  });
}
