import { type Browser, listen, together } from "./browser.js";

const INPUT = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

/** When the user last did something, in this tab or, as far as it is told, in another. */
export class Activity {
  /** Milliseconds since 1970. Loading a page and showing it are activity; what goes on in a hidden one is not. */
  last: number;

  readonly #browser: Browser;
  /** Milliseconds without activity after which the user is idle; 0: never. */
  readonly #idleAfter: number;

  constructor(browser: Browser, idleAfter: number) {
    this.#browser = browser;
    this.#idleAfter = idleAfter;
    this.last = browser.now();
  }

  get visible(): boolean {
    return this.#browser.document?.visibilityState !== "hidden";
  }

  get idle(): boolean {
    return this.#idleAfter > 0 && this.#browser.now() - this.last >= this.#idleAfter;
  }

  /** Another tab saw something at that time. */
  heard(at: number): void {
    this.last = Math.max(this.last, Math.min(at, this.#browser.now()));
  }

  /** Calls input after each input, and shown when the page is shown or hidden. The result ends it. */
  listen(input: () => void, shown: () => void): () => void {
    return together(
      listen(this.#browser.window, INPUT, () => {
        this.last = this.#browser.now();
        input();
      }),
      listen(this.#browser.document, ["visibilitychange"], () => {
        if (this.visible) this.last = this.#browser.now();
        shown();
      }),
    );
  }
}
