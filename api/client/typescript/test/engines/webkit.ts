import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { COMMANDS, Engine, type Send, told } from "./webdriver.js";

/** Where the driver of WebKitGTK's MiniBrowser is; WEBKIT_DRIVER overrides. */
export const WEBKIT_DRIVER = process.env.WEBKIT_DRIVER ?? "/usr/bin/WebKitWebDriver";
/** MiniBrowser needs a screen, and gets one of its own. */
export const XVFB = process.env.XVFB ?? "/usr/bin/Xvfb";

/** WebKitGTK's MiniBrowser, spoken to by WebDriver over HTTP. */
export async function webkit(): Promise<Engine> {
  const home = await mkdtemp(join(tmpdir(), "rollcall-webkit-"));
  const children: ChildProcess[] = [];
  const end = async () => {
    for (const child of children.reverse()) await ended(child);
    await rm(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  try {
    const screen = spawn(
      XVFB,
      ["-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
      { stdio: ["ignore", "ignore", "ignore", "pipe"], detached: true },
    );
    children.push(screen);
    const display = await new Promise((resolve, reject) => {
      (screen.stdio[3] as Readable).once("data", (text) => resolve(`:${text}`.trim()));
      screen.once("exit", (code) => reject(new Error(`${XVFB} ended with ${code}`)));
    });
    const port = await freePort();
    const driver = spawn(WEBKIT_DRIVER, ["--host=127.0.0.1", `--port=${port}`], {
      stdio: "ignore",
      env: { ...process.env, HOME: home, DISPLAY: `${display}`, GDK_BACKEND: "x11" },
      detached: true, // a group of its own, so that MiniBrowser ends with it
    });
    children.push(driver);
    const url = `http://127.0.0.1:${port}`;
    await told(
      WEBKIT_DRIVER,
      () => call("GET", `${url}/status`),
      () => driver.exitCode !== null,
    );
    const { sessionId, capabilities } = await call<{
      sessionId: string;
      capabilities: { browserVersion: string };
    }>("POST", `${url}/session`, { capabilities: { alwaysMatch: { pageLoadStrategy: "none" } } });
    const send: Send = (command, params) => {
      const [method, path] = COMMANDS[command];
      return call(method, `${url}/session/${sessionId}/${path}`, params);
    };
    return new Engine(capabilities.browserVersion, "window", send, end);
  } catch (error) {
    await end();
    throw error;
  }
}

async function call<T>(method: string, url: string, params: object = {}): Promise<T> {
  const body = method === "POST" ? { body: JSON.stringify(params) } : {};
  const answer = await fetch(url, { method, ...body });
  const { value } = (await answer.json()) as { value: T & { error: string; message: string } };
  if (!answer.ok) throw new Error(`${value.error}: ${value.message}`);
  return value;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function ended(child: ChildProcess): Promise<void> {
  if (!child.pid || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  process.kill(-child.pid, "SIGKILL");
  await gone;
}
