import { type Browser, browser } from "./browser.js";
import { PresenceClient } from "./client.js";
import { PresenceFeed } from "./feed.js";
import type { PresenceOptions } from "./options.js";
import { type GetToken, TokenSource } from "./token.js";

/** How long a client that nobody uses any more goes on, for the part of a page that takes over from another. */
const LINGER = 50;

/** The one client and the one feed that all parts of a page share. Making it starts nothing. */
export class Shared {
  readonly client: PresenceClient;
  readonly feed: PresenceFeed;
  readonly #browser: Browser;
  #users = 0;

  constructor(options: PresenceOptions) {
    this.#browser = browser(options.browser);
    const { getToken, token } = options;
    const tokens = options.tokens ?? new TokenSource(getToken, token, this.#browser);
    this.client = new PresenceClient({ ...options, tokens });
    this.feed = new PresenceFeed({ ...options, tokens });
  }

  /**
   * Starts the client for its first user, and stops it a moment after its last: React's StrictMode takes every part of a
   * page down and puts it up again, which nobody should see as leaving.
   */
  use(): () => void {
    this.#users++;
    this.client.start();
    return () => {
      this.#users--;
      this.#browser.after(LINGER, () => {
        if (!this.#users) this.client.stop();
      });
    };
  }
}

const all = new Map<string, Shared>(); // url → what is shared
let defaults: PresenceOptions = {};

/**
 * Options for every hook of the page. Call it before the first of them is used. The same again, as by a component each
 * time that it renders, changes nothing; getToken may be another function each time, and the last one is asked.
 */
export function configurePresence(options: PresenceOptions): void {
  const before: PresenceOptions = defaults;
  defaults = options;
  const names = Object.keys({ ...before, ...options }) as (keyof PresenceOptions)[];
  const same = (name: keyof PresenceOptions) =>
    name === "getToken" ? !before[name] === !options[name] : before[name] === options[name];
  if (!names.every(same)) all.clear();
}

/** What the parts of a page share that use the service at a url. */
export function sharedAt(url = defaults.url ?? ""): Shared {
  let shared = all.get(url);
  if (!shared) {
    const getToken: GetToken = (how) => defaults.getToken?.(how) ?? null;
    shared = new Shared({ ...defaults, url, ...(defaults.getToken && { getToken }) });
    all.set(url, shared);
  }
  return shared;
}
