import { type ChildProcess, spawn } from "node:child_process";
import { EventParser, type ServerSentEvent } from "../../src/sse.js";
import type { Page } from "./chromium.js";

/** A user's new status as a viewer shows it; at: since when, in milliseconds since 1970 by the viewer's clock. */
export interface Sight {
  user: string;
  status: string;
  at: number;
}

/** Somebody who sees changes of status. */
export interface Viewer {
  readonly name: string;
  /** The nth change since the viewer began, from 0; waits for it, without end. */
  sight(n: number): Promise<Sight>;
  /** How many milliseconds the viewer's clock is ahead of this process's. */
  ahead(): Promise<number>;
}

/** This process's clock: milliseconds since 1970, with their fractions. */
export const now = () => performance.timeOrigin + performance.now();

/** What stands in the document of a page. Whoever does not stand there is offline. */
export class PageViewer implements Viewer {
  private constructor(
    readonly name: string,
    private readonly page: Page,
  ) {}

  /**
   * Watches the elements that the selector row finds; in each of them user and status find those.
   *
   * The time is that of the change of the document, which is on the screen with the frame that follows.
   */
  static async begin(name: string, page: Page, row: string, user: string, status: string) {
    await page.eval(`{
      const shown = () => new Map([...document.querySelectorAll(${JSON.stringify(row)})].map((row) =>
        [${JSON.stringify(user)}, ${JSON.stringify(status)}].map((part) => row.querySelector(part).textContent)));
      let before = shown();
      window.sights = [];
      new MutationObserver(() => {
        const at = performance.timeOrigin + performance.now();
        const after = shown();
        for (const user of new Set([...before.keys(), ...after.keys()])) {
          const status = after.get(user) ?? "offline";
          if (status !== (before.get(user) ?? "offline")) sights.push({ user, status, at });
        }
        before = after;
        window.look?.();
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    }`);
    return new PageViewer(name, page);
  }

  sight(n: number): Promise<Sight> {
    return this.page.eval(`new Promise((resolve) => {
      window.look = () => sights[${n}] && resolve(sights[${n}]);
      look();
    })`);
  }

  /** By the quickest of some questions: what it cannot tell is less than half of that one's way. */
  async ahead(): Promise<number> {
    let quickest = { trip: Number.POSITIVE_INFINITY, ahead: 0 };
    for (let i = 0; i < 30; i++) {
      const asked = now();
      const there = await this.page.eval<number>("performance.timeOrigin + performance.now()");
      const trip = now() - asked;
      if (trip < quickest.trip) quickest = { trip, ahead: there - asked - trip / 2 };
    }
    return quickest.ahead;
  }
}

/** What `curl -N` prints of the live stream. */
export class CurlViewer implements Viewer {
  readonly name = "curl -N";
  private readonly sights: Sight[] = [];
  private look = () => {};
  private readonly process: ChildProcess;
  /** The snapshot is there; rejects where curl ends before. */
  readonly live: Promise<void>;

  constructor(url: string, token: string) {
    const args = ["-sS", "-N", "-H", `Authorization: Bearer ${token}`, url];
    const child = spawn("curl", args, { stdio: ["ignore", "pipe", "inherit"] });
    this.process = child;
    const parser = new EventParser();
    this.live = new Promise((live, failed) => {
      child.once("error", failed);
      child.once("exit", (code) => failed(new Error(`curl ended with ${code}`)));
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        const at = now();
        for (const event of parser.push(text)) this.take(event, at, live);
        this.look();
      });
    });
  }

  async sight(n: number): Promise<Sight> {
    return new Promise((resolve) => {
      this.look = () => {
        const sight = this.sights[n];
        if (sight) resolve(sight);
      };
      this.look();
    });
  }

  async ahead(): Promise<number> {
    return 0; // its output is read by this process
  }

  close(): void {
    this.process.kill();
  }

  private take({ event, data }: ServerSentEvent, at: number, live: () => void): void {
    if (event === "snapshot") live();
    if (event !== "status") return;
    const { user, status } = JSON.parse(data);
    this.sights.push({ user, status, at });
  }
}
