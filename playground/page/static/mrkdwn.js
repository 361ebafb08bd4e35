/** Slack's mrkdwn as DOM nodes: bold, italic, strike, code, quotes, lists, links, mentions, emoji. */

import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { language } from "./texts.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const unescape = (text) => text.replace(/&(amp|lt|gt);/g, (entity) => ENTITIES[entity]);

// A mark opens after a space or punctuation and closes before one: `snake_case_name` stays as it is.
const INLINE = new RegExp(
  [
    "`(?<code>[^`\\n]+)`",
    "<(?<angle>[^<>\\n]+)>",
    "(?<=^|[\\s(\\[{\"'*_~.,;:!?-])(?<mark>[*_~])(?<inner>(?=\\S)[^\\n]*?\\S|\\S)\\k<mark>(?=$|[\\s)\\]}\"'*_~.,;:!?-])",
  ].join("|"),
  "gu",
);
const MARKS = { "*": "strong", _: "em", "~": "s" };

/**
 * @param {string} text as Slack keeps it
 * @param {import("./store.js").Store} store who is mentioned
 * @returns {Node[]}
 */
export function mrkdwn(text, store) {
  return text.split("```").flatMap((part, index) => {
    if (index % 2 === 1) return [h("pre", {}, unescape(part).replace(/^\n/, ""))];
    // The box stands on lines of its own already.
    return lines(index > 0 ? part.replace(/^\n/, "") : part, store);
  });
}

function lines(text, store) {
  const nodes = [];
  for (const [index, line] of text.split("\n").entries()) {
    const quoted = /^(?:&gt;|>)\s?(.*)$/u.exec(line);
    if (quoted) {
      const last = nodes.at(-1);
      if (last instanceof HTMLElement && last.tagName === "BLOCKQUOTE") last.append(h("br"), ...inline(quoted[1], store));
      else nodes.push(h("blockquote", {}, ...inline(quoted[1], store)));
      continue;
    }
    if (index > 0 && !(nodes.at(-1) instanceof HTMLQuoteElement)) nodes.push(document.createTextNode("\n"));
    nodes.push(...inline(line, store));
  }
  return nodes;
}

function inline(text, store) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    if (found.index > from) nodes.push(plain(text.slice(from, found.index)));
    nodes.push(styled(found, store));
    from = found.index + found[0].length;
  }
  if (from < text.length) nodes.push(plain(text.slice(from)));
  return nodes;
}

const plain = (text) => document.createTextNode(withEmoji(unescape(text)));

function styled({ 0: whole, groups }, store) {
  if (groups.code !== undefined) return h("code", {}, unescape(groups.code));
  if (groups.mark !== undefined) return h(MARKS[groups.mark], {}, ...inline(groups.inner, store));
  return angle(groups.angle, store) ?? plain(whole);
}

export const userName = (store, id) => store.user(id).real_name;
export const channelName = (store, id, label) => store.channel(id)?.name ?? label ?? id;

/** `<@U1>`, `<#C1|name>`, `<!here>`, `<https://…|label>`. */
function angle(content, store) {
  const [target, label] = content.split("|", 2);
  if (target.startsWith("@")) {
    const isMe = target.slice(1) === store.workspace?.me;
    return h("span", { class: isMe ? "mention me" : "mention" }, `@${label ?? userName(store, target.slice(1))}`);
  }
  if (target.startsWith("#")) {
    return h("span", { class: "mention" }, `#${channelName(store, target.slice(1), label)}`);
  }
  if (target.startsWith("!date^")) return localTime(target);
  if (target.startsWith("!")) return h("span", { class: "mention me" }, `@${label ?? target.slice(1).split("^")[0]}`);
  if (/^(https?|mailto):/u.test(target)) {
    return h("a", { href: unescape(target), target: "_blank", rel: "noreferrer noopener" }, unescape(label ?? target));
  }
  return null;
}

const dateTime = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

/** `!date^1392734382^{date} at {time}` in the reader's language, in one form whatever the app asks for. */
function localTime(target) {
  const at = new Date(Number(target.split("^")[1]) * 1000);
  return h("time", { datetime: at.toISOString() }, dateTime.format(at));
}

/** The first words of a text, without its marks. */
export function gist(text, limit = 80) {
  const words = withEmoji(unescape(text.replace(/<[^<>]+\|([^<>]+)>/g, "$1"))).replace(/\s+/g, " ");
  return words.length > limit ? `${words.slice(0, limit - 1)}…` : words;
}
