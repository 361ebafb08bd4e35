/** The rows of the choice log as they are written: what was drafted, in what order with what chance, what was chosen. */

import { fill, h } from "./dom.js";
import { gist } from "./mrkdwn.js";
import { language, t } from "./texts.js";

const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const clock = (iso) => (iso ? time.format(new Date(iso)) : "–");

export class ChoiceLog {
  #store;
  #drawn = new Map();
  #list = h("ol", { class: "log-rows" });
  #where = h("p", { class: "soft" });

  constructor(store) {
    this.#store = store;
    const promise = "Each request is written down before it is acknowledged, each candidate before it is shown, each choice before it is carried out.";
    this.element = h("div", {}, h("p", {}, t(promise)), this.#where, this.#list);
  }

  update() {
    fill(this.#where, t("Kept in "), h("code", {}, this.#store.workspace.database));
    const rows = this.#store.log.map((row) => this.#row(row));
    const ids = new Set(this.#store.log.map((row) => row.request.id));
    for (const id of this.#drawn.keys()) if (!ids.has(id)) this.#drawn.delete(id);
    const nothing = h("li", { class: "soft" }, t("No request yet."));
    const shown = rows.length > 0 ? rows : [nothing];
    if (shown.some((node, index) => this.#list.children[index] !== node)) fill(this.#list, ...shown);
  }

  /** A row that did not change stays the same node, unfolded as it was. */
  #row(row) {
    const text = JSON.stringify(row);
    const drawn = this.#drawn.get(row.request.id);
    if (drawn?.text === text) return drawn.node;
    const isOpen = drawn?.node.querySelector("details").open ?? false;
    const node = logRow(row, text, isOpen);
    this.#drawn.set(row.request.id, { text, node });
    return node;
  }
}

function logRow(row, text, isOpen) {
  const { request, choice } = row;
  const asked = request.conversation.findLast((turn) => turn.role === "customer")?.text ?? "";
  const status = choice ? `${t(request.status)} · ${t(choice.kind)}` : t(request.status);
  return h(
    "li",
    {},
    h("p", { class: "log-head" }, h("strong", {}, gist(asked, 70)), h("span", { class: `state ${tone(row)}` }, status)),
    order(row),
    candidates(row),
    times(row),
    h("details", { open: isOpen }, h("summary", {}, t("The row as JSON")), h("pre", { class: "json", tabindex: "0", role: "group", "aria-label": "JSON" }, JSON.stringify(JSON.parse(text), null, 2))),
  );
}

const tone = ({ request, choice }) => (request.status === "failed" ? "bad" : choice ? "good" : "");

function order({ request, candidates: drafted }) {
  const shown = drafted.filter((candidate) => candidate.position !== null).length;
  if (request.order_propensity === null || shown === 0) return null;
  const chance = request.order_propensity;
  const odds = Math.round(1 / chance);
  return h("p", {}, t("Order drawn with propensity "), h("code", {}, chance.toFixed(4)), t(" (1 in {odds}), policy ", { odds }), h("code", {}, request.policy));
}

function candidates({ candidates: drafted, choice }) {
  const places = [...drafted].sort((one, other) => (one.position ?? 99) - (other.position ?? 99));
  const item = (candidate) => {
    const isChosen = choice?.candidate_id === candidate.id;
    const what = candidate.error ?? candidate.dropped_reason ?? gist(candidate.text ?? "", 60);
    return h(
      "li",
      { class: isChosen ? "chosen" : "" },
      h("span", { class: "place" }, candidate.position ?? "–"),
      h("span", {}, h("em", {}, candidate.style), ` ${what}`, isChosen && h("strong", {}, ` ← ${t(choice.kind)}`)),
      h("small", { class: "soft" }, candidate.latency_ms === null ? "" : `${candidate.latency_ms} ms`),
    );
  };
  return h("ol", { class: "candidates" }, places.map(item));
}

function times({ request, events }) {
  const steps = [["recorded", request.created_at], ...events.map((event) => [event.type, event.at])];
  return h("ol", { class: "steps" }, steps.map(([name, at]) => h("li", {}, h("span", {}, t(name.replaceAll("_", " "))), h("time", { datetime: at }, clock(at)))));
}
