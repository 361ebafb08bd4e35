/** Errors and news of the page itself, in words. */

import { h } from "./dom.js";

const SHOWN_MS = 8000;

/** @param {string} text @param {"alert" | "status"} role */
export function toast(text, role = "alert") {
  const box = h("div", { class: `toast ${role}`, role }, h("p", {}, text));
  const close = h("button", { class: "quiet", type: "button", "aria-label": "Close this notice", onclick: () => box.remove() }, "×");
  box.append(close);
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), SHOWN_MS);
}
