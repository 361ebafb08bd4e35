/** What the person does, sent to the workspace. */

import { t } from "./texts.js";

/** Why the workspace would not do it, in words. */
export class Refused extends Error {}

/**
 * @param {string} doing see `web_doings`
 * @param {Record<string, unknown>} body
 * @returns {Promise<Record<string, any>>} what the app made of it. Rejects with Refused.
 */
export async function send(doing, body) {
  let response;
  try {
    response = await fetch(`/client/${doing}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Playground": "1" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Refused(t("The playground does not answer: is it still running?"));
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(t(answer.error ?? "The playground answered {status}.", { status: response.status }));
  return answer;
}
