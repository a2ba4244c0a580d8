import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Chromium, hasChromium, type Page } from "./chromium.js";
import { Site, until } from "./site.js";

if (!hasChromium)
  console.warn("no Chromium (set CHROMIUM, or apt-get install chromium): tests left out");

let site: Site;
let browser: Chromium;

beforeAll(async () => {
  if (!hasChromium) return;
  site = await Site.open();
  return () => site.close();
});

beforeEach(async () => {
  site.take();
  site.answer = (_, response) => response.writeHead(204).end();
  browser = await Chromium.launch();
});

afterEach(() => browser.kill());

const leads = (tab: Page) => tab.eval<boolean>("client.getState().isLeader");
const status = (tab: Page) => tab.eval<string>("client.getState().status");

/** Opens a page with the client, and waits until it has run. */
async function open(name: string, query: Record<string, string> = {}): Promise<Page> {
  const tab = await browser.open(site.page(name, { interval: "1000", ...query }));
  await until(`the client of ${name}`, 10_000, () => tab.eval("!!window.client"));
  return tab;
}

const from = (name: string) => site.arrivals.filter((a) => a.tab === name);

describe.skipIf(!hasChromium)("in Chromium", () => {
  it("one of two tabs beats: the visible one", async () => {
    const a = await open("a");
    await until("a beats", 5_000, () => from("a").length > 0);
    const b = await open("b"); // which hides a
    await until("b leads", 5_000, () => leads(b));
    await until("b beats", 5_000, () => from("b").length > 1);
    site.take();
    await delay(3_000);
    expect(from("a")).toEqual([]);
    expect(from("b").length).toBeGreaterThanOrEqual(2);
    expect(await status(a)).toBe("online");
    await a.show();
    await until("a leads", 5_000, () => leads(a));
    expect(await leads(b)).toBe(false);
  });

  it("when the one that leads is closed, the other beats at once", async () => {
    const a = await open("a", { interval: "30000" });
    const b = await open("b", { interval: "30000" });
    await until("b leads", 5_000, () => leads(b));
    site.take();
    await b.close();
    await until("a beats", 3_000, () => from("a").length > 0);
    expect(from("b").map((x) => x.leaving)).toEqual([true]);
    await until("a beats again", 8_000, () => from("a").length > 1);
    expect(await leads(a)).toBe(true);
    expect(new Set(site.arrivals.map((x) => x.session)).size).toBe(1);
  });

  it("when the one that leads is killed, the other beats at once", async () => {
    await open("a", { interval: "30000" });
    const b = await open("b", { interval: "30000" });
    await until("b leads", 5_000, () => leads(b));
    site.take();
    await b.crash();
    await until("a beats", 3_000, () => from("a").length > 0);
    expect(from("b")).toEqual([]);
  });

  it("when the last one is closed, a farewell is the last that is heard", async () => {
    const a = await open("a");
    await until("a beats", 5_000, () => from("a").length > 0);
    await a.close();
    await until("the farewell", 3_000, () => site.arrivals.at(-1)?.leaving);
    site.take();
    await delay(2_500);
    expect(site.arrivals).toEqual([]);
  });

  it("a reload is a farewell and, at once, a heartbeat of the same session", async () => {
    const a = await open("a", { interval: "30000" });
    await until("a beats", 5_000, () => from("a").length > 0);
    await a.reload();
    await until("farewell and heartbeat", 5_000, () => site.arrivals.length >= 3);
    const [first, farewell, again] = site.arrivals;
    expect([first, farewell, again].map((x) => x?.leaving)).toEqual([false, true, false]);
    expect((again?.at ?? 0) - (farewell?.at ?? 0)).toBeLessThan(3_000);
    expect(new Set(site.arrivals.map((x) => x.session)).size).toBe(1);
  });

  it("a page that comes back out of the back/forward cache beats again", async () => {
    const a = await open("a", { interval: "30000" });
    await until("a beats", 5_000, () => from("a").length > 0);
    const loaded = await a.eval<number>("loaded");
    await a.goto(`${site.origin}/elsewhere`);
    await until("the farewell", 3_000, () => site.arrivals.at(-1)?.leaving);
    site.take();
    await a.back();
    await until("a beats", 5_000, () => from("a").length > 0);
    expect(await a.eval("loaded")).toBe(loaded); // the same page, not one loaded anew
    expect(await leads(a)).toBe(true);
  });

  it("without a network it is degraded, and online again with it", async () => {
    const a = await open("a");
    await until("online", 5_000, async () => (await status(a)) === "online");
    const offline = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await a.call("Network.enable");
    await a.call("Network.emulateNetworkConditions", { ...offline, offline: true });
    await until("degraded", 8_000, async () => (await status(a)) === "degraded");
    await a.call("Network.emulateNetworkConditions", { ...offline, offline: false });
    await until("online", 5_000, async () => (await status(a)) === "online");
  });

  it("the live stream is read as it comes, and goes on where it was cut", async () => {
    const lastIds: (string | undefined)[] = [];
    site.answer = ({ path, lastId }, response) => {
      if (path !== "/v1/stream") return response.writeHead(204).end();
      lastIds.push(lastId);
      response.writeHead(200, { "content-type": "text/event-stream" });
      if (lastId) {
        return response.write(
          'id: 9\nevent: status\ndata: {"user":"é","status":"away","seq":9}\n\n',
        );
      }
      response.write(
        'id: 7\nevent: snapshot\ndata: {"users":[{"user":"bob","status":"online"}]}\n\n',
      );
      response.write('id: 8\nevent: status\ndata: {"user":"é","status":"online","seq":8}\n\n');
      setTimeout(() => response.destroy(), 1_000);
    };
    const a = await open("a");
    const list = 'feed.list.value.users.map((u) => u.user + " " + u.status).join()';
    await a.eval("window.feed = new PresenceFeed({ token: 'x.y.z' }); feed.watch('', () => {})");
    await until("the list", 5_000, async () => (await a.eval(list)) === "bob online,é online");
    await until(
      "the change after the cut",
      10_000,
      async () => (await a.eval(list)) === "bob online,é away",
    );
    expect(lastIds).toEqual([undefined, "8"]);
  });
});
