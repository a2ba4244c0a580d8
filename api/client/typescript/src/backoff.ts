import type { Browser } from "./browser.js";

const LONGEST = 60_000;

/**
 * How long to wait after a failure: at random between one second and a limit that doubles from two seconds to a minute
 * (full jitter), so that a fleet whose server comes back does not come back in step.
 */
export class Backoff {
  #failures = 0;

  readonly #browser: Browser;

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** Milliseconds to wait. What the server asked for wins, stretched by up to a quarter, so that not all come at once. */
  failed(asked = 0): number {
    const limit = Math.min(LONGEST, 1000 * 2 ** ++this.#failures);
    const random = this.#browser.random();
    return asked ? asked * (1 + random / 4) : 1000 + random * (limit - 1000);
  }
}

/** Milliseconds from now that a Retry-After asks for, as seconds or as a date; 0 where there is none that makes sense. */
export function retryAfter(value: string | null, now: number): number {
  const ms = Number(value) * 1000 || Date.parse(value ?? "") - now; // as a date, "0" is long past
  return ms > 0 ? Math.min(ms, 3_600_000) : 0;
}
