import type { Browser } from "../src/browser.js";

interface Timer {
  at: number;
  run: () => void;
}

/** A request that a tab has sent. */
export interface Call {
  tab: string;
  at: number;
  path: string;
  token: string;
  body: Record<string, unknown>;
  headers: Headers;
  keepalive: boolean;
  signal: AbortSignal | null;
}

type Serve = (call: Call) => Response | Promise<Response>;

/** A browser with tabs, a clock that stands still unless it is told to pass, and a server that answers as it is told. */
export class World {
  now = Date.parse("2026-11-23T08:00:00Z");
  random = 0;
  calls: Call[] = [];
  serve: Serve = () => accepted();
  readonly locks = new Locks();
  readonly storage = new Map<string, string>();
  readonly channels = new Set<Channel>();
  private timers: Timer[] = [];

  /** Lets time pass, timer by timer, with all that follows from each. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    await settle();
    for (;;) {
      const next = this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((t) => t !== next);
      this.now = Math.max(this.now, next.at);
      next.run();
      await settle();
    }
    this.now = end;
  }

  after(ms: number, run: () => void): Timer {
    const timer = { at: this.now + ms, run };
    this.timers.push(timer);
    return timer;
  }

  cancel(timer: Timer): void {
    this.timers = this.timers.filter((t) => t !== timer);
  }

  /** The calls since the last time that it was asked. */
  take(): Call[] {
    return this.calls.splice(0);
  }
}

/** All that is ready to happen, happens. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

export function accepted(headers: Record<string, string> = {}): Response {
  return new Response(null, { status: 204, headers });
}

/** One tab of the world's browser. */
export class Tab {
  readonly window = new EventTarget();
  readonly document = Object.assign(new EventTarget(), {
    visibilityState: "visible" as DocumentVisibilityState,
    hidden: false,
  });
  alive = true;
  private readonly lockClient = {};

  constructor(
    readonly world: World,
    readonly name = "tab",
  ) {}

  browser(without: Partial<Browser> = {}): Partial<Browser> {
    const { world } = this;
    return {
      fetch: (url, how) => this.fetch(String(url), how),
      now: () => world.now,
      // The same for what is to be predicted, different for what names a tab.
      random: () => world.random,
      after: (ms, run) => {
        const timer = world.after(ms, () => this.alive && run());
        return () => world.cancel(timer);
      },
      deadline: (ms) => {
        const abort = new AbortController();
        world.after(ms, () => abort.abort(new DOMException("late", "TimeoutError")));
        return abort.signal;
      },
      window: this.window,
      document: this.document as unknown as Document,
      locks: world.locks.of(this.lockClient),
      channel: (name) => new Channel(world, this, name) as unknown as BroadcastChannel,
      storage: {
        getItem: (key: string) => world.storage.get(key) ?? null,
        setItem: (key: string, value: string) => void world.storage.set(key, value),
      } as Storage,
      ...without,
    };
  }

  async show(visible: boolean): Promise<void> {
    this.document.visibilityState = visible ? "visible" : "hidden";
    this.document.hidden = !visible;
    this.document.dispatchEvent(new Event("visibilitychange"));
    await settle();
  }

  async happens(name: string): Promise<void> {
    this.window.dispatchEvent(new Event(name));
    await settle();
  }

  /** The tab's process dies: no event, no timer, its locks are free. */
  async kill(): Promise<void> {
    this.alive = false;
    for (const channel of this.world.channels) if (channel.tab === this) channel.close();
    this.world.locks.abandon(this.lockClient);
    await settle();
  }

  /** The tab's process is suspended: as kill, but what it held it keeps. */
  hang(): void {
    this.alive = false;
  }

  private async fetch(url: string, how: RequestInit = {}): Promise<Response> {
    const headers = new Headers(how.headers);
    const call: Call = {
      tab: this.name,
      at: this.world.now,
      path: url,
      token: headers.get("authorization")?.replace("Bearer ", "") ?? "",
      body: how.body ? JSON.parse(String(how.body)) : {},
      headers,
      keepalive: how.keepalive ?? false,
      signal: how.signal ?? null,
    };
    this.world.calls.push(call);
    const aborted = new Promise<never>((_, reject) => {
      how.signal?.addEventListener("abort", () => reject(how.signal?.reason));
    });
    return Promise.race([this.world.serve(call), aborted]);
  }
}

interface Request {
  client: object;
  name: string;
  grant: () => Promise<unknown> | unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/** Web Locks, as far as the client uses them: exclusive, in line, stealable, free when their tab dies. */
export class Locks {
  private readonly held = new Map<string, Request>();
  private line: Request[] = [];

  of(client: object): LockManager {
    const request = (name: string, how: LockOptions, grant: () => unknown) =>
      new Promise((resolve, reject) => {
        const request: Request = { client, name, grant, resolve, reject };
        if (how.steal) {
          const holder = this.held.get(name);
          this.held.delete(name);
          queueMicrotask(() => holder?.reject(new DOMException("stolen", "AbortError")));
          this.line.unshift(request);
        } else {
          this.line.push(request);
        }
        how.signal?.addEventListener("abort", () => {
          if (!this.line.includes(request)) return;
          this.line = this.line.filter((r) => r !== request);
          reject(new DOMException("left", "AbortError"));
        });
        queueMicrotask(() => this.next(name));
      });
    return { request } as unknown as LockManager;
  }

  abandon(client: object): void {
    this.line = this.line.filter((r) => r.client !== client);
    for (const [name, r] of this.held) if (r.client === client) this.free(name, r);
  }

  private next(name: string): void {
    const first = this.line.find((r) => r.name === name);
    if (!first || this.held.has(name)) return;
    this.line = this.line.filter((r) => r !== first);
    this.held.set(name, first);
    Promise.resolve(first.grant()).then((value) => {
      this.free(name, first);
      first.resolve(value);
    });
  }

  private free(name: string, holder: Request): void {
    if (this.held.get(name) === holder) this.held.delete(name);
    this.next(name);
  }
}

/** A BroadcastChannel between tabs that are alive. */
class Channel {
  onmessage: ((event: { data: unknown }) => void) | null = null;

  constructor(
    readonly world: World,
    readonly tab: Tab,
    readonly name: string,
  ) {
    world.channels.add(this);
  }

  postMessage(message: unknown): void {
    const data = structuredClone(message);
    for (const other of this.world.channels) {
      if (other === this || other.name !== this.name) continue;
      queueMicrotask(() => {
        if (this.world.channels.has(other) && other.tab.alive) other.onmessage?.({ data });
      });
    }
  }

  close(): void {
    this.world.channels.delete(this);
  }
}

/** A token that nobody would accept, but whose subject can be read. */
export function tokenOf(user: string, n = 0): string {
  const part = (claims: object) => btoa(JSON.stringify(claims)).replace(/=/g, "");
  return `${part({ alg: "none" })}.${part({ sub: user, n })}.x`;
}
