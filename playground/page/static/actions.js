/** What using an element does: ask first if it wants that, show that it is under way, say in words what went wrong. */

import { Refused, send } from "./api.js";
import { confirmed } from "./confirm.js";
import { t } from "./texts.js";
import { toast } from "./toast.js";

export class Actions {
  #store;

  /** How many things the person did. */
  count = 0;

  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.#store = store;
  }

  get me() {
    return this.#store.workspace.me;
  }

  /** What blocks need to be used on this surface: `{message: "C1/ts"}`, `{ephemeral: "C1/ts"}` or `{view: "V1"}`. */
  on(surface) {
    const use = async (doing, block, element, control, more) => {
      if (element.confirm && !(await confirmed(element.confirm, this.#store))) return;
      const body = { as: this.me, surface, block_id: block.block_id, action_id: element.action_id, ...more };
      await busy(control, () => this.do(doing, body));
    };
    return {
      store: this.#store,
      press: (block, element, control) => use("click", block, element, control, {}),
      choose: (block, element, value, control) => use("select", block, element, control, { chosen: value }),
    };
  }

  /**
   * Does it as the person at the page, unless `body.as` says another. What goes wrong is told; null then.
   * @returns {Promise<object | null>}
   */
  async do(doing, body = {}) {
    this.count += 1;
    try {
      const answer = await send(doing, { as: this.me, ...body });
      if (answer.problem) toast(t(answer.problem));
      return answer;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      toast(error.message);
      return null;
    }
  }
}

/** While the work runs, this control is busy and its neighbours are disabled; focus stays where it is. */
export async function busy(control, work) {
  const scope = control.closest("article, dialog, .home, form") ?? control.parentElement;
  const controls = [...scope.querySelectorAll("button.button")];
  for (const each of controls) each.setAttribute("aria-disabled", "true");
  control.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    for (const each of controls) each.removeAttribute("aria-disabled");
    control.removeAttribute("aria-busy");
  }
}
