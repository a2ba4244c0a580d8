import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

/** Where the browser is; CHROMIUM overrides. */
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export const hasChromium = existsSync(CHROMIUM);

/** CI has installed what the tests need: there, nothing may be skipped for want of it. */
export const mustRun = Boolean(process.env.CI);

if (!hasChromium) {
  const why =
    "no Chromium here: install Debian's package chromium, or set CHROMIUM to the path of one";
  if (mustRun) throw new Error(why);
  console.warn(why);
}

const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-pipe",
];

interface Reply {
  id?: number;
  method?: string;
  params?: unknown;
  sessionId?: string;
  result?: unknown;
  error?: { message: string };
}

/**
 * A real Chromium with a profile of its own, spoken to over a pipe.
 *
 * Playwright and Puppeteer will not do here: they switch the throttling of hidden tabs off, and make every page
 * believe that it is visible.
 */
export class Chromium {
  private n = 0;
  private rest = "";
  private readonly waiting = new Map<
    number,
    { resolve: (result: never) => void; reject: (error: Error) => void }
  >();

  private constructor(
    private readonly process: ChildProcess,
    private readonly profile: string,
  ) {
    (process.stdio[4] as Readable).setEncoding("utf8").on("data", (text) => this.read(text));
    process.once("exit", () => {
      for (const { reject } of this.waiting.values()) reject(new Error("the browser has gone"));
    });
  }

  static async launch(flags: string[] = []): Promise<Chromium> {
    const profile = await mkdtemp(join(tmpdir(), "rollcall-chromium-"));
    const child = spawn(
      CHROMIUM,
      [...FLAGS, ...flags, `--user-data-dir=${profile}`, "about:blank"],
      {
        stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
        detached: true, // a group of its own, so that all its processes can be ended
      },
    );
    const browser = new Chromium(child, profile);
    await browser.call("Browser.getVersion");
    return browser;
  }

  call<T>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    const id = ++this.n;
    const answer = new Promise<T>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    const message = { id, method, params, ...(sessionId ? { sessionId } : {}) };
    (this.process.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    return answer;
  }

  /** Opens a page in a tab of its own, which hides the tab before. */
  async open(url: string): Promise<Page> {
    const { targetId } = await this.call<{ targetId: string }>("Target.createTarget", { url });
    const { sessionId } = await this.call<{ sessionId: string }>("Target.attachToTarget", {
      targetId,
      flatten: true,
    });
    return new Page(this, targetId, sessionId);
  }

  /** Ends the browser without a word, as a power cut would. */
  async kill(): Promise<void> {
    const gone = new Promise((resolve) => this.process.once("exit", resolve));
    if (this.process.pid && this.process.exitCode === null && this.process.signalCode === null) {
      process.kill(-this.process.pid, "SIGKILL");
      await gone;
    }
    await rm(this.profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  private read(text: string): void {
    const messages = (this.rest + text).split("\0");
    this.rest = messages.pop() ?? "";
    for (const message of messages) {
      const { id, result, error }: Reply = JSON.parse(message);
      const caller = this.waiting.get(id ?? 0);
      this.waiting.delete(id ?? 0);
      if (error) caller?.reject(new Error(error.message));
      else caller?.resolve(result as never);
    }
  }
}

/** One tab. */
export class Page {
  constructor(
    private readonly browser: Chromium,
    private readonly target: string,
    private readonly session: string,
  ) {}

  call<T>(method: string, params: object = {}): Promise<T> {
    return this.browser.call<T>(method, params, this.session);
  }

  /** The value of an expression in the page; waits for it if it is a promise. */
  async eval<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.evaluate<{
      result: { value: T };
      exceptionDetails?: { text: string };
    }>({ expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.text}`);
    return result.value;
  }

  /** A new tab has nothing yet that could evaluate: asks until it has. */
  private async evaluate<T>(what: object): Promise<T> {
    for (const late = Date.now() + 10_000; ; await delay(10)) {
      try {
        return await this.call<T>("Runtime.evaluate", what);
      } catch (error) {
        const early = `${error}`.includes("Cannot find default execution context");
        if (!early || Date.now() > late) throw error;
      }
    }
  }

  /** Shows this tab, which hides the one that was shown. */
  async show(): Promise<void> {
    await this.browser.call("Target.activateTarget", { targetId: this.target });
  }

  async goto(url: string): Promise<void> {
    await this.call("Page.navigate", { url });
  }

  async reload(): Promise<void> {
    await this.call("Page.reload");
  }

  /** Goes back in the tab's history. */
  async back(): Promise<void> {
    await this.call("Runtime.evaluate", { expression: "history.back()" });
  }

  /** Closes the tab as its user would: the page hears of it. */
  async close(): Promise<void> {
    await this.browser.call("Target.closeTarget", { targetId: this.target });
  }

  /** Kills the process of the page. */
  async crash(): Promise<void> {
    this.call("Page.crash").catch(() => {}); // nobody is left to answer
  }
}
