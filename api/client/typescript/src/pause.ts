import type { Browser } from "./browser.js";

/** A wait that an event can cut short. */
export class Pause {
  #end: (() => void) | undefined;

  readonly #browser: Browser;

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  /**
   * Resolves in ms milliseconds (Infinity: never), or when it is woken; at once for 0 or less. One at a time.
   *
   * A loop of `await fetch` and `await pause.for(…)` sets each timer from the continuation of a fetch, so that timers do
   * not count as nested: browsers hold nested timers of a tab that has been hidden for five minutes back to one a minute.
   */
  for(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = ms === Infinity ? undefined : this.#browser.after(ms, () => this.wake());
      this.#end = () => {
        cancel?.();
        this.#end = undefined;
        resolve();
      };
    });
  }

  /** Ends the wait, if there is one. */
  wake(): void {
    this.#end?.();
  }
}
