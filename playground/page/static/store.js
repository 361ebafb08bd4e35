/** What the person sees, as told by the stream; who shows it listens for "change". */

/** The members of the team as whom one may use the page. */
export const AGENT = "U0AGENT";
export const ADMIN = "U0ADMIN";

const byTs = (one, other) => (one.ts < other.ts ? -1 : one.ts > other.ts ? 1 : 0);

export class Store extends EventTarget {
  records = new Map();
  entries = [];
  log = [];

  /** Takes one piece of news; listeners get the keys that changed. */
  apply(news) {
    const put = news.put ?? {};
    const gone = news.reset ? [...this.records.keys()].filter((key) => !(key in put)) : (news.gone ?? []);
    if (news.reset) this.entries = [];
    for (const key of gone) this.records.delete(key);
    for (const [key, record] of Object.entries(put)) this.records.set(key, { ...record, key });
    this.entries.push(...(news.entries ?? []));
    if (news.log) this.log = news.log;
    const detail = { keys: new Set([...Object.keys(put), ...gone]), entries: news.entries ?? [], news };
    this.dispatchEvent(new CustomEvent("change", { detail }));
  }

  /** What there is to know of the workspace and the app; null before the first news. */
  get workspace() {
    return this.records.get("workspace") ?? null;
  }

  get home() {
    return this.records.get("home") ?? null;
  }

  get topView() {
    return this.all("view").at(-1) ?? null;
  }

  user(id) {
    return this.records.get(`user:${id}`) ?? { id, name: id, real_name: id };
  }

  channel(id) {
    return this.records.get(`channel:${id}`) ?? null;
  }

  message(channelId, ts) {
    return this.records.get(`message:${channelId}/${ts}`) ?? null;
  }

  /** All records of one kind, in the order of their keys' arrival. */
  all(kind) {
    return [...this.records.values()].filter((record) => record.key.startsWith(`${kind}:`));
  }

  /** The channel's own conversation: no replies in threads. */
  conversation(channelId) {
    return this.#shownIn(channelId)
      .filter((record) => !record.thread_ts || record.thread_ts === record.ts)
      .sort(byTs);
  }

  /** A thread: its first message, then the replies, private ones included. */
  thread(channelId, ts) {
    return this.#shownIn(channelId)
      .filter((record) => record.ts === ts || record.thread_ts === ts)
      .sort(byTs);
  }

  /** The people who may be mentioned, written as or shown in this channel. */
  members(channelId) {
    return (this.channel(channelId)?.members ?? []).map((id) => this.user(id));
  }

  #shownIn(channelId) {
    return [...this.all("message"), ...this.all("ephemeral")].filter((record) => record.channel_id === channelId);
  }
}
