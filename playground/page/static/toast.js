/** Errors and news of the page itself, in words. */

import { h } from "./dom.js";
import { t } from "./texts.js";

const SHOWN_MS = 8000;

/** @param {string} text @param {"alert" | "status"} role a status stays until it is closed */
export function toast(text, role = "alert") {
  const box = h("div", { class: `toast ${role}`, role }, h("p", {}, text));
  const close = h("button", { class: "quiet", type: "button", "aria-label": t("Close this notice"), onclick: () => box.remove() }, "×");
  box.append(close);
  document.getElementById("toasts").append(box);
  if (role === "alert") setTimeout(() => box.remove(), SHOWN_MS);
}
