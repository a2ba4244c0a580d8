import type { Browser } from "./browser.js";
import { milliseconds, type PresenceOptions } from "./options.js";

/** The events of the window that are activity. */
export const INPUT = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

/** When the user last did something, in this tab or, as far as it is told, in another. */
export class Activity {
  /** Milliseconds since 1970. Loading a page and showing it are activity; what goes on in a hidden one is not. */
  active: number;

  readonly #browser: Browser;
  /** Milliseconds without activity after which the user is idle. */
  readonly #idleAfter: number;

  constructor(browser: Browser, options: PresenceOptions) {
    this.#browser = browser;
    this.#idleAfter = milliseconds(options, "idleAfter", 300_000) || Infinity;
    this.active = browser.now();
  }

  get visible(): boolean {
    return !this.#browser.document?.hidden;
  }

  get idle(): boolean {
    return this.#browser.now() - this.active >= this.#idleAfter;
  }

  /** The user has done something in this tab. */
  seen(): void {
    this.active = this.#browser.now();
  }
}
