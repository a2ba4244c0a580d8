import { Activity, INPUT } from "./activity.js";
import { type Browser, browser, listen, together } from "./browser.js";
import { Heart } from "./heart.js";
import { Leadership } from "./leader.js";
import type { PresenceOptions } from "./options.js";
import { Pause } from "./pause.js";
import { type Message, Peers, type Saying } from "./peers.js";
import { stored } from "./session.js";
import { IDLE, type PresenceState, Store } from "./state.js";
import { subject, TokenSource } from "./token.js";

/** What a heartbeat, or its absence, tells the application. */
type Standing = Pick<PresenceState, "status" | "error">;

/**
 * A tab that begins to lead beats a second time after this long: a farewell of the page or tab before, still on its way,
 * may reach the server after the first one. Well within the server's grace of 15 s.
 */
const SETTLE = 5_000;
/** A tab that leads hangs (it is suspended, or shows a dialog) if one that is used hears no answer for this long. */
const HANGS = 10_000;
/** Showing a page, input and the like make no extra heartbeat this soon after one that said the same. */
const GAP = 5_000;

/**
 * Keeps the user who is signed in online, from one tab of the browser. It starts nothing until start is called.
 *
 *     start ──► token ──► in line for the lead ──► beat ──► pause ──► beat …
 *                 ▲                                 │
 *                 └── something happens ◄── stalled (no good token)
 */
export class PresenceClient {
  /** Where its tokens come from; a PresenceFeed may share it. */
  readonly tokens: TokenSource;
  readonly #browser: Browser;
  readonly #activity: Activity;
  readonly #heart: Heart;
  readonly #pause: Pause;
  readonly #peers: Peers;
  readonly #leadership: Leadership;
  readonly #store = new Store<PresenceState>(IDLE);

  #end: (() => void) | undefined; // stops listening; set while started
  #term = 0; // outdates loops and answers of before
  #line = ""; // the one that this tab is in, of all tabs of its user; "": none yet
  #leads = false;
  #stalled = false; // there is no good token
  #away = 0; // since when the page is closing, cached or frozen
  #silenced = 0; // when another tab, or this one, signed out
  #due = 0; // when the next heartbeat is
  #said = 0; // when the tab that leads last heard from this one
  #asked = 0; // since when it has not answered

  constructor(options: PresenceOptions = {}) {
    this.#browser = browser(options.browser);
    this.tokens = options.tokens ?? new TokenSource(options.getToken, options.token, this.#browser);
    this.#activity = new Activity(this.#browser, options);
    this.#heart = new Heart(this.#browser, this.tokens, this.#activity, options);
    this.#pause = new Pause(this.#browser);
    this.#peers = new Peers(this.#browser, this.#heard);
    this.#leadership = new Leadership(this.#browser.locks, this.#lead, () => {
      // Another tab has taken the lead; this one is in line again.
      this.#halt();
      this.#publish();
    });
  }

  /** Begins to keep the user online. Once is enough. */
  start(): void {
    if (this.#end) return;
    const { window, document } = this.#browser;
    this.#end = together(
      listen(window, INPUT, this.#input),
      listen(document, ["visibilitychange"], this.#shown),
      // Never unload: it does not come on phones, and keeps a page out of the back/forward cache.
      listen(window, ["pagehide"], () => this.#leave(true)),
      listen(window, ["pageshow"], this.#back),
      listen(window, ["online"], this.#wake), // the network may be there again; that it is, is never certain
      listen(document, ["freeze"], () => this.#leave(false)), // in the background: no timer runs any more
      listen(document, ["resume"], this.#back),
      this.tokens.subscribe(this.#tokenChanged),
    );
    void this.#join();
  }

  /** Stops. Unless another tab goes on, the user is offline after the server's grace of 15 s. start begins again. */
  stop(): void {
    if (!this.#end) return;
    this.#end();
    this.#end = undefined;
    this.#leave(true);
    this.#away = 0;
    this.#heart.lastBeatAt = null;
    this.#publish(IDLE);
  }

  /** The user has signed in, or has a newer token. */
  setToken(token: string): void {
    this.tokens.set(token);
  }

  /**
   * The user has signed out: ends this browser's session at once, in all tabs. Resolves when the server has answered or
   * could not be reached (the session then ends by its timeout); never rejects.
   */
  async logout(): Promise<void> {
    const token = this.tokens.current;
    this.tokens.set(null);
    if (!token) return;
    this.#say({ type: "logout" });
    this.#hush();
    stored(this.#browser, "logout", `${this.#silenced}`);
    await this.#heart.tell("logout", token);
  }

  /** How things stand; the same object until they change. */
  getState = (): PresenceState => this.#store.value;

  /** Calls heard after each change of state; the result ends it. */
  subscribe = (heard: () => void): (() => void) => this.#store.subscribe(heard);

  // In line for the lead.

  /** Gets in line once there is a token. */
  async #join(): Promise<void> {
    const term = this.#halt();
    this.#silenced = 0;
    this.#line = "";
    while (term === this.#term) {
      const failed = await this.tokens.refresh().catch((thrown) => this.#heart.failed(thrown));
      if (term !== this.#term) return;
      if (!failed) {
        const token = this.tokens.current;
        if (token) this.#enter(this.#lineOf(token));
        else this.#stall(IDLE);
        return;
      }
      this.#publish(failed);
      await this.#pause.for(failed.wait);
    }
  }

  #lineOf(token: string): string {
    return `rollcall:${this.#heart.url}:${subject(token)}`;
  }

  #enter(line: string): void {
    this.#line = line;
    this.#peers.open(line);
    this.#leadership.claim(line);
    if (!this.#leads) this.#sayHere();
  }

  #lead = async (due = 0): Promise<void> => {
    const term = this.#begin();
    let settled = !!due; // taken over as agreed: no farewell is on its way
    const now = this.#browser.now();
    let wait = Math.max(due < Infinity ? due : 0, this.#heart.notBefore) - now;
    this.#leads = true;
    this.#heart.sentAt = now;
    this.#heart.sentIdle = this.#activity.idle;
    this.#publish();
    for (;;) {
      this.#due = this.#browser.now() + Math.max(wait, 0);
      this.#sayState();
      await this.#pause.for(wait);
      if (term !== this.#term) return;
      const beat = await this.#heart.beat(() => term === this.#term);
      if (term !== this.#term) return;
      if (beat.wait === undefined) {
        this.#stall(beat);
        return;
      }
      wait = beat.wait;
      this.#publish(beat);
      if (term !== this.#term) return; // whoever was told has ended it
      if (!settled && beat.status === "online") {
        settled = true;
        wait = Math.min(wait, SETTLE);
      }
    }
  };

  /** Leaves the lead to a tab with a better token, until something happens. */
  #stall(how: Standing): void {
    this.#halt();
    this.#stalled = true;
    this.#publish(how);
  }

  /** Ends what goes on, and leaves the lead and the line for it. Returns the term that begins. */
  #halt(): number {
    this.#leadership.release();
    return this.#begin();
  }

  #begin(): number {
    this.#leads = false;
    this.#stalled = false;
    const term = ++this.#term;
    this.#asked = 0;
    this.#pause.wake();
    return term;
  }

  // What happens to the page and its user.

  /** Something has happened that may make a heartbeat worth while now. */
  #wake = (): void => {
    const now = this.#browser.now();
    if (this.#away || this.#silenced || now < this.#heart.notBefore) return;
    const online = this.#store.value.status === "online";
    const same = online && this.#activity.idle === this.#heart.sentIdle;
    if (this.#stalled) void this.#join();
    else if (!same || now - this.#heart.sentAt >= GAP) this.#pause.wake();
  };

  #input = (): void => {
    this.#activity.seen();
    if (this.#leads) this.#wakeIfNoLongerIdle();
    else if (this.#browser.now() - this.#said >= GAP) this.#sayHere();
  };

  #wakeIfNoLongerIdle(): void {
    if (this.#heart.sentIdle && !this.#activity.idle) this.#wake();
  }

  #shown = (): void => {
    const { visible } = this.#activity;
    if (visible) this.#activity.seen();
    if (this.#leads) this.#sayState();
    else this.#sayHere();
    if (visible) this.#wake();
  };

  #tokenChanged = (before: string | null): void => {
    const { current } = this.tokens;
    if (!current || this.#away) return;
    if (this.#stalled || this.#silenced) void this.#join();
    else if (!this.#line)
      this.#pause.wake(); // join is at it
    else if (this.#line === this.#lineOf(current)) this.#wake();
    else {
      this.#farewell(before);
      this.#peers.close();
      this.#heart.lastBeatAt = null;
      void this.#join();
    }
  };

  #leave(closing: boolean): void {
    if (this.#away) return;
    if (closing) this.#farewell(this.tokens.current);
    this.#halt(); // a held lock keeps a page out of the back/forward cache, and other tabs from leading
    this.#peers.close();
    this.#away = this.#browser.now();
  }

  #farewell(token: string | null): void {
    if (this.#leads && this.#heart.farewell(token)) this.#say({ type: "left" });
  }

  #back = (): void => {
    const left = this.#away;
    if (!left) return;
    this.#away = 0;
    const out = Number(stored(this.#browser, "logout"));
    if (out > left) this.#hush(out); // what the other tabs said has not been heard
    if (!this.#silenced) void this.#join();
    else {
      this.#peers.open(this.#line);
      this.#sayHere();
      this.tokens.refresh().catch(() => {}); // somebody may have signed in since
    }
  };

  /** Says nothing more until there is another token, or another tab beats again. */
  #hush(at = this.#browser.now()): void {
    this.#heart.cancel();
    this.#halt();
    this.#heart.lastBeatAt = null;
    this.#silenced = at;
    this.#publish(IDLE);
  }

  // Between tabs.

  #heard = (message: Message): void => {
    this.#activity.active = Math.max(this.#activity.active, message.active);
    if (message.type === "logout") this.#hush();
    else if (!this.#leads) {
      if (message.type === "state") this.#follow(message);
    } else if (message.type === "here") {
      this.#wakeIfNoLongerIdle();
      // A visible tab leads better: its timers run on time, and it is the last to be frozen.
      this.#sayState(message.visible && !this.#activity.visible ? message.from : "");
    } else if (message.type === "left" && !this.#browser.locks) {
      // Without locks this tab leads as well, for the same session, which now has to be seen again.
      void this.#lead();
    }
  };

  #follow(state: Extract<Message, { type: "state" }>): void {
    this.#asked = 0;
    if (this.#silenced) {
      if ((state.lastBeatAt ?? 0) > this.#silenced) void this.#join();
      return;
    }
    if (this.#stalled) return;
    this.#heart.lastBeatAt = state.lastBeatAt;
    this.#publish({ ...state, error: state.error ? new Error(state.error) : null });
    if (state.to === this.#peers.id) this.#leadership.take(state.due);
    else if (!state.to && !state.visible && this.#activity.visible) this.#sayHere();
  }

  #sayHere(): void {
    const now = this.#browser.now();
    this.#said = now;
    if (!this.#say({ type: "here" }) || !this.#activity.visible) return;
    this.#asked ||= now;
    if (now - this.#asked >= HANGS) this.#leadership.take(0);
  }

  #sayState(to = ""): void {
    const { status, error, lastBeatAt } = this.#store.value;
    this.#say({ type: "state", status, error: error?.message, lastBeatAt, due: this.#due, to });
  }

  /** Tells the other tabs, and says whether anything carries it. */
  #say(saying: Saying): boolean {
    const { visible, active } = this.#activity;
    return this.#peers.say({ ...saying, from: this.#peers.id, visible, active });
  }

  // What the application sees.

  #publish({ status, error }: Standing = this.#store.value): void {
    const heart = this.#heart;
    const isLeader = this.#leads;
    const old = this.#store.value;
    const same = old.status === status && old.error?.message === error?.message;
    if (same && old.isLeader === isLeader) return;
    this.#store.set({
      status,
      error,
      isLeader,
      get lastBeatAt() {
        return heart.lastBeatAt;
      },
    });
  }
}
