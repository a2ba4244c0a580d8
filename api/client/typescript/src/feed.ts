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
/** A stream names at most so many users; for more of them it is about everybody. */
const MOST = 1000;

/**
 * What is known of the users that somebody watches, over one live stream: of everybody while somebody watches the list,
 * else of the users watched. It connects with the first watcher and disconnects after the last.
 */
export class PresenceFeed {
  /** The list; the same object until it changes. */
  readonly list = new Store<PresenceList>(NOBODY);
  readonly #browser: Browser;
  readonly #tokens: TokenSource;
  readonly #known = new Map<string, UserPresence>(); // user → presence
  readonly #watched = new Map<string, number>(); // user, or "" for everybody → how many watch
  #stream: PresenceStream | undefined;
  #streamed = ""; // whom the stream is about, sorted
  #all = false; // the stream is about everybody
  #loaded = false; // a snapshot has come
  #connected = false;
  #error: Error | null = null;
  #gathering = false;
  #telling = false;

  readonly #options: PresenceOptions;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#browser = browser(options.browser);
    this.#tokens = options.tokens ?? new TokenSource(options.getToken, options.token);
    // The feed of one user is not for the eyes of the next.
    this.#tokens.subscribe((before) => {
      if (this.#stream && subject(before) !== subject(this.#tokens.current)) this.#connect();
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
    if (presence || !this.#loaded || !this.#watched.has(user)) return presence;
    // The stream about everybody leaves out who is offline; the one about some leaves out nobody that is known.
    const absent: UserPresence = { user, status: this.#all ? "offline" : "unknown" };
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
    const about = new Set<string>(this.#stream ? JSON.parse(this.#streamed) : []);
    if (!this.#watched.size) this.#disconnect();
    else if (!this.#all && [...this.#watched.keys()].some((user) => !about.has(user)))
      this.#connect();
  }

  #connect(): void {
    this.#disconnect();
    const users = [...this.#watched.keys()].sort();
    this.#all = this.#watched.has("") || users.length > MOST;
    this.#streamed = JSON.stringify(users);
    const whom = this.#all ? {} : { users };
    this.#stream = new PresenceStream(
      { ...this.#options, tokens: this.#tokens, ...whom },
      {
        snapshot: (users, fresh) => this.#snapshot(users, fresh),
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
    this.#stream = undefined;
    this.#all = this.#loaded = this.#connected = false;
    this.#error = null;
    this.#known.clear();
    this.#tell();
  }

  #snapshot(users: UserPresence[], fresh: boolean): void {
    if (fresh) this.#known.clear();
    for (const user of users) this.#known.set(user.user, user);
    this.#loaded = true;
    this.#tell();
  }

  #change({ user, status, observed, since, last_seen, seq }: StatusChange): void {
    const before = this.#known.get(user);
    if (seq < (before?.seq ?? 0)) return;
    if (status === "offline" && !this.#watched.has(user)) this.#known.delete(user);
    else this.#known.set(user, { user, status, observed, since, last_seen, seq } as UserPresence);
    this.#tell();
  }

  /** Tells once of all that one piece of the stream brings. */
  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      this.list.set({ users: this.#present(), connected: this.#connected, error: this.#error });
    });
  }

  #present(): UserPresence[] {
    if (!this.#watched.has("")) return [];
    return [...this.#known.values()]
      .filter(({ status }) => status !== "offline" && status !== "unknown")
      .sort((a, b) => (a.user < b.user ? -1 : 1));
  }
}
