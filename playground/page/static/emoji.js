/** Emoji by the names that people type most. */

const EMOJI = {
  smile: "😄", smiley: "😃", grinning: "😀", slightly_smiling_face: "🙂", wink: "😉", blush: "😊", joy: "😂", sob: "😭",
  cry: "😢", disappointed: "😞", confused: "😕", angry: "😠", rage: "😡", thinking_face: "🤔", neutral_face: "😐",
  sweat_smile: "😅", heart_eyes: "😍", upside_down_face: "🙃", hugging_face: "🤗", pray: "🙏", wave: "👋", clap: "👏",
  "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", ok_hand: "👌", raised_hands: "🙌", muscle: "💪", eyes: "👀",
  heart: "❤️", broken_heart: "💔", fire: "🔥", tada: "🎉", sparkles: "✨", star: "⭐", rocket: "🚀", bulb: "💡",
  warning: "⚠️", x: "❌", white_check_mark: "✅", heavy_check_mark: "✔️", question: "❓", exclamation: "❗",
  package: "📦", truck: "🚚", credit_card: "💳", moneybag: "💰", receipt: "🧾", email: "📧", phone: "📞", calendar: "📅",
  lock: "🔒", key: "🔑", wrench: "🔧", bug: "🐛", hourglass: "⌛", stopwatch: "⏱️", bell: "🔔", memo: "📝", robot_face: "🤖",
};

/** An emoji by its name; its code where the name is not known. */
export const emoji = (name) => (Object.hasOwn(EMOJI, name) ? EMOJI[name] : `:${name}:`);

/** The text with `:names:` that are known in place of themselves. */
export const withEmoji = (text) => text.replace(/:([a-z0-9_+-]+):/g, (_, name) => emoji(name));
