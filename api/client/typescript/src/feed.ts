import { type Browser, browser } from "./browser.js";
import type { PresenceOptions } from "./options.js";
import type { StatusChange, UserPresence } from "./presence.js";
import { Store } from "./state.js";
import { PresenceStream } from "./stream.js";
import { subject, TokenSource } from "./token.js";

export interface PresenceList {
  /** Everybody who is not offline, in the order of ids. */
  readonly users: readonly UserPresence[];
  /** Whether the list is kept up to date at the moment. */
  readonly connected: boolean;
  readonly error: Error | null;
}

export const NOBODY: PresenceList = { users: [], connected: false, error: null };

/** Changes of who is watched are gathered for this long: the parts of a page appear one after the other. */
const GATHER = 50;
/** A stream names at most so many users, and a URL of common proxies has room for so much; beyond, it is about everybody. */
const MOST = 1000;
const LONGEST = 4000;
/** Listeners are told this often at most: a thousand changes a second are not a thousand renderings. */
const PACE = 50;

/** Whom a stream is about: these users, or everybody. */
type About = ReadonlySet<string> | "all";

const listed = ({ status }: UserPresence) => status !== "offline" && status !== "unknown";

/**
 * What is known of the users that somebody watches, over one live stream: of everybody while somebody watches the list,
 * else of the users watched. It connects with the first watcher and disconnects after the last.
 */
export class PresenceFeed {
  /** The list; the same object until it changes. */
  readonly list = new Store<PresenceList>(NOBODY);
  readonly #browser: Browser;
  readonly #tokens: TokenSource;
  readonly #watched = new Map<string, number>(); // user, or "" for everybody → how many watch
  #known = new Map<string, UserPresence>(); // user → presence
  #sorted: UserPresence[] = []; // those of them that are listed, in the order of ids
  #of: About | undefined; // whom what is known is about; undefined until a snapshot has come
  #coming = new Map<string, UserPresence>(); // a snapshot of which not all has come
  #stream: PresenceStream | undefined;
  #about: About | undefined; // whom the stream is about
  #connected = false;
  #error: Error | null = null;
  #gathering = false;
  #telling = false;
  #told = 0; // when

  readonly #options: PresenceOptions;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#browser = browser(options.browser);
    this.#tokens =
      options.tokens ?? new TokenSource(options.getToken, options.token, this.#browser);
    // The feed of one user is not for the eyes of the next.
    this.#tokens.subscribe((before) => {
      const { current } = this.#tokens;
      if (!this.#stream || (current && subject(before) === subject(current))) return;
      this.#disconnect();
      this.#connect();
    });
  }

  /** Watches a user, or everybody (""), and calls heard after changes; the result ends it. */
  watch(user: string, heard: () => void): () => void {
    const end = this.list.subscribe(heard);
    this.#count(user, 1);
    return () => {
      end();
      this.#count(user, -1);
    };
  }

  /** What is known of a user who is watched; undefined until the stream has told. The same object until it changes. */
  presence(user: string): UserPresence | undefined {
    const presence = this.#known.get(user);
    if (presence || !this.#of || !this.#watched.has(user)) return presence;
    if (this.#of !== "all" && !this.#of.has(user)) return undefined;
    // The stream about everybody leaves out who is offline; the one about some leaves out nobody that is known.
    const absent: UserPresence = { user, status: this.#of === "all" ? "offline" : "unknown" };
    this.#known.set(user, absent);
    return absent;
  }

  #count(user: string, by: number): void {
    const count = (this.#watched.get(user) ?? 0) + by;
    if (count) this.#watched.set(user, count);
    else this.#watched.delete(user);
    if (this.#gathering) return;
    this.#gathering = true;
    this.#browser.after(GATHER, () => {
      this.#gathering = false;
      this.#adjust();
    });
  }

  /** Connects anew where somebody is watched whom the stream is not about. Those no longer watched do not matter. */
  #adjust(): void {
    const about = this.#about;
    if (!this.#watched.size) this.#disconnect();
    else if (about !== "all" && [...this.#watched.keys()].some((user) => !about?.has(user)))
      this.#connect();
    else this.#tell(); // the list may be watched by now
  }

  /** Connects for whoever is watched now. What is known stays until the new stream has told better. */
  #connect(): void {
    this.#stream?.stop();
    this.#connected = false;
    const users = [...this.#watched.keys()].sort();
    const long = users.map(encodeURIComponent).join("&users=").length > LONGEST;
    const all = this.#watched.has("") || users.length > MOST || long;
    this.#about = all ? "all" : new Set(users);
    this.#stream = new PresenceStream(
      { ...this.#options, tokens: this.#tokens, ...(all ? {} : { users }) },
      {
        snapshot: (users, fresh, complete) => this.#snapshot(users, fresh, complete),
        status: (change) => this.#change(change),
        connected: (up, error) => {
          this.#connected = up;
          this.#error = error;
          this.#tell();
        },
      },
    );
    this.#stream.start();
  }

  #disconnect(): void {
    this.#stream?.stop();
    this.#stream = this.#about = this.#of = undefined;
    this.#connected = false;
    this.#error = null;
    this.#known = new Map();
    this.#sorted = [];
    this.#told = 0; // at once
    this.#tell();
  }

  /** Nothing of a snapshot counts before all of it has come: who is not in it yet need not be offline. */
  #snapshot(users: UserPresence[], fresh: boolean, complete: boolean): void {
    if (fresh) this.#coming = new Map();
    for (const user of users) this.#coming.set(user.user, user);
    if (!complete) return;
    this.#known = this.#coming;
    this.#coming = new Map();
    this.#of = this.#about;
    this.#sorted = [...this.#known.values()]
      .filter(listed)
      .sort((a, b) => (a.user < b.user ? -1 : 1));
    this.#tell();
  }

  #change({ user, status, observed, since, last_seen, seq }: StatusChange): void {
    const before = this.#known.get(user);
    if (seq < (before?.seq ?? 0)) return;
    const now = { user, status, observed, since, last_seen, seq } as UserPresence;
    if (status === "offline" && !this.#watched.has(user)) this.#known.delete(user);
    else this.#known.set(user, now);
    const at = this.#place(user);
    const there = this.#sorted[at]?.user === user ? 1 : 0;
    this.#sorted.splice(at, there, ...(listed(now) ? [now] : []));
    this.#tell();
  }

  /** Where a user stands in the list, or would stand. */
  #place(user: string): number {
    let from = 0;
    let to = this.#sorted.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#sorted[middle]?.user ?? "") < user) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Tells at once, and of all that follows within PACE together. */
  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    const tell = () => {
      this.#telling = false;
      this.#told = this.#browser.now();
      const whole = this.#watched.has("") && this.#of === "all";
      const users = whole ? this.#sorted.slice() : NOBODY.users;
      this.list.set({ users, connected: this.#connected, error: this.#error });
    };
    const since = this.#browser.now() - this.#told;
    if (since >= 0 && since < PACE) this.#browser.after(PACE - since, tell);
    else queueMicrotask(tell);
  }
}
