/**
 * What the client uses of a browser. On a server, in a worker or in React Native parts of it are missing, and the client
 * does without them. Tests give their own.
 */
export interface Browser {
  fetch: typeof fetch;
  /** Milliseconds since 1970; the tabs of a browser share this clock. */
  now(): number;
  /** From 0 up to, but not including, 1. */
  random(): number;
  /** Runs something once, in ms milliseconds; the result prevents it. */
  after(ms: number, run: () => void): () => void;
  /** A signal that aborts in ms milliseconds. */
  deadline(ms: number): AbortSignal;
  document?: Document | undefined;
  window?: EventTarget | undefined;
  /** Missing where the page is not secure (plain http that is not localhost). */
  locks?: LockManager | undefined;
  /** Throws where it is missing, or blocked. */
  channel?: ((name: string) => BroadcastChannel) | undefined;
  /** A page whose user blocks storage throws at the mere mention of it. */
  storage?: Storage | undefined;
}

/** The browser that the code runs in, with parts of it replaced. Nothing is looked up before this is called. */
export function browser(replaced: Partial<Browser> = {}): Browser {
  const g = globalThis;
  return {
    fetch: (...request) => g.fetch(...request),
    now: () => Date.now(),
    random: () => Math.random(),
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    deadline: (ms) => AbortSignal.timeout(ms),
    document: g.document,
    window: g.document && g.window,
    locks: g.navigator?.locks,
    channel: (name) => new BroadcastChannel(name),
    get storage() {
      return g.document && g.localStorage;
    },
    ...replaced,
  };
}

/** One end for several. */
export const together =
  (...ends: (() => void)[]): (() => void) =>
  () => {
    for (const end of ends) end();
  };

/** Listens for events of all these names, and returns what ends it. */
export function listen(
  target: EventTarget | undefined,
  names: string[],
  heard: (event: Event) => void,
): () => void {
  // Passive and captured: it neither delays scrolling nor misses what a page stops from bubbling.
  const how = { capture: true, passive: true };
  for (const name of names) target?.addEventListener(name, heard, how);
  return () => {
    for (const name of names) target?.removeEventListener(name, heard, how);
  };
}
