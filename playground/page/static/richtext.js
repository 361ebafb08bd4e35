/** Slack's rich text as DOM nodes: sections, lists, quotes and code, with links, emoji and mentions in them. */

import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { channelName, userName } from "./mrkdwn.js";

const MARKS = { code: "code", bold: "strong", italic: "em", strike: "s", underline: "u" };

/** @param {object} block of the type rich_text @param {import("./store.js").Store} store who is mentioned */
export function richText(block, store) {
  return block.elements.map((each) => PARTS[each.type](each, store));
}

const inline = (part, store) => part.elements.map((each) => INLINE[each.type](each, store));

const PARTS = {
  rich_text_section: (part, store) => h("div", {}, inline(part, store)),
  rich_text_quote: (part, store) => h("blockquote", {}, inline(part, store)),
  rich_text_preformatted: (part, store) => h("pre", {}, inline(part, store)),
  rich_text_list: (part, store) => {
    const items = part.elements.map((item) => h("li", {}, inline(item, store)));
    const start = part.offset && part.offset + 1;
    return h(part.style === "ordered" ? "ol" : "ul", { start, class: `level-${part.indent ?? 0}` }, items);
  },
};

const INLINE = {
  text: (part) => styled(part.text, part.style),
  link: (part) => h("a", { href: part.url, target: "_blank", rel: "noreferrer noopener" }, styled(part.text ?? part.url, part.style)),
  emoji: (part) => document.createTextNode(emoji(part.name)),
  user: (part, store) => mention(`@${userName(store, part.user_id)}`),
  usergroup: (part) => mention(`@${part.usergroup_id}`),
  channel: (part, store) => mention(`#${channelName(store, part.channel_id)}`),
  broadcast: (part) => h("span", { class: "mention me" }, `@${part.range}`),
  date: (part) => document.createTextNode(part.fallback ?? part.format),
  color: (part) => document.createTextNode(part.value),
};

const mention = (name) => h("span", { class: "mention" }, name);

function styled(text, style = {}) {
  const marks = Object.keys(MARKS).filter((name) => style[name]);
  return marks.reduce((inner, name) => h(MARKS[name], {}, inner), document.createTextNode(text));
}
