import { Activity } from "./activity.js";
import { asError } from "./answer.js";
import { Backoff } from "./backoff.js";
import { type BeatBody, type Outcome, post } from "./beat.js";
import { type Browser, browser } from "./browser.js";
import { Leadership } from "./leader.js";
import type { PresenceOptions } from "./options.js";
import { listenToPage } from "./page.js";
import { Pause } from "./pause.js";
import { type Message, Peers } from "./peers.js";
import { sessionOf } from "./session.js";
import { IDLE, type PresenceState, type PresenceStatus, Store } from "./state.js";
import { subject, TokenSource } from "./token.js";

/** A heartbeat without an answer is given up after this long. */
const PATIENCE = 10_000;
/**
 * A tab that begins to lead beats a second time after this long: a farewell of the page or tab before, still on its way,
 * may reach the server after the first one. Well within the server's grace of 15 s.
 */
const SETTLE = 5_000;
/** Showing a page, input and the like make no extra heartbeat this soon after one that said the same. */
const GAP = 5_000;

/**
 * Keeps the user who is signed in online, from one tab of the browser. It starts nothing until start is called.
 *
 *     start ──► token ──► in line for the lead ──► beat ──► pause ──► beat …
 *                 ▲                │                 │
 *                 └── wake ◄── stalled (no token, or refused)
 */
export class PresenceClient {
  readonly tokens: TokenSource;
  private readonly browser: Browser;
  private readonly url: string;
  private readonly fixed: number; // the interval that the application set; 0: none
  private readonly activity: Activity;
  private readonly backoff: Backoff;
  private readonly pause: Pause;
  private readonly peers: Peers;
  private readonly leadership: Leadership;
  private readonly store = new Store<PresenceState>(IDLE);
  private session: string | undefined;

  private end: (() => void) | undefined; // stops listening; set while started
  private away = false; // the page is leaving, cached or frozen
  private silent = false; // another tab has signed out
  private stalled = false; // waits for something to wake it, out of line
  private term = 0; // outdates loops and answers of before
  private who = ""; // the subject that this tab stands in line for
  private leads = false;

  private interval = 30_000;
  private timeout = 120_000;
  private lastBeatAt: number | null = null;
  private sentAt = 0;
  private sentIdle = false;
  private due = 0;
  private notBefore = 0; // the server asked for silence until then
  private inFlight: AbortController | undefined;

  constructor(options: PresenceOptions = {}) {
    this.browser = browser(options.browser);
    this.url = `${options.url?.replace(/\/$/, "") ?? ""}/v1/`;
    this.tokens = options.tokens ?? new TokenSource(options.getToken, options.token);
    this.session = options.session;
    this.fixed = options.interval ?? 0;
    this.interval = this.fixed || this.interval;
    this.activity = new Activity(this.browser, options.idleAfter ?? 300_000);
    this.backoff = new Backoff(this.browser);
    this.pause = new Pause(this.browser);
    this.peers = new Peers(this.browser, (message) => this.heard(message));
    this.leadership = new Leadership(
      this.browser.locks,
      (due) => void this.lead(due),
      () => this.lost(),
    );
  }

  /** Begins to keep the user online. Once is enough. On a server do not call it: there is nobody to keep. */
  start(): void {
    if (this.end) return;
    const ends = [
      this.activity.listen(
        () => this.input(),
        () => this.shown(),
      ),
      listenToPage(this.browser, {
        leaving: () => this.leave(true),
        frozen: () => this.leave(false),
        back: () => this.back(),
        online: () => this.wake(),
      }),
      this.tokens.subscribe((before) => this.tokenChanged(before)),
    ];
    this.end = () => {
      for (const end of ends) end();
    };
    void this.join();
  }

  /** Stops. Unless another tab goes on, the user is offline after the server's grace of 15 s. start begins again. */
  stop(): void {
    if (!this.end) return;
    this.end();
    this.end = undefined;
    this.leave(true);
    this.away = false;
    this.publish("idle", null);
  }

  /** The user has signed in, or has a newer token. */
  setToken(token: string): void {
    this.tokens.set(token);
  }

  /**
   * The user has signed out: ends this browser's session at once, in all tabs. Resolves when the server has answered or
   * could not be reached (the session then ends by the timeout); never rejects.
   */
  async logout(): Promise<void> {
    const token = this.tokens.current;
    if (this.end) {
      this.peers.say({ type: "logout" });
      this.hush();
    }
    this.tokens.set(null);
    if (!token) return;
    await post(this.browser, `${this.url}logout`, token, { session: this.id() }, { keepalive: true });
  }

  /** How things stand; the same object until they change. */
  getState = (): PresenceState => this.store.value;

  /** Calls heard after each change of state; the result ends it. */
  subscribe = (heard: () => void): (() => void) => this.store.subscribe(heard);

  // ---- in line

  /** Gets in line for the lead, once there is a token. */
  private async join(): Promise<void> {
    const term = this.halt();
    for (;;) {
      let wait = Infinity;
      try {
        const token = await this.tokens.get();
        if (term !== this.term) return;
        if (token) return this.enter(subject(token));
        this.publish("idle", null);
        this.stalled = true;
        return;
      } catch (thrown) {
        if (term !== this.term) return;
        wait = this.failed(asError(thrown), 0);
      }
      await this.pause.for(wait);
      if (term !== this.term) return;
    }
  }

  private enter(who: string): void {
    const name = `rollcall:${this.url}:${who}`;
    this.who = who;
    this.peers.open(name);
    this.leadership.claim(name);
    if (!this.leads) this.sayHere();
  }

  private lost(): void {
    this.halt();
    this.publish(this.store.value.status, this.store.value.error);
  }

  /** Ends loops and requests, and no longer leads. Returns the term that begins. */
  private halt(): number {
    this.leads = false;
    this.stalled = false;
    this.silent = false;
    const term = ++this.term;
    this.pause.wake();
    return term;
  }

  // ---- beating

  private async lead(due = 0): Promise<void> {
    const term = this.halt();
    let settled = due > 0; // taken over as agreed: no farewell is on its way
    this.leads = true;
    this.sentIdle = this.activity.idle;
    let wait = due - this.browser.now();
    this.publish(this.store.value.status, this.store.value.error);
    for (;;) {
      this.due = this.browser.now() + Math.max(wait, 0);
      this.sayState();
      await this.pause.for(wait);
      if (term !== this.term) return;
      wait = await this.beat(term);
      if (term !== this.term) return;
      if (!settled && this.store.value.status === "online") {
        settled = true;
        wait = Math.min(wait, SETTLE);
      }
    }
  }

  /** Sends one heartbeat, and a second one with another token if the first one's is refused. Returns how long to wait. */
  private async beat(term: number): Promise<number> {
    let token: string | null;
    try {
      token = await this.tokens.get();
      if (term !== this.term) return 0;
      if (!token) return this.stall("idle", null);
      let outcome = await this.send(token, this.body());
      if (outcome.meaning === "unauthorized" && term === this.term) {
        token = await this.tokens.renew(token);
        if (token && term === this.term) outcome = await this.send(token, this.body());
      }
      return term === this.term ? this.answered(outcome) : 0;
    } catch (thrown) {
      return term === this.term ? this.failed(asError(thrown), 0) : 0;
    }
  }

  private send(token: string, body: BeatBody): Promise<Outcome> {
    const abort = new AbortController();
    this.inFlight = abort;
    const late = this.browser.deadline(PATIENCE);
    late.addEventListener("abort", () => abort.abort(late.reason));
    this.sentAt = this.browser.now();
    this.sentIdle = body.idle ?? false;
    return post(this.browser, `${this.url}heartbeat`, token, body, { signal: abort.signal });
  }

  /** Where the browser slows a hidden tab down, the heartbeat declares the interval that it really comes at. */
  private body(): BeatBody {
    const slowed = this.activity.visible || !this.sentAt ? 0 : this.browser.now() - this.sentAt;
    const every = Math.ceil(Math.max(this.interval, slowed) / 1000);
    return { session: this.id(), idle: this.activity.idle, every: Math.min(every, 360) };
  }

  private answered(outcome: Outcome): number {
    this.timeout = outcome.timeout || this.timeout;
    this.interval = this.fixed || outcome.heartbeat || this.interval;
    switch (outcome.meaning) {
      case "accepted":
        this.backoff.succeeded();
        this.lastBeatAt = this.browser.now();
        this.publish("online", null);
        // A little early, never late, so that the beats of a fleet spread out.
        return this.interval * (1 - 0.1 * this.browser.random());
      case "unauthorized":
        return this.stall("unauthorized", outcome.error);
      case "refused":
        this.publish("offline", outcome.error);
        return Infinity;
      default:
        return this.failed(outcome.error, outcome.retryAfter);
    }
  }

  private failed(error: Error | null, asked: number): number {
    const now = this.browser.now();
    const counts = this.lastBeatAt !== null && now - this.lastBeatAt < this.timeout;
    this.publish(counts ? "degraded" : "offline", error);
    const wait = this.backoff.failed(asked);
    if (asked) this.notBefore = now + wait;
    return wait;
  }

  /** Leaves the lead to a tab with a better token, until something wakes this one. */
  private stall(status: PresenceStatus, error: Error | null): number {
    this.halt();
    this.leadership.release();
    this.publish(status, error);
    this.sayState();
    this.stalled = true;
    return Infinity;
  }

  // ---- what happens

  /** Something has happened that makes a heartbeat worth while now. */
  private wake(): void {
    const now = this.browser.now();
    if (!this.end || this.away || this.silent || now < this.notBefore) return;
    if (this.stalled) return void this.join();
    const fresh = this.store.value.status === "online" && this.activity.idle === this.sentIdle;
    if (!fresh || now - this.sentAt >= GAP) this.pause.wake();
  }

  private input(): void {
    if (this.leads) {
      if (this.sentIdle) this.wake();
    } else if (this.browser.now() - this.said >= GAP) {
      this.sayHere();
    }
  }

  private shown(): void {
    if (!this.leads) this.sayHere();
    else this.sayState();
    if (this.activity.visible) this.wake();
  }

  private tokenChanged(before: string | null): void {
    const { current } = this.tokens;
    if (!current || this.away) return;
    if (!before || subject(current) !== this.who || this.silent) {
      this.farewell(before);
      this.peers.close();
      this.leadership.release();
      void this.join();
    } else {
      this.wake();
    }
  }

  // ---- leaving and coming back

  private leave(forGood: boolean): void {
    if (this.away) return;
    if (forGood) this.farewell(this.tokens.current);
    this.halt();
    this.leadership.release(); // a held lock keeps a page out of the back/forward cache, and other tabs from leading
    this.peers.close();
    this.away = true;
  }

  /** Tells the server that the page is closing. A hint: any heartbeat within its grace undoes it. */
  private farewell(token: string | null): void {
    if (!this.leads || !token || this.lastBeatAt === null) return;
    this.inFlight?.abort(); // it would undo the hint if it came later
    const body = { session: this.id(), leaving: true };
    void post(this.browser, `${this.url}heartbeat`, token, body, { keepalive: true });
    this.peers.say({ type: "left" });
  }

  private back(): void {
    if (!this.away || !this.end) return;
    this.away = false;
    void this.join();
  }

  // ---- between tabs

  private said = 0;

  private heard(message: Message): void {
    switch (message.type) {
      case "here":
        this.activity.heard(message.active);
        if (this.leads) this.heardFollower(message.from, message.visible);
        break;
      case "state":
        this.activity.heard(message.active);
        if (!this.leads) this.heardLeader(message);
        break;
      case "yield":
        if (message.to === this.peers.id && !this.leads) this.leadership.take(message.due);
        break;
      case "left":
        // Without locks this tab leads as well, for the same session.
        if (this.leads) void this.lead();
        break;
      case "logout":
        this.hush();
    }
  }

  /** A visible tab leads better: its timers run on time, and it is the last to be frozen. */
  private heardFollower(from: string, visible: boolean): void {
    if (visible && !this.activity.visible && this.browser.locks) {
      this.peers.say({ type: "yield", to: from, due: this.due });
    } else {
      if (this.sentIdle) this.wake();
      this.sayState();
    }
  }

  private heardLeader(state: Message & { type: "state" }): void {
    if (this.silent) return void this.join(); // somebody has signed in again
    if (this.stalled) return; // with a token of its own that is not good
    this.lastBeatAt = state.lastBeatAt;
    this.publish(state.status, state.error === null ? null : new Error(state.error));
    if (!state.visible && this.activity.visible) this.sayHere();
  }

  /** Says nothing more until there is another token, or another tab leads. */
  private hush(): void {
    this.inFlight?.abort();
    this.halt();
    this.leadership.release();
    this.lastBeatAt = null;
    this.silent = true;
    this.publish("idle", null);
  }

  private sayHere(): void {
    this.said = this.browser.now();
    const { visible, last } = this.activity;
    this.peers.say({ type: "here", from: this.peers.id, visible, active: last });
  }

  private sayState(): void {
    const { status, error } = this.store.value;
    const { visible, last } = this.activity;
    this.peers.say({
      type: "state",
      visible,
      active: last,
      status,
      error: error && error.message,
      lastBeatAt: this.lastBeatAt,
    });
  }

  private publish(status: PresenceStatus, error: Error | null): void {
    const old = this.store.value;
    if (
      old.status === status &&
      old.isLeader === this.leads &&
      old.error?.message === error?.message
    )
      return;
    const beatAt = () => this.lastBeatAt;
    this.store.set({
      status,
      error,
      isLeader: this.leads,
      get lastBeatAt() {
        return beatAt();
      },
    });
  }

  private id(): string {
    this.session ??= sessionOf(this.browser);
    return this.session;
  }
}
