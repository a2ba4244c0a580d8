import { Activity } from "./activity.js";
import { asError } from "./answer.js";
import { post } from "./beat.js";
import { type Browser, browser, together } from "./browser.js";
import { type Beat, Heart } from "./heart.js";
import { Leadership } from "./leader.js";
import { base, type PresenceOptions } from "./options.js";
import { listenToPage } from "./page.js";
import { Pause } from "./pause.js";
import { type LeaderState, type Message, Peers } from "./peers.js";
import { sessionOf } from "./session.js";
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
  readonly #url: string;
  readonly #activity: Activity;
  readonly #heart: Heart;
  readonly #pause: Pause;
  readonly #peers: Peers;
  readonly #leadership: Leadership;
  readonly #store = new Store<PresenceState>(IDLE);
  #session: string | undefined;

  #end: (() => void) | undefined; // stops listening; set while started
  #term = 0; // outdates loops and answers of before
  #who: string | undefined; // the subject that this tab is in line for
  #leads = false;
  #stalled = false; // there is no good token
  #away = false; // the page is closing, cached or frozen
  #silenced = 0; // when another tab, or this one, signed out
  #due = 0; // when the next heartbeat is
  #said = 0; // when the tab that leads last heard from this one
  #asked = 0; // since when it has not answered

  constructor(options: PresenceOptions = {}) {
    this.#browser = browser(options.browser);
    this.#url = base(options.url);
    this.tokens = options.tokens ?? new TokenSource(options.getToken, options.token);
    this.#session = options.session;
    this.#activity = new Activity(this.#browser, options.idleAfter ?? 300_000);
    this.#heart = new Heart(
      this.#browser,
      this.#url,
      this.tokens,
      this.#activity,
      () => this.#id(),
      options.interval ?? 0,
    );
    this.#pause = new Pause(this.#browser);
    this.#peers = new Peers(this.#browser, (message) => this.#heard(message));
    this.#leadership = new Leadership(
      this.#browser.locks,
      (due) => void this.#lead(due),
      () => {
        // Another tab has taken the lead; this one is in line again.
        this.#halt();
        this.#publish();
      },
    );
  }

  /** Begins to keep the user online. Once is enough. */
  start(): void {
    if (this.#end) return;
    this.#end = together(
      this.#activity.listen(
        () => this.#input(),
        () => this.#shown(),
      ),
      listenToPage(this.#browser, {
        leaving: () => this.#leave(true),
        frozen: () => this.#leave(false),
        back: () => this.#back(),
        online: () => this.#wake(),
      }),
      this.tokens.subscribe((before) => this.#tokenChanged(before)),
    );
    void this.#join();
  }

  /** Stops. Unless another tab goes on, the user is offline after the server's grace of 15 s. start begins again. */
  stop(): void {
    if (!this.#end) return;
    this.#end();
    this.#end = undefined;
    this.#leave(true);
    this.#away = false;
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
    this.#peers.say({ type: "logout" });
    this.#hush();
    const body = { session: this.#id() };
    await post(this.#browser, `${this.#url}logout`, token, body, { keepalive: true });
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
    this.#who = undefined;
    while (term === this.#term) {
      let wait = 0;
      try {
        await this.tokens.refresh();
        if (term !== this.#term) return;
        const token = this.tokens.current;
        if (token) this.#enter(subject(token));
        else this.#stall(IDLE);
        return;
      } catch (thrown) {
        if (term !== this.#term) return;
        wait = this.#show(this.#heart.failed(asError(thrown)));
      }
      await this.#pause.for(wait);
    }
  }

  #enter(who: string): void {
    const name = `rollcall:${this.#url}:${who}`;
    this.#who = who;
    this.#peers.open(name);
    this.#leadership.claim(name);
    if (!this.#leads) this.#sayHere();
  }

  async #lead(due = 0): Promise<void> {
    const term = this.#halt();
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
      if (beat.stalled) {
        this.#stall(beat);
        return;
      }
      wait = this.#show(beat);
      if (term !== this.#term) return; // whoever was told has ended it
      if (!settled && beat.status === "online") {
        settled = true;
        wait = Math.min(wait, SETTLE);
      }
    }
  }

  /** Leaves the lead to a tab with a better token, until something happens. */
  #stall(how: Standing): void {
    this.#halt();
    this.#leadership.release();
    this.#stalled = true;
    this.#publish(how);
  }

  /** Ends what goes on, and leads no longer. Returns the term that begins. */
  #halt(): number {
    this.#leads = false;
    this.#stalled = false;
    const term = ++this.#term;
    this.#asked = 0;
    this.#pause.wake();
    return term;
  }

  // What happens to the page and its user.

  /** Something has happened that may make a heartbeat worth while now. */
  #wake(): void {
    const now = this.#browser.now();
    if (this.#away || this.#silenced || now < this.#heart.notBefore) return;
    const { status } = this.#store.value;
    const same = status === "online" && this.#activity.idle === this.#heart.sentIdle;
    if (this.#stalled) void this.#join();
    else if (!same || now - this.#heart.sentAt >= GAP) this.#pause.wake();
  }

  #input(): void {
    if (this.#leads) this.#wakeIfNoLongerIdle();
    else if (this.#browser.now() - this.#said >= GAP) this.#sayHere();
  }

  #wakeIfNoLongerIdle(): void {
    if (this.#heart.sentIdle && !this.#activity.idle) this.#wake();
  }

  #shown(): void {
    if (this.#leads) this.#sayState();
    else this.#sayHere();
    if (this.#activity.visible) this.#wake();
  }

  #tokenChanged(before: string | null): void {
    const { current } = this.tokens;
    if (!current || this.#away) return;
    if (this.#stalled || this.#silenced) void this.#join();
    else if (this.#who === undefined)
      this.#pause.wake(); // join is at it
    else if (this.#who === subject(current)) this.#wake();
    else {
      this.#farewell(before);
      this.#peers.close();
      this.#leadership.release();
      this.#heart.lastBeatAt = null;
      void this.#join();
    }
  }

  #leave(closing: boolean): void {
    if (this.#away) return;
    if (closing) this.#farewell(this.tokens.current);
    this.#halt();
    this.#leadership.release(); // a held lock keeps a page out of the back/forward cache, and other tabs from leading
    this.#peers.close();
    this.#away = true;
  }

  #farewell(token: string | null): void {
    if (this.#leads && this.#heart.farewell(token)) this.#peers.say({ type: "left" });
  }

  #back(): void {
    if (!this.#away) return;
    this.#away = false;
    if (!this.#silenced) void this.#join();
  }

  /** Says nothing more until there is another token, or another tab beats again. */
  #hush(): void {
    this.#heart.cancel();
    this.#halt();
    this.#leadership.release();
    this.#heart.lastBeatAt = null;
    this.#silenced = this.#browser.now();
    this.#publish(IDLE);
  }

  // Between tabs.

  #heard(message: Message): void {
    if ("active" in message) this.#activity.heard(message.active);
    switch (message.type) {
      case "here":
        if (!this.#leads) break;
        this.#wakeIfNoLongerIdle();
        // A visible tab leads better: its timers run on time, and it is the last to be frozen.
        this.#sayState(message.visible && !this.#activity.visible ? message.from : "");
        break;
      case "state":
        if (!this.#leads) this.#follow(message);
        break;
      case "left":
        // Without locks this tab leads as well, for the same session, which now has to be seen again.
        if (this.#leads && !this.#browser.locks) void this.#lead();
        break;
      case "logout":
        this.#hush();
    }
  }

  #follow(state: LeaderState): void {
    this.#asked = 0;
    if (this.#silenced) {
      if ((state.lastBeatAt ?? 0) > this.#silenced) void this.#join();
      return;
    }
    if (this.#stalled) return;
    this.#heart.lastBeatAt = state.lastBeatAt;
    const error = state.error ? new Error(state.error) : null;
    this.#publish({ status: state.status, error });
    if (state.to === this.#peers.id) this.#leadership.take(state.due);
    else if (!state.to && !state.visible && this.#activity.visible) this.#sayHere();
  }

  #sayHere(): void {
    const now = this.#browser.now();
    this.#said = now;
    const { visible, last: active } = this.#activity;
    const said = this.#peers.say({ type: "here", from: this.#peers.id, visible, active });
    if (!said || !visible) return;
    this.#asked ||= now;
    if (now - this.#asked >= HANGS) this.#leadership.take(0);
  }

  #sayState(to = ""): void {
    const { visible, last: active } = this.#activity;
    const { lastBeatAt } = this.#heart;
    const { status, error } = this.#store.value;
    this.#peers.say({
      type: "state",
      visible,
      active,
      status,
      error: error?.message,
      lastBeatAt,
      due: this.#due,
      to,
    });
  }

  // What the application sees.

  #show(beat: Beat): number {
    this.#publish(beat);
    return beat.wait;
  }

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

  #id(): string {
    this.#session ??= sessionOf(this.#browser);
    return this.#session;
  }
}
