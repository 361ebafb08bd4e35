/** The line that says that replies are being drafted, as the choice log says it; it has its place from the start. */

import { fill, h } from "./dom.js";
import { t } from "./texts.js";

const GIVEN_UP_AFTER_MS = 120_000;

export class Working {
  #store;
  #over = new Set();

  constructor(store) {
    this.#store = store;
    this.element = h("p", { class: "working", role: "status" });
  }

  /** @param {CustomEvent["detail"]} change @param {string} channelId the channel looked at */
  update({ keys }, channelId) {
    const drafting = this.#store.log.filter((row) => row.request.status === "drafting").map((row) => row.request);
    // The log is read a moment after a change: replies that are there already are not being drafted.
    if ([...keys].some((key) => this.#holdsReplies(key))) for (const request of drafting) this.#over.add(request.id);
    const now = drafting.find((request) => request.channel_id === channelId && this.#goesOn(request));
    if (Boolean(now) === this.element.classList.contains("shown")) return;
    this.element.classList.toggle("shown", Boolean(now));
    fill(this.element, now ? t(now.k_requested === 1 ? "Drafting a reply…" : "Drafting {count} replies…", { count: now.k_requested }) : "");
  }

  #holdsReplies(key) {
    const record = this.#store.records.get(key);
    return record?.type === "ephemeral" && record.blocks.length > 0;
  }

  #goesOn(request) {
    return !this.#over.has(request.id) && Date.now() - Date.parse(request.created_at) < GIVEN_UP_AFTER_MS;
  }
}
