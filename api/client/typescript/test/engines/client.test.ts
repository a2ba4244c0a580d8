import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { RollcallNode } from "../browser/node.js";
import { Site, until } from "../browser/site.js";
import { Changes } from "./changes.js";
import { engines } from "./engines.js";
import type { Engine, Tab } from "./webdriver.js";

/** A page that is one client, and notes how it was shown and how often it has beaten. */
const PAGE = `
import { PresenceClient } from "./src/index.js";
import { PresenceFeed } from "./src/live.js";
const q = new URLSearchParams(location.search);
window.client = new PresenceClient({ url: q.get("url"), token: q.get("token") });
window.feed = new PresenceFeed({ url: q.get("url"), tokens: client.tokens });
window.loaded = performance.timeOrigin;
window.beats = () => performance.getEntriesByType("resource").filter((e) => e.name.endsWith("/v1/heartbeat")).length;
client.start();
`;

const HOOKS = `
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { configurePresence, useOnlineStatusTracking, usePresence, usePresenceList } from "./src/react.js";
const q = new URLSearchParams(location.search);
configurePresence({ url: q.get("url") });
function App() {
  const [token, setToken] = useState(q.get("token"));
  const { status } = useOnlineStatusTracking(token);
  const friend = usePresence("friend")?.status;
  const { users } = usePresenceList();
  return (
    <>
      <button onClick={() => setToken(null)}>Sign out</button>
      <b>{status}</b> <i>{friend}</i> <u>{users.map((u) => u.user).join()}</u>
    </>
  );
}
createRoot(document.body).render(<StrictMode><App /></StrictMode>);
`;

let site: Site;
let hooks: Site;
let node: RollcallNode;

beforeAll(async () => {
  site = await Site.open(PAGE);
  hooks = await Site.open(HOOKS);
  node = await RollcallNode.start(site.origin);
});

afterAll(async () => {
  site?.close();
  hooks?.close();
  await node?.stop();
});

const becomes = (user: string, status: string, ms: number) =>
  until(
    `${user} is ${status}`,
    ms,
    async () => (await node.user(user).catch(() => undefined))?.status === status,
  );
const leads = (tab: Tab) => tab.eval<boolean>("client.getState().isLeader");

describe.each(engines)("in $name", ({ start, farewell }) => {
  let browser: Engine;
  let n = 0;
  let user = "";
  const changes: Changes[] = [];

  beforeAll(async () => {
    browser = await start();
    console.log(`version ${browser.version}`);
    return () => browser.kill();
  });

  beforeEach(() => {
    user = `user-${browser.version}-${n++}`; // nobody that a test before has left behind
  });

  afterEach(() => {
    for (const one of changes.splice(0)) one.end();
  });

  /** Opens a page on another origin than the node's, whose client keeps the user online there. */
  async function open(): Promise<Tab> {
    const tab = await browser.open(site.page(user, { url: node.url, token: node.token(user) }));
    await until("the client", 20_000, () => tab.eval("!!window.client").catch(() => false));
    return tab;
  }

  async function watch(): Promise<Changes> {
    const all = await Changes.of(node, user);
    changes.push(all);
    return all;
  }

  it("one of two tabs beats, the visible one, and the other takes over when it is closed", async () => {
    const a = await open();
    await becomes(user, "online", 10_000);
    const all = await watch();
    await a.hide();
    await until("a is hidden", 10_000, () => a.eval("document.hidden"));
    const b = await open();
    await until("b leads", 10_000, () => leads(b));
    expect(await leads(a)).toBe(false);
    const before = await a.eval("beats()");
    const mine = await b.eval<number>("beats()");
    await until("b beats", 20_000, async () => (await b.eval<number>("beats()")) >= mine + 2);
    expect(await a.eval("beats()")).toBe(before);
    await b.close();
    await until("a leads", 10_000, () => leads(a));
    await until("a beats", 20_000, async () => (await a.eval("beats()")) !== before);
    expect(all.statuses).toEqual([]);
    await a.close();
  });

  it("closing the last tab makes the user offline by himself, and not at once", async () => {
    const a = await open();
    await becomes(user, "online", 10_000);
    const all = await watch();
    const beats = await a.eval<number>("beats()");
    // The second heartbeat of a tab that begins, and one more: an open that is still settling proves little.
    await until("it beats", 20_000, async () => (await a.eval<number>("beats()")) >= beats + 2);
    await a.close();
    const closed = Date.now();
    await until("offline", farewell ? 16_000 : 30_000, () => all.statuses.length > 0);
    console.log(`offline ${((Date.now() - closed) / 1000).toFixed(1)} s after closing`);
    expect(all.statuses).toEqual(["offline"]);
    expect(Date.now() - closed).toBeGreaterThan(10_000);
  });

  it("a reload changes nothing at all", async () => {
    const a = await open();
    await becomes(user, "online", 10_000);
    const all = await watch();
    for (let i = 0; i < 3; i++) {
      const before = await a.eval("loaded");
      await a.reload();
      await until("it is loaded again", 20_000, async () => {
        const loaded = await a.eval("window.loaded").catch(() => undefined);
        return loaded && loaded !== before;
      });
    }
    await delay(18_000); // the grace of the last farewell, and more
    expect(all.statuses).toEqual([]);
    expect((await node.user(user))?.status).toBe("online");
    await a.close();
  });

  it("a page that one comes back to beats again", async () => {
    const a = await open();
    await becomes(user, "online", 10_000);
    const all = await watch();
    const loaded = await a.eval("loaded");
    await a.goto(`${site.origin}/elsewhere`);
    await until("the page elsewhere", 20_000, () =>
      a.eval("location.pathname === '/elsewhere'").catch(() => false),
    );
    await a.back();
    await until("the client", 20_000, () => a.eval("!!window.client").catch(() => false));
    console.log(`out of the back/forward cache: ${(await a.eval("loaded")) === loaded}`);
    await until("it leads", 10_000, () => leads(a));
    await delay(18_000); // the grace of the farewell, and more
    expect(all.statuses).toEqual([]);
    await a.close();
  });

  it("a hidden page keeps its user online", async () => {
    const a = await open();
    await becomes(user, "online", 10_000);
    const all = await watch();
    await a.hide();
    await until("it is hidden", 10_000, () => a.eval("document.hidden"));
    const before = await a.eval<number>("beats()");
    await delay(30_000); // longer than the node's timeout of 20 s
    expect(await a.eval<number>("beats()")).toBeGreaterThanOrEqual(before + 4);
    expect(all.statuses).toEqual([]);
    await a.close();
  });

  it("signing out makes the user offline at once, in all tabs", async () => {
    const a = await open();
    const b = await open();
    await becomes(user, "online", 10_000);
    await a.eval("client.logout()");
    await becomes(user, "offline", 5_000);
    await until("b is idle", 5_000, () => b.eval("client.getState().status === 'idle'"));
    await a.close();
    await b.close();
  });

  it("the live list shows who comes and goes, also after the node was away", async () => {
    const dir = await mkdtemp(join(tmpdir(), "rollcall-engines-"));
    const fixed = { "data-dir": join(dir, "data") };
    let other = await RollcallNode.start(site.origin, fixed);
    try {
      const root = other.token("root", { role: "admin" });
      const a = await browser.open(site.page("root", { url: other.url, token: root }));
      await until("the client", 20_000, () => a.eval("!!window.client").catch(() => false));
      await a.eval("feed.watch('', () => {}) && 0");
      const list = () => a.eval<string>("feed.list.value.users.map((u) => u.user).join()");
      await until("root is listed", 10_000, async () => (await list()) === "root");
      const call = (path: string) =>
        fetch(`${other.url}/v1/${path}`, {
          method: "POST",
          headers: { authorization: `Bearer ${other.token("guest")}` },
        });
      await call("login");
      await until("the guest is listed", 5_000, async () => (await list()) === "guest,root");
      const addr = new URL(other.url).host;
      await other.stop();
      await until("it says so", 10_000, () => a.eval("!feed.list.value.connected"));
      expect(await list()).toBe("guest,root"); // what was known stays
      other = await RollcallNode.start(site.origin, { ...fixed, addr });
      await call("logout");
      await until("the guest has gone", 40_000, async () => (await list()) === "root");
      expect(await a.eval("feed.list.value.connected")).toBe(true);
      await a.close();
    } finally {
      await other.stop();
      await rm(dir, { recursive: true, force: true });
    }
  });

  it("the hooks follow a friend and the list, and sign out", async () => {
    const other = await RollcallNode.start(hooks.origin);
    try {
      const token = other.token("me", { scope: "presence:read" });
      const a = await browser.open(hooks.page("me", { url: other.url, token }));
      const shows = (text: string) =>
        until(text, 15_000, () =>
          a
            .eval<string>(
              "['b', 'i', 'u'].map((e) => document.querySelector(e).textContent).join(' ')",
            )
            .then((shown) => shown === text)
            .catch(() => false),
        );
      await shows("online offline me"); // the list leaves out who is offline
      const headers = { authorization: `Bearer ${other.token("friend")}` };
      await fetch(`${other.url}/v1/login`, { method: "POST", headers });
      await shows("online online friend,me");
      await fetch(`${other.url}/v1/logout`, { method: "POST", headers });
      await shows("online offline me");
      await a.eval("document.querySelector('button').click()");
      await shows("idle  ");
      await until("offline", 5_000, async () => (await other.user("me"))?.status === "offline");
      await a.close();
    } finally {
      await other.stop();
    }
  });
});
