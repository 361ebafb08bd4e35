/** What the composer offers while one types: the app's commands after `/`, people after `@`. */

import { t } from "./texts.js";

/**
 * @param {string} text the composer's, up to the cursor
 * @param {import("./store.js").Store} store
 * @param {string} channelId
 * @param {{commands: boolean}} may whether commands work here
 * @returns {{start: number, items: Array<{insert: string, label: string, hint: string, detail: string}>}}
 */
export function completions(text, store, channelId, may) {
  const command = may.commands && /^\/\S*$/u.exec(text);
  if (command) return { start: 0, items: commandItems(store, text) };
  const mention = /(?:^|\s)@(\S*)$/u.exec(text);
  if (mention) return { start: text.length - mention[1].length - 1, items: peopleItems(store, channelId, mention[1]) };
  return { start: 0, items: [] };
}

function commandItems(store, typed) {
  return store.workspace.commands
    .filter(({ command }) => command.startsWith(typed))
    .map(({ command, usage_hint: hint, description }) => ({
      insert: `${command} `,
      label: command,
      hint: hint ? `[${t(hint)}]` : "",
      detail: t(description),
    }));
}

function peopleItems(store, channelId, typed) {
  const wanted = typed.toLowerCase();
  return store
    .members(channelId)
    .filter((user) => user.name.toLowerCase().startsWith(wanted) || user.real_name.toLowerCase().startsWith(wanted))
    .slice(0, 6)
    .map((user) => ({ insert: `@${user.name} `, label: user.real_name, hint: "", detail: `@${user.name}` }));
}

/** `/command text` in its parts, if the first word is a command of the app's; null for ordinary text. */
export function commandIn(text, store) {
  const found = /^(\/\S+)\s*([\s\S]*)$/u.exec(text);
  if (!found) return null;
  const isKnown = store.workspace.commands.some(({ command }) => command === found[1]);
  return { command: found[1], text: found[2].trim(), isKnown };
}
