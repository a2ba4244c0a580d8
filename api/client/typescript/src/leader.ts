/**
 * Which one of a browser's tabs beats: the one that holds a lock. The browser frees it when a tab closes, crashes or is
 * killed, and gives it to the next in line.
 *
 *     claim ──► in line ──► gained ──► (another tab takes it) lost ──► in line …
 *
 * Without locks (a page that is not secure) every tab leads: all of them beat for one session, which does no harm.
 */
export class Leadership {
  #name = "";
  #place = 0; // 1: in line, 2: first
  #end = new AbortController(); // gives up the place, and outdates the callbacks of its request

  readonly #locks: LockManager | undefined;
  /** due: when the next beat is due, where the tab that led said so; else at once. */
  readonly #gained: (due?: number) => void;
  readonly #lost: () => void;

  constructor(locks: LockManager | undefined, gained: (due?: number) => void, lost: () => void) {
    this.#locks = locks;
    this.#gained = gained;
    this.#lost = lost;
  }

  /** Gets in line for the lock of this name. */
  claim(name: string): void {
    this.#name = name;
    this.#request();
  }

  /** Takes the lock from the tab that has it, as agreed with it, or because it hangs. Only out of the line. */
  take(due: number): void {
    if (this.#place === 1) this.#request(due);
  }

  /** Gives the lock up, and the place in the line. */
  release(): void {
    this.#place = 0;
    this.#end.abort();
  }

  /** due: takes the lock; else waits for it. */
  #request(due?: number): void {
    this.release();
    this.#end = new AbortController();
    const { signal } = this.#end;
    this.#place = 1;
    const lead = () => {
      if (signal.aborted) return;
      this.#place = 2;
      const end = new Promise<unknown>((resolve) => {
        signal.onabort = resolve;
      });
      this.#gained(due); // which may give it up
      return end;
    };
    if (!this.#locks) {
      lead();
      return;
    }
    const how = due === undefined ? { signal } : { steal: true };
    this.#locks.request(this.#name, how, lead).catch(() => {
      if (signal.aborted) return; // left the line
      if (this.#place === 2) {
        this.#lost();
        this.claim(this.#name);
      } else {
        lead(); // a page that may not use locks, such as one in a sandbox
      }
    });
  }
}
