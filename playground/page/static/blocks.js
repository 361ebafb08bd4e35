/** Block Kit as DOM nodes: the blocks and elements of messages, modals and the Home tab. */

import { fill, freshId, h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { popup } from "./popup.js";
import { t } from "./texts.js";
import { richText } from "./richtext.js";

const LONG_SECTION = 700;

/**
 * @typedef {object} Context where the blocks stand, and what using an element does
 * @property {import("./store.js").Store} store
 * @property {(block: object, element: object, control: HTMLElement) => void} press
 * @property {(block: object, element: object, value: string, control: HTMLElement) => void} choose
 * @property {Record<string, string>} [errors] by block_id
 */

/** @param {object[]} blocks @param {Context} context @returns {Node[]} */
export function render(blocks, context) {
  return blocks.map((block) => (BLOCKS[block.type] ?? unknown)(block, context));
}

const BLOCKS = {
  section: (block, context) => {
    const text = block.text && sectionText(block, context);
    const fields = block.fields?.map((field) => h("div", { class: "field" }, textNodes(field, context)));
    const accessory = block.accessory && element(block, block.accessory, context);
    return h("div", { class: "block section" }, h("div", { class: "section-main" }, text, fields), accessory);
  },
  context: (block, context) =>
    h("div", { class: "block context" }, block.elements.map((part) => h("span", {}, textNodes(part, context)))),
  rich_text: (block, context) => h("div", { class: "block rich text" }, richText(block, context.store)),
  divider: () => h("hr", { class: "block" }),
  header: (block, context) => h("p", { class: "block heading" }, textNodes(block.text, context)),
  actions: (block, context) =>
    h("div", { class: "block actions", role: "group", "aria-label": t("Actions") }, block.elements.map((part) => element(block, part, context))),
  input: (block, context) => input(block, context),
};

function unknown(block) {
  return h("p", { class: "block unknown" }, t("This page does not show blocks of the type “{type}”.", block));
}

/** A text object: plain_text as it is, mrkdwn with its marks. */
export function textNodes(text, context) {
  if (text.type === "mrkdwn") return mrkdwn(text.text, context.store);
  return [document.createTextNode(text.emoji === false ? text.text : withEmoji(text.text))];
}

/** A long text is folded until somebody wants more of it, unless the app asked for all of it. */
function sectionText(block, context) {
  const box = h("div", { class: "text" }, textNodes(block.text, context));
  if (block.expand || block.text.text.length <= LONG_SECTION) return box;
  box.classList.add("folded");
  const more = h("button", { type: "button", class: "link", "aria-expanded": "false" }, t("See more"));
  more.addEventListener("click", () => {
    const isFolded = box.classList.toggle("folded");
    more.setAttribute("aria-expanded", String(!isFolded));
    fill(more, isFolded ? t("See more") : t("See less"));
  });
  return [box, more];
}

// --- elements

const ELEMENTS = { button, static_select: select, overflow };

function element(block, part, context) {
  return (ELEMENTS[part.type] ?? unknown)(part, block, context);
}

function button(part, block, context) {
  const label = part.accessibility_label;
  const control = h(
    "button",
    { type: "button", class: ["button", part.style].filter(Boolean).join(" "), "aria-label": label, "data-action": part.action_id },
    h("span", { class: "face" }, textNodes(part.text, context)),
  );
  control.addEventListener("click", () => {
    if (control.getAttribute("aria-disabled") !== "true") context.press(block, part, control);
  });
  return control;
}

const optionItems = (part) =>
  [...(part.options ?? []), ...(part.option_groups ?? []).flatMap((group) => group.options)].map((option) => ({
    label: option.text.text,
    value: option.value,
    description: option.description?.text,
  }));

function select(part, block, context) {
  const shown = part.initial_option?.text.text ?? part.placeholder?.text ?? t("Choose an option");
  const face = h("span", { class: "face" }, shown);
  return popup({
    role: "listbox",
    label: part.placeholder?.text ?? t("Choose an option"),
    face: [face, h("span", { class: "caret", "aria-hidden": "true" }, "▾")],
    style: "button select",
    items: optionItems(part),
    chosen: part.initial_option?.value,
    onchoose: (item, control) => {
      fill(face, item.label);
      control.dataset.value = item.value;
      if (block.type !== "input") context.choose(block, part, item.value, control);
    },
  });
}

function overflow(part, block, context) {
  return popup({
    role: "menu",
    label: t("More"),
    face: ["⋯"],
    style: "button overflow",
    items: optionItems(part),
    onchoose: (item, control) => context.choose(block, part, item.value, control),
  });
}

// --- inputs

/** A choice of a conversation as a select of the channels that the person is in. */
function withChannels(part, context) {
  if (part.type !== "conversations_select") return part;
  const channels = context.store.all("channel").filter((each) => each.kind !== "im");
  const options = channels.map((each) => ({ text: { type: "plain_text", text: `#${each.name}` }, value: each.id }));
  const initial = part.initial_conversation ?? part.initial_value;
  return { ...part, options, initial_option: options.find((each) => each.value === initial) };
}

function input(block, context) {
  const part = withChannels(block.element, context);
  const [labelId, hintId, errorId] = ["label", "hint", "error"].map(freshId);
  const error = context.errors?.[block.block_id];
  const control = (INPUTS[part.type] ?? unknown)(part, block, context);
  const field = control.matches("textarea, input") ? control : (control.querySelector("button") ?? control);
  if (part.initial_option) field.dataset.value = part.initial_option.value;
  field.dataset.block = block.block_id;
  field.dataset.input = part.action_id;
  field.setAttribute("aria-labelledby", labelId);
  field.setAttribute("aria-describedby", [block.hint && hintId, error && errorId].filter(Boolean).join(" "));
  if (error) field.setAttribute("aria-invalid", "true");
  if (part.focus_on_load) field.dataset.focus = "";
  const isOptional = block.optional && h("span", { class: "soft" }, t(" (optional)"));
  return h(
    "div",
    { class: "block input" },
    h("label", { id: labelId, for: field.id || undefined }, textNodes(block.label, context), isOptional),
    control,
    part.max_length && counter(field, part.max_length),
    block.hint && h("p", { id: hintId, class: "hint" }, textNodes(block.hint, context)),
    error && h("p", { id: errorId, class: "error" }, error),
  );
}

const INPUTS = {
  plain_text_input: (part, block) => {
    const attributes = {
      id: freshId("input"),
      maxlength: part.max_length ?? 3000,
      minlength: part.min_length,
      required: !block.optional,
      placeholder: part.placeholder?.text,
    };
    const field = part.multiline ? h("textarea", { ...attributes, rows: 9 }) : h("input", { ...attributes, type: "text" });
    field.value = part.initial_value ?? "";
    return field;
  },
  static_select: select,
  conversations_select: select,
  checkboxes: checks,
  multi_static_select: checks,
};

/** Boxes to tick, also for a list of which several may be chosen. */
function checks(part, block, context) {
  const ticked = new Set((part.initial_options ?? []).map((option) => option.value));
  const box = ({ text, value }) => h("label", {}, h("input", { type: "checkbox", value, checked: ticked.has(value) }), h("span", {}, textNodes(text, context)));
  return h("div", { class: "checks", role: "group" }, part.options.map(box));
}

/** How much room is left, once it is getting scarce. */
function counter(field, limit) {
  const left = h("p", { class: "counter", "aria-live": "polite" });
  const count = () => fill(left, limit - field.value.length < limit / 10 ? t("{count} characters left", { count: limit - field.value.length }) : "");
  field.addEventListener("input", count);
  count();
  return left;
}

/** Input blocks that begin with these values, as `valuesIn` gave them; other blocks as they are. */
export function withValues(blocks, values) {
  return blocks.map((block) => {
    const value = values[block.block_id]?.[block.element?.action_id];
    if (block.type !== "input" || value === undefined) return block;
    const chosen = block.element.options?.filter((each) => [value].flat().includes(each.value));
    const initial = Array.isArray(value) ? { initial_options: chosen } : chosen ? { initial_option: chosen[0] } : { initial_value: value };
    return { ...block, element: { ...block.element, ...initial } };
  });
}

/** All inputs' values below this element, as the workspace takes them: `{block_id: {action_id: value}}`. */
export function valuesIn(root) {
  const values = {};
  for (const field of root.querySelectorAll("[data-input]")) {
    const value = field.matches(".checks") ? [...field.querySelectorAll(":checked")].map((box) => box.value) : field.matches("button") ? field.dataset.value : field.value;
    if (value !== undefined) (values[field.dataset.block] ??= {})[field.dataset.input] = value;
  }
  return values;
}
