import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Chromium, hasChromium, mustRun, type Page } from "./chromium.js";
import { RollcallNode } from "./node.js";
import { Site, until } from "./site.js";

let site: Site;
let node: RollcallNode | undefined;
let browser: Chromium;

beforeAll(async () => {
  if (!hasChromium) return;
  site = await Site.open();
  node = await RollcallNode.start(site.origin).catch((error: Error) => {
    if (mustRun) throw error;
    console.warn(`no node to test against: ${error.message}`);
    return undefined;
  });
});

afterAll(async () => {
  site?.close();
  await node?.stop();
});

beforeEach(async (context) => {
  if (!node)
    context.skip("no node: it needs go and the repository, or ROLLCALL with the path of a binary");
  browser = await Chromium.launch();
});

afterEach(() => browser?.kill());

/** Opens a page on another origin than the node's, whose client keeps the user online there. */
async function open(user: string): Promise<Page> {
  const { url, token } = node as RollcallNode;
  return browser.open(site.page(user, { url, token: token.call(node, user) }));
}

const shown = async (user: string) => (await node?.user(user))?.status;
const becomes = (user: string, status: string, ms: number) =>
  until(`${user} is ${status}`, ms, async () => (await shown(user)) === status);

describe.skipIf(!hasChromium)("against a real node", () => {
  it("closing the last tab makes the user offline within 16 seconds, and not at once", async () => {
    const a = await open("alice");
    const b = await open("alice");
    await becomes("alice", "online", 5_000);
    await delay(6_000);
    await b.close();
    await delay(17_000);
    expect(await shown("alice")).toBe("online"); // the other tab goes on
    await a.close();
    const closed = Date.now();
    await delay(10_000);
    expect(await shown("alice")).toBe("online");
    await becomes("alice", "offline", closed + 16_000 - Date.now());
  });

  it("a reload changes nothing at all", async () => {
    const a = await open("bob");
    await becomes("bob", "online", 5_000);
    const before = await node?.user("bob");
    for (let i = 0; i < 3; i++) {
      await a.reload();
      await delay(1_500);
    }
    for (const end = Date.now() + 17_000; Date.now() < end; await delay(250)) {
      expect(await node?.user("bob")).toMatchObject({ status: "online", since: before?.since });
    }
  });

  it("signing out makes the user offline at once", async () => {
    const a = await open("carol");
    await becomes("carol", "online", 5_000);
    await a.eval("client.logout()");
    await becomes("carol", "offline", 1_000);
  });

  it("the live list shows who comes and goes", async () => {
    const { url, token } = node as RollcallNode;
    const root = token.call(node, "root", { role: "admin" });
    const watcher = await browser.open(site.page("root", { url, token: root }));
    await becomes("root", "online", 5_000);
    await watcher.eval("window.feed = new PresenceFeed({ url: server, tokens: client.tokens })");
    await watcher.eval("feed.watch('', () => {}) && 0");
    const listed = (user: string) =>
      watcher.eval<boolean>(`feed.list.value.users.some((u) => u.user === "${user}")`);
    await until("root is listed", 5_000, () => listed("root"));
    const e = await open("erin");
    await until("erin is listed", 5_000, () => listed("erin"));
    await e.eval("client.logout()");
    await until("erin is no longer listed", 2_000, async () => !(await listed("erin")));
  });

  it("a browser that is killed is missed after the timeout", async () => {
    await open("dave");
    await becomes("dave", "online", 5_000);
    await browser.kill();
    const killed = Date.now();
    await becomes("dave", "offline", 25_000);
    expect(Date.now() - killed).toBeGreaterThan(10_000);
  });
});
