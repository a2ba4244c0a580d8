import { setTimeout as delay } from "node:timers/promises";

/** The commands of W3C WebDriver that the tests use: by HTTP, and by the name that Firefox has for them. */
export const COMMANDS = {
  current: ["GET", "window", "GetWindowHandle"],
  open: ["POST", "window/new", "NewWindow"],
  switchTo: ["POST", "window", "SwitchToWindow"],
  close: ["DELETE", "window", "CloseWindow"],
  navigate: ["POST", "url", "Navigate"],
  reload: ["POST", "refresh", "Refresh"],
  back: ["POST", "back", "Back"],
  run: ["POST", "execute/sync", "ExecuteScript"],
  act: ["POST", "actions", "PerformActions"],
  resize: ["POST", "window/rect", "SetWindowRect"],
  minimize: ["POST", "window/minimize", "MinimizeWindow"],
  picture: ["GET", "screenshot", "TakeScreenshot"],
} as const;

/** Sends a command to the tab that the session is switched to, and returns the value of the answer. */
export type Send = <T>(command: keyof typeof COMMANDS, params?: object) => Promise<T>;

/** A browser that speaks WebDriver, with a profile of its own. */
export class Engine {
  #last: Promise<unknown> = Promise.resolve();
  #first = ""; // the empty tab that it begins with, and that keeps it running
  readonly #send: Send;
  readonly #kind: "tab" | "window";
  readonly #end: () => Promise<void>;

  /**
   * kind: what each page gets. Firefox hides one tab by showing another. MiniBrowser's tabs cannot be chosen by
   * WebDriver, but its windows can be hidden.
   */
  constructor(
    readonly version: string,
    kind: "tab" | "window",
    send: Send,
    end: () => Promise<void>,
  ) {
    this.#kind = kind;
    this.#send = send;
    this.#end = end;
  }

  /** Opens a page, which is shown. */
  async open(url: string): Promise<Tab> {
    this.#first ||= await this.#alone(() => this.#send<string>("current"));
    const how = { type: this.#kind, focus: true };
    const { handle } = await this.to<{ handle: string }>(this.#first, "open", how);
    const tab = new Tab(this, handle);
    await tab.goto(url);
    return tab;
  }

  to<T>(handle: string, command: keyof typeof COMMANDS, params: object): Promise<T> {
    return this.#alone(async () => {
      await this.#send("switchTo", { handle, focus: false });
      return this.#send<T>(command, params);
    });
  }

  async show(handle: string): Promise<void> {
    await this.#alone(async () => {
      await this.#send("switchTo", { handle, focus: true });
      if (this.#kind === "window") await this.#send("resize", { width: 1000, height: 800 });
    });
  }

  /** Hides a tab behind the first, or minimizes a window. */
  async hide(handle: string): Promise<void> {
    if (this.#kind === "window") await this.to(handle, "minimize", {});
    else await this.show(this.#first);
  }

  /** Ends the browser without a word. */
  kill(): Promise<void> {
    return this.#end();
  }

  /** A session is switched to one tab at a time. */
  #alone<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(run);
    this.#last = mine.catch(() => {});
    return mine;
  }
}

/** One tab, or a window with only one. */
export class Tab {
  constructor(
    private readonly engine: Engine,
    private readonly handle: string,
  ) {}

  call<T>(command: keyof typeof COMMANDS, params: object = {}): Promise<T> {
    return this.engine.to<T>(this.handle, command, params);
  }

  /** The value of an expression in the page; waits for it if it is a promise. */
  eval<T>(expression: string): Promise<T> {
    return this.call("run", { script: `return (async () => (${expression}))()`, args: [] });
  }

  /** Brings it to the front. */
  show(): Promise<void> {
    return this.engine.show(this.handle);
  }

  hide(): Promise<void> {
    return this.engine.hide(this.handle);
  }

  async goto(url: string): Promise<void> {
    await this.call("navigate", { url });
  }

  async reload(): Promise<void> {
    await this.call("reload");
  }

  async back(): Promise<void> {
    await this.call("back");
  }

  /** Closes it as its user would: the page hears of it. */
  async close(): Promise<void> {
    await this.call("close");
  }

  /** Presses keys, one after the other. */
  async press(...keys: string[]): Promise<void> {
    const actions = keys.flatMap((value) => [
      { type: "keyDown", value },
      { type: "keyUp", value },
    ]);
    await this.call("act", { actions: [{ type: "key", id: "keys", actions }] });
  }
}

/** Waits for what a process that has been started says about itself. */
export async function told<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  ended: () => boolean,
): Promise<T> {
  for (const late = Date.now() + 60_000; ; await delay(50)) {
    const answer = await ask().catch(() => undefined);
    if (answer) return answer;
    if (ended()) throw new Error(`${what}: it has ended`);
    if (Date.now() > late) throw new Error(`${what}: no answer`);
  }
}
