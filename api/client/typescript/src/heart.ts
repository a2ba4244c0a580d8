import type { Activity } from "./activity.js";
import { asError } from "./answer.js";
import { Backoff } from "./backoff.js";
import { type Outcome, post } from "./beat.js";
import type { Browser } from "./browser.js";
import type { PresenceStatus } from "./state.js";
import type { TokenSource } from "./token.js";

/** A heartbeat without an answer is given up after this long. */
const PATIENCE = 10_000;

/** What has come of a heartbeat. */
export interface Beat {
  status: PresenceStatus;
  error: Error | null;
  /** Milliseconds until the next one; Infinity: only when something happens. */
  wait: number;
  /** There is no token that is good. */
  stalled?: boolean;
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

  #interval: number;
  #timeout = 120_000;
  #inFlight: AbortController | undefined;
  readonly #backoff: Backoff;

  readonly #browser: Browser;
  readonly #url: string;
  readonly #tokens: TokenSource;
  readonly #activity: Activity;
  readonly #session: () => string;
  /** The interval that the application set, in milliseconds; 0: the server's. */
  readonly #fixed: number;

  constructor(
    browser: Browser,
    url: string,
    tokens: TokenSource,
    activity: Activity,
    session: () => string,
    fixed: number,
  ) {
    this.#browser = browser;
    this.#url = url;
    this.#tokens = tokens;
    this.#activity = activity;
    this.#session = session;
    this.#fixed = fixed;
    this.#interval = fixed;
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
      if (!token || !wanted())
        return { status: "idle", error: null, wait: Infinity, stalled: true };
      let outcome = await this.#send(token);
      if (outcome.meaning === "unauthorized" && wanted()) {
        token = await this.#tokens.renew(token);
        if (token && wanted()) outcome = await this.#send(token);
      }
      return this.#judge(outcome);
    } catch (thrown) {
      return this.failed(asError(thrown));
    }
  }

  /**
   * Tells the server that the page is closing, in a request that outlives it. A hint: any heartbeat within the server's
   * grace undoes it. Says whether there was anything to tell.
   */
  farewell(token: string | null): boolean {
    const heard = this.lastBeatAt !== null || this.#inFlight;
    this.cancel(); // a heartbeat on its way would undo the hint if it came later
    if (!token || !heard) return false;
    const body = { session: this.#session(), leaving: true };
    void post(this.#browser, `${this.#url}heartbeat`, token, body, { keepalive: true });
    return true;
  }

  /** Gives up a heartbeat that has not been answered. */
  cancel(): void {
    this.#inFlight?.abort();
  }

  /** What follows from not getting through. asked: milliseconds that the server asked to wait. */
  failed(error: Error | null, asked = 0): Beat {
    const now = this.#browser.now();
    const counts = this.lastBeatAt !== null && now - this.lastBeatAt < this.#timeout;
    const wait = this.#backoff.failed(asked);
    if (asked) this.notBefore = now + wait;
    return { status: counts ? "degraded" : "offline", error, wait };
  }

  async #send(token: string): Promise<Outcome> {
    const abort = new AbortController();
    this.#inFlight = abort;
    const late = this.#browser.deadline(PATIENCE);
    late.addEventListener("abort", () => abort.abort(late.reason));
    const body = { session: this.#session(), idle: this.#activity.idle, every: this.#every() };
    this.sentAt = this.#browser.now();
    this.sentIdle = body.idle;
    const outcome = await post(this.#browser, `${this.#url}heartbeat`, token, body, {
      signal: abort.signal,
    });
    if (this.#inFlight === abort) this.#inFlight = undefined;
    return outcome;
  }

  /**
   * The interval that a heartbeat declares, in seconds: where the browser slows a hidden tab down, the one that it really
   * comes at. Nothing before the server has told what it expects: it would take more than that for a wish.
   */
  #every(): number | undefined {
    const slowed = this.#activity.visible ? 0 : this.#browser.now() - this.sentAt;
    return Math.min(360, Math.ceil(Math.max(this.#interval, slowed) / 1000)) || undefined;
  }

  #judge({ meaning, error, retryAfter, heartbeat, timeout }: Outcome): Beat {
    switch (meaning) {
      case "accepted":
        this.#backoff.succeeded();
        this.lastBeatAt = this.#browser.now();
        this.#timeout = timeout || this.#timeout;
        this.#interval = this.#fixed || heartbeat || this.#interval;
        // A little early, never late, so that the beats of a fleet spread out.
        return {
          status: "online",
          error,
          wait: (this.#interval || 30_000) * (1 - this.#browser.random() / 10),
        };
      case "unauthorized":
        return { status: meaning, error, wait: Infinity, stalled: true };
      case "refused":
        return { status: "offline", error, wait: Infinity };
      default:
        return this.failed(error, retryAfter);
    }
  }
}
