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
  #turn = 0; // outdates the callbacks of requests before
  #place = 0; // 1: in line, 2: first
  #letGo: (() => void) | undefined;
  #leaveLine: AbortController | undefined;

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
    this.release();
    this.#name = name;
    this.#place = 1;
    this.#leaveLine = new AbortController();
    this.#request({ signal: this.#leaveLine.signal });
  }

  /** Takes the lock from the tab that has it, as agreed with it, or because it hangs. Only out of the line. */
  take(due: number): void {
    if (this.#place !== 1) return;
    this.release();
    this.#request({ steal: true }, due);
  }

  /** Gives the lock up, and the place in the line. */
  release(): void {
    this.#turn++;
    this.#place = 0;
    this.#leaveLine?.abort();
    this.#letGo?.();
  }

  #request(how: LockOptions, due?: number): void {
    const turn = ++this.#turn;
    const lead = () => {
      if (turn !== this.#turn) return;
      this.#place = 2;
      this.#gained(due);
      return new Promise<void>((resolve) => {
        this.#letGo = resolve;
      });
    };
    if (!this.#locks) {
      lead();
      return;
    }
    this.#locks.request(this.#name, how, lead).catch(() => {
      if (turn !== this.#turn) return; // left the line
      if (this.#place === 2) {
        this.#lost();
        this.claim(this.#name);
      } else {
        lead(); // a page that may not use locks, such as one in a sandbox
      }
    });
  }
}
