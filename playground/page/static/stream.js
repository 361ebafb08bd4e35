/** The one connection by which the page hears of everything; it comes back by itself. */

/**
 * @param {string} user whose client this is
 * @param {{news: (news: object) => void, state: (isOpen: boolean) => void}} told
 * @returns {() => void} ends it
 */
export function follow(user, told) {
  let source;
  let waiting;
  const open = () => {
    source = new EventSource(`/client/stream?as=${encodeURIComponent(user)}`);
    source.onopen = () => told.state(true);
    source.onmessage = (event) => told.news(JSON.parse(event.data));
    source.onerror = () => {
      told.state(false);
      // A browser gives up after an HTTP error; a workspace that starts again is worth another try.
      if (source.readyState === EventSource.CLOSED) waiting = setTimeout(open, 1500);
    };
  };
  open();
  return () => {
    clearTimeout(waiting);
    source.close();
  };
}
