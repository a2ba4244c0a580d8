import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMANDS, Engine, type Send, told } from "./webdriver.js";

/** Where Firefox is; FIREFOX overrides. */
export const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";

/**
 * No first-run pages and nobody asked on the network. remote.prefs.recommended would change more than that: the tests
 * want the browser that people have.
 */
const PREFERENCES = {
  "marionette.port": 0, // a free one, which the profile then names
  "remote.prefs.recommended": false,
  "app.normandy.enabled": false,
  "app.update.disabledForTesting": true,
  "browser.aboutwelcome.enabled": false,
  "browser.safebrowsing.downloads.remote.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "browser.startup.page": 0,
  "datareporting.policy.dataSubmissionEnabled": false,
  "extensions.getAddons.cache.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "",
  "termsofuse.bypassNotification": true,
};

/** A stock Firefox, spoken to by Marionette, which is WebDriver over a plain socket. */
export async function firefox(): Promise<Engine> {
  const profile = await mkdtemp(join(tmpdir(), "rollcall-firefox-"));
  const lines = Object.entries(PREFERENCES).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  );
  await writeFile(join(profile, "user.js"), lines.join(""));
  const args = ["--headless", "--no-remote", "--marionette", "--profile", profile, "about:blank"];
  const child = spawn(FIREFOX, args, {
    stdio: "ignore",
    env: { ...process.env, HOME: profile },
    detached: true, // a group of its own, so that all its processes can be ended
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let socket: Socket | undefined;
  const end = async () => {
    socket?.destroy();
    if (child.pid && child.exitCode === null && child.signalCode === null) {
      process.kill(-child.pid, "SIGKILL");
      await exited;
    }
    await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  try {
    const port = await told(
      FIREFOX,
      async () => Number(await readFile(join(profile, "MarionetteActivePort"), "utf8")),
      () => child.exitCode !== null,
    );
    socket = connect(port, "127.0.0.1");
    const call = speak(socket);
    const { capabilities } = await call<{ capabilities: { browserVersion: string } }>(
      "NewSession",
      { pageLoadStrategy: "none" },
    );
    const send: Send = (command, params) => call(COMMANDS[command][2], params);
    return new Engine(capabilities.browserVersion, "tab", send, end);
  } catch (error) {
    await end();
    throw error;
  }
}

/** Messages are a length in bytes, a colon and JSON: [0, id, name, params], answered by [1, id, error, result]. */
function speak(socket: Socket): <T>(name: string, params?: object) => Promise<T> {
  const waiting = new Map<
    number,
    { resolve: (value: never) => void; reject: (error: Error) => void }
  >();
  let n = 0;
  let rest = Buffer.alloc(0);
  const gone = () => {
    for (const { reject } of waiting.values()) reject(new Error("the browser has gone"));
  };
  socket.on("error", gone).on("close", gone);
  socket.on("data", (piece) => {
    rest = Buffer.concat([rest, piece]);
    for (;;) {
      const colon = rest.indexOf(":");
      const end = colon + 1 + Number(rest.subarray(0, colon));
      if (colon < 0 || rest.length < end) return;
      const message = JSON.parse(rest.subarray(colon + 1, end).toString());
      rest = rest.subarray(end);
      if (!Array.isArray(message)) continue; // the greeting
      const [, id, error, result] = message;
      const caller = waiting.get(id);
      waiting.delete(id);
      if (error) caller?.reject(new Error(`${error.error}: ${error.message}`));
      // The values of scripts and pictures come wrapped, as over HTTP all do.
      else caller?.resolve((result && "value" in result ? result.value : result) as never);
    }
  });
  return (name, params = {}) => {
    const id = ++n;
    const text = JSON.stringify([0, id, `WebDriver:${name}`, params]);
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
  };
}
