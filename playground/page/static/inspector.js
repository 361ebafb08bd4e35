/** What goes on behind the messages: traffic, choice log, faults. */

import { ChoiceLog } from "./choicelog.js";
import { fill, h } from "./dom.js";
import { Faults } from "./faults.js";
import { t } from "./texts.js";
import { Traffic } from "./traffic.js";

export class Inspector {
  #traffic = new Traffic();
  #log;
  #faults;
  #tabs;
  #panels;

  constructor(element, store, actions) {
    this.element = element;
    this.#log = new ChoiceLog(store);
    this.#faults = new Faults(actions);
    const parts = [
      [t("Traffic"), this.#traffic.element],
      [t("Choice log"), this.#log.element],
      [t("Faults"), this.#faults.element],
    ];
    this.#panels = parts.map(([, content], index) =>
      h("section", { role: "tabpanel", id: `panel-${index}`, "aria-labelledby": `tab-${index}`, tabindex: "0", class: "panel" }, content),
    );
    this.#tabs = parts.map(([name], index) =>
      h("button", { type: "button", role: "tab", id: `tab-${index}`, "aria-controls": `panel-${index}`, onclick: () => this.#show(index) }, name),
    );
    const bar = h("div", { class: "inspector-tabs", role: "tablist", "aria-label": t("Inspector"), onkeydown: (event) => this.#key(event) }, this.#tabs);
    fill(element, bar, ...this.#panels);
    this.#show(0);
  }

  update({ entries, news }) {
    if (news.reset) this.#traffic.clear();
    this.#traffic.add(entries);
    this.#faults.update(entries);
    if (news.log || news.reset) this.#log.update();
  }

  #show(chosen) {
    for (const [index, tab] of this.#tabs.entries()) {
      tab.setAttribute("aria-selected", String(index === chosen));
      tab.tabIndex = index === chosen ? 0 : -1;
      this.#panels[index].hidden = index !== chosen;
    }
  }

  #key(event) {
    const move = { ArrowRight: 1, ArrowLeft: this.#tabs.length - 1 }[event.key];
    if (!move) return;
    const next = (this.#tabs.indexOf(document.activeElement) + move) % this.#tabs.length;
    this.#show(next);
    this.#tabs[next].focus();
  }
}
