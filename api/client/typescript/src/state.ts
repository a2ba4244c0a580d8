/**
 * How this browser's presence stands.
 *
 * - `idle`: nobody is signed in, or nothing has been sent yet
 * - `online`: the last heartbeat was accepted
 * - `degraded`: the last one failed, but the server still counts on an earlier one
 * - `offline`: heartbeats have failed for longer than the server's timeout, or are refused
 * - `unauthorized`: the token is refused, and there is no better one
 */
export type PresenceStatus = "idle" | "online" | "degraded" | "offline" | "unauthorized";

export interface PresenceState {
  readonly status: PresenceStatus;
  /** Why the last heartbeat failed; null where it did not. */
  readonly error: Error | null;
  /** Whether it is this tab that beats. */
  readonly isLeader: boolean;
  /** When a heartbeat was last accepted, milliseconds since 1970. As of when it is read: a beat alone makes no new state. */
  readonly lastBeatAt: number | null;
}

/** What a server knows nothing about. */
export const IDLE: PresenceState = {
  status: "idle",
  error: null,
  isLeader: false,
  lastBeatAt: null,
};

/** Holds a value that changes, and tells those who want to know: what React calls an external store. */
export class Store<T> {
  readonly #listeners = new Set<(before: T) => void>();

  constructor(public value: T) {}

  set(value: T): void {
    const before = this.value;
    this.value = value;
    for (const heard of [...this.#listeners]) {
      try {
        heard(before);
      } catch (thrown) {
        // Whoever listens ends neither the heartbeats nor what the others hear.
        queueMicrotask(() => {
          throw thrown;
        });
      }
    }
  }

  /** Calls heard with the value before, after each new one; the result ends it. */
  subscribe(heard: (before: T) => void): () => void {
    const own = (before: T) => heard(before); // the same function may listen twice
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }
}
