/** A button that opens a list to choose from: a select's listbox, or a menu. Arrow keys, Home, End, letters, Escape. */

import { freshId, h } from "./dom.js";

const GAP = 4;

/**
 * @param {object} options
 * @param {"listbox" | "menu"} options.role
 * @param {string} options.label for screen readers
 * @param {Array<Node | string>} options.face what the button shows
 * @param {string} [options.style] the button's classes
 * @param {Array<{label: string, value: string, description?: string}>} options.items
 * @param {string} [options.chosen] the value chosen from the start
 * @param {(item: object, button: HTMLButtonElement) => void} options.onchoose
 * @returns {HTMLElement} the button with its list
 */
export function popup({ role, label, face, style = "button", items, chosen, onchoose }) {
  const id = freshId("list");
  const button = h(
    "button",
    { type: "button", class: style, "aria-haspopup": role, "aria-expanded": "false", "aria-controls": id, "aria-label": label },
    ...face,
  );
  const itemRole = role === "listbox" ? "option" : "menuitem";
  const entries = items.map((item) =>
    h(
      "li",
      { role: itemRole, tabindex: "-1", "aria-selected": role === "listbox" ? String(item.value === chosen) : undefined },
      h("span", {}, item.label),
      item.description && h("small", {}, item.description),
    ),
  );
  const list = h("ul", { id, role, class: "popup", popover: "auto", "aria-label": label }, entries);

  const close = () => list.hidePopover();
  const choose = (entry) => {
    close();
    button.focus();
    if (role === "listbox") for (const each of entries) each.setAttribute("aria-selected", String(each === entry));
    onchoose(items[entries.indexOf(entry)], button);
  };
  const open = () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    list.showPopover();
    place(list, button);
    (entries.find((entry) => entry.getAttribute("aria-selected") === "true") ?? entries[0])?.focus();
  };
  // A press outside the list closes it, also one on its own button: the click that follows must not open it again.
  let closesIt = false;
  button.addEventListener("pointerdown", () => {
    closesIt = list.matches(":popover-open");
  });
  button.addEventListener("click", () => {
    if (!closesIt) open();
    closesIt = false;
  });
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    open();
  });
  list.addEventListener("toggle", (event) => button.setAttribute("aria-expanded", String(event.newState === "open")));
  list.addEventListener("click", (event) => {
    const entry = event.target.closest("li");
    if (entry) choose(entry);
  });
  list.addEventListener("keydown", (event) => onListKey(event, { entries, close, choose, button }));
  return h("span", { class: "popup-anchor" }, button, list);
}

function onListKey(event, { entries, close, choose, button }) {
  const at = entries.indexOf(document.activeElement);
  const moves = { ArrowDown: at + 1, ArrowUp: at - 1 + entries.length, Home: 0, End: entries.length - 1 };
  if (event.key in moves) {
    event.preventDefault();
    entries[moves[event.key] % entries.length].focus();
  } else if ((event.key === "Enter" || event.key === " ") && at >= 0) {
    event.preventDefault();
    choose(entries[at]);
  } else if (event.key === "Escape" || event.key === "Tab") {
    event.preventDefault();
    event.stopPropagation();
    close();
    button.focus();
  } else if (event.key.length === 1) {
    const letter = event.key.toLowerCase();
    const following = [...entries.slice(at + 1), ...entries];
    following.find((entry) => entry.textContent.toLowerCase().startsWith(letter))?.focus();
  }
}

/** Under the button, or above it where there is no room; never outside the window. */
function place(list, button) {
  const anchor = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = list;
  const below = anchor.bottom + GAP;
  const fitsBelow = below + height <= innerHeight;
  list.style.top = `${fitsBelow ? below : Math.max(GAP, anchor.top - GAP - height)}px`;
  list.style.left = `${Math.max(GAP, Math.min(anchor.left, innerWidth - width - GAP))}px`;
}
