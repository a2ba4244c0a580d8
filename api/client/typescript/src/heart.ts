import type { Activity } from "./activity.js";
import { answerError, asError, passing } from "./answer.js";
import { Backoff, retryAfter } from "./backoff.js";
import type { Browser } from "./browser.js";
import { base, milliseconds, type PresenceOptions } from "./options.js";
import { sessionOf } from "./session.js";
import { IDLE, type PresenceStatus } from "./state.js";
import type { TokenSource } from "./token.js";

/** A heartbeat without an answer is given up after this long. */
const PATIENCE = 10_000;

/** What has come of a heartbeat. */
export interface Beat {
  status: PresenceStatus;
  error: Error | null;
  /** Milliseconds until the next one; Infinity: only when something happens; none: there is no token that is good. */
  wait?: number;
}

/** The heartbeats of one session: what each says, and how long to wait after it. */
export class Heart {
  /** When a heartbeat was last accepted, also from another tab. */
  lastBeatAt: number | null = null;
  /** When the last heartbeat was sent, or this tab began to lead. */
  sentAt = 0;
  /** What the last heartbeat said. */
  sentIdle = false;
  /** The server asked for silence until then. */
  notBefore = 0;
  /** Where the calls are. */
  readonly url: string;

  #interval: number;
  #timeout = 120_000;
  #sent: AbortController | undefined; // what gives the last heartbeat up
  readonly #backoff: Backoff;

  readonly #browser: Browser;
  readonly #tokens: TokenSource;
  readonly #activity: Activity;
  #session: string | undefined;
  /** The interval that the application set, in milliseconds; 0: the server's. */
  readonly #fixed: number;

  constructor(browser: Browser, tokens: TokenSource, activity: Activity, options: PresenceOptions) {
    this.#browser = browser;
    this.#tokens = tokens;
    this.#activity = activity;
    this.url = base(options.url);
    this.#session = options.session;
    this.#interval = this.#fixed = Math.min(360_000, milliseconds(options, "interval", 0));
    this.#backoff = new Backoff(browser);
  }

  /**
   * Sends one heartbeat, and a second one if the token of the first is refused and there is a newer one. Never rejects.
   * Once it is no longer wanted, what it returns means nothing.
   */
  async beat(wanted: () => boolean): Promise<Beat> {
    try {
      await this.#tokens.refresh();
      let token = this.#tokens.current;
      if (!token || !wanted()) return IDLE;
      let answer = await this.#send(token);
      if (answer.status === 401) {
        token = await this.#tokens.renew(token);
        if (token && wanted()) answer = await this.#send(token);
      }
      return this.#judge(answer);
    } catch (thrown) {
      return this.failed(thrown);
    }
  }

  /**
   * Tells the server that the page is closing, in a request that outlives it. A hint: any heartbeat within the server's
   * grace undoes it. Says whether there was anything to tell.
   */
  farewell(token: string | null): boolean {
    const heard = this.lastBeatAt !== null || this.#sent;
    this.cancel(); // a heartbeat on its way would undo the hint if it came later
    if (!token || !heard) return false;
    void this.tell("heartbeat", token, { leaving: true });
    return true;
  }

  /** Makes a call that outlives the page. Resolves when it is answered, or cannot be; never rejects. */
  async tell(call: string, token: string, body: object = {}): Promise<void> {
    try {
      await this.#post(call, token, body, null);
    } catch {}
  }

  /** Gives up a heartbeat that has not been answered. */
  cancel(): void {
    this.#sent?.abort();
    this.#sent = undefined;
  }

  /** What follows from not getting through. asked: milliseconds that the server asked to wait. */
  failed(thrown: unknown, asked = 0): Beat & { wait: number } {
    this.#sent = undefined;
    const now = this.#browser.now();
    const counts = this.lastBeatAt !== null && now - this.lastBeatAt < this.#timeout;
    const wait = this.#backoff.failed(asked);
    if (asked) this.notBefore = now + wait;
    return { status: counts ? "degraded" : "offline", error: asError(thrown), wait };
  }

  async #send(token: string): Promise<Response> {
    const abort = new AbortController();
    this.#sent = abort;
    const late = this.#browser.deadline(PATIENCE);
    late.onabort = () => abort.abort(late.reason);
    const body = { idle: this.#activity.idle, every: this.#every() };
    this.sentAt = this.#browser.now();
    this.sentIdle = body.idle;
    return this.#post("heartbeat", token, body, abort.signal);
  }

  #post(call: string, token: string, body: object, signal: AbortSignal | null): Promise<Response> {
    this.#session ??= sessionOf(this.#browser);
    return this.#browser.fetch(this.url + call, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ session: this.#session, ...body }),
      keepalive: !signal,
      signal,
    });
  }

  /**
   * The interval that a heartbeat declares, in seconds: where the browser slows a hidden tab down, the one that it really
   * comes at. Nothing before the server has told what it expects: it would take more than that for a wish.
   */
  #every(): number | undefined {
    const slowed = this.#activity.visible ? 0 : this.#browser.now() - this.sentAt;
    return Math.min(360, Math.ceil(Math.max(this.#interval, slowed) / 1000)) || undefined;
  }

  #judge({ status, headers }: Response): Beat {
    const now = this.#browser.now();
    const error = answerError(status, `${this.url}heartbeat`);
    if (status === 401) return { status: "unauthorized", error };
    if (status !== 204)
      return passing(status)
        ? this.failed(error, retryAfter(headers.get("retry-after"), now))
        : { status: "offline", error, wait: Infinity };
    const told = (name: string) => Number(headers.get(`rollcall-${name}`)) * 1000;
    this.#backoff.succeeded();
    this.lastBeatAt = now;
    this.#timeout = told("timeout") || this.#timeout;
    this.#interval = this.#fixed || told("heartbeat") || this.#interval;
    // A little early, never late, so that the beats of a fleet spread out.
    const wait = (this.#interval || 30_000) * (1 - this.#browser.random() / 10);
    return { status: "online", error: null, wait };
  }
}
