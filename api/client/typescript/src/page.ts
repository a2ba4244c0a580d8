import { type Browser, listen, together } from "./browser.js";

/** What a page goes through, as far as the client cares. */
export interface PageEvents {
  /** It is closing or goes into the back/forward cache. The last moment at which something can be sent. */
  leaving(): void;
  /** It is frozen in the background: no timer runs any more. */
  frozen(): void;
  /** It is back from either. */
  back(): void;
  /** The network may be there again; that it is, is never certain. */
  online(): void;
}

/**
 * Listens for them, and returns what ends it. pagehide, never unload: that one does not come on phones and keeps a page
 * out of the back/forward cache.
 */
export function listenToPage({ window, document }: Browser, events: PageEvents): () => void {
  return together(
    listen(window, ["pagehide"], events.leaving),
    listen(window, ["pageshow"], events.back),
    listen(window, ["online"], events.online),
    listen(document, ["freeze"], events.frozen),
    listen(document, ["resume"], events.back),
  );
}
