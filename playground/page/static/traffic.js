/** Each request between Slack and the bot with its answer, in order, with timing, refusals and the JSON. */

import { fill, h } from "./dom.js";
import { language, t } from "./texts.js";

const MOST = 300;
const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const clock = (at) => time.format(new Date(at * 1000));

export class Traffic {
  #rows = new Map();
  #list = h("ol", { class: "traffic" });
  #empty = h("p", { class: "soft" }, t("Nothing yet: run a command, or click a button."));

  constructor() {
    this.element = h("div", {}, this.#empty, this.#list);
  }

  /** The connection came back: everything is told again. */
  clear() {
    this.#rows.clear();
    fill(this.#list);
  }

  /** @param {object[]} entries the journal's new ones */
  add(entries) {
    for (const entry of entries) {
      if (entry.kind === "request") this.#begin(entry);
      else this.#rows.get(entry.ref)?.end(entry);
    }
    this.#empty.hidden = this.#rows.size > 0;
    for (const [seq, row] of this.#rows) {
      if (this.#rows.size <= MOST) break;
      row.node.remove();
      this.#rows.delete(seq);
    }
  }

  #begin(entry) {
    const row = trafficRow(entry);
    this.#rows.set(entry.seq, row);
    this.#list.prepend(row.node);
  }
}

const ROUTES = { web_api: "Web API", response_url: t("response URL"), upload: t("upload"), http: "HTTP", socket: "Socket Mode" };

function trafficRow(request) {
  const toBot = request.to === "bot";
  const isTold = toBot && request.via === "socket" && ["hello", "disconnect"].includes(request.name);
  const state = h("span", { class: "state" }, t(isTold ? "sent" : "waiting"));
  const why = h("p", { class: "why", hidden: true });
  const answer = h("div", {});
  const node = h(
    "li",
    { class: toBot ? "to-bot" : "to-slack" },
    h(
      "details",
      {},
      h(
        "summary",
        {},
        h("span", { class: "way" }, t(toBot ? "Slack → bot" : "bot → Slack")),
        h("span", { class: "name" }, request.name),
        state,
        h("span", { class: "when" }, `${clock(request.at)} · ${ROUTES[request.via]}`),
      ),
      h("div", {}, h("h4", {}, t("Request")), json(request.body)),
      answer,
    ),
    why,
  );
  const end = (entry) => {
    const outcome = entry.error ?? (entry.status === null ? t("lost") : String(entry.status));
    fill(state, `${outcome} · ${duration(entry.duration_ms)}`);
    state.classList.add(entry.error ? "bad" : "good");
    fill(answer, h("h4", {}, t("Answer")), json(entry.body));
    if (entry.error) {
      why.hidden = false;
      fill(why, explained(entry));
    }
  };
  return { node, end };
}

const duration = (ms) => (ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

const WORDS = {
  ratelimited: "Slack says: too many calls, come back later.",
  answer_lost: "Slack did it, but its answer was lost on the way.",
  connection_failed: "The bot was not connected.",
  operation_timeout: "The bot did not acknowledge in time.",
  socket_refused: "Slack refused the connection.",
};

/** Why it was refused: Slack's reasons, else the error in words, else its code. */
function explained({ error, body }) {
  const reasons = body?.response_metadata?.messages ?? body?.reasons ?? [];
  const refused = t("Refused: {error}.", { error });
  return reasons.length > 0 ? `${refused} ${reasons.join(" ")}` : WORDS[error] ? t(WORDS[error]) : refused;
}

/** Pretty JSON, made when it is first looked at. */
function json(body) {
  const box = h("pre", { class: "json", tabindex: "0", role: "group", "aria-label": "JSON" });
  const seen = new IntersectionObserver(([place]) => {
    if (!place.isIntersecting) return;
    fill(box, typeof body === "string" ? body || t("(empty)") : JSON.stringify(body ?? null, null, 2));
    seen.disconnect();
  });
  seen.observe(box);
  return box;
}
