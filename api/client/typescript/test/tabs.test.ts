import { describe, expect, it } from "vitest";
import type { Browser } from "../src/browser.js";
import { PresenceClient } from "../src/client.js";
import { settle, Tab, tokenOf, World } from "./world.js";

const ALICE = tokenOf("alice");

/** Opens tabs of alice's, each with a client, one after the other. */
async function open(world: World, names: string[], without: Partial<Browser> = {}) {
  const opened = [];
  for (const name of names) {
    world.random = (world.random + 0.137) % 1; // tabs have different names
    const tab = new Tab(world, name);
    const client = new PresenceClient({ token: ALICE, browser: tab.browser(without) });
    client.start();
    await settle();
    opened.push({ tab, client });
  }
  world.random = 0;
  return opened as [Opened, Opened, Opened];
}

interface Opened {
  tab: Tab;
  client: PresenceClient;
}

const who = (world: World) => world.take().map((c) => c.tab + (c.body.leaving ? " leaving" : ""));

describe("of many tabs", () => {
  it("one beats, and the others know how things stand", async () => {
    const world = new World();
    const [a, b] = await open(world, ["a", "b", "c"]);
    await world.pass(120_000);
    expect(new Set(who(world))).toEqual(new Set(["a"]));
    expect(a.client.getState()).toMatchObject({ status: "online", isLeader: true });
    expect(b.client.getState()).toMatchObject({ status: "online", isLeader: false });
    expect(b.client.getState().lastBeatAt).toBe(a.client.getState().lastBeatAt);
  });

  it("the next takes over when it closes: at once, and again well within the grace", async () => {
    const world = new World();
    const [a, b] = await open(world, ["a", "b"]);
    await world.pass(30_000);
    who(world);
    await a.tab.happens("pagehide");
    await world.pass(10_000);
    expect(who(world)).toEqual(["a leaving", "b", "b"]);
    expect(b.client.getState().isLeader).toBe(true);
  });

  it("the next takes over when it is killed", async () => {
    const world = new World();
    const [a] = await open(world, ["a", "b"]);
    await world.pass(30_000);
    who(world);
    await a.tab.kill();
    expect(who(world)).toEqual(["b"]);
  });

  it("one that is used takes over when the one that leads hangs", async () => {
    const world = new World();
    const [a, b, c] = await open(world, ["a", "b", "c"]);
    await c.tab.show(false);
    await world.pass(30_000);
    who(world);
    a.tab.hang();
    await b.tab.happens("keydown");
    await c.tab.happens("keydown"); // hidden, it keeps in line
    await world.pass(9_000);
    await b.tab.happens("keydown");
    expect(who(world)).toEqual([]);
    await world.pass(6_000);
    await c.tab.happens("keydown");
    await b.tab.happens("keydown");
    expect(who(world)).toEqual(["b"]);
    expect(b.client.getState()).toMatchObject({ status: "online", isLeader: true });
  });

  it("one that is opened takes over from one that hangs", async () => {
    const world = new World();
    const [a] = await open(world, ["a"]);
    a.tab.hang();
    await world.pass(30_000);
    who(world);
    const [b] = await open(world, ["b"]);
    await world.pass(10_000);
    await b.tab.happens("touchstart");
    expect(who(world)).toEqual(["b"]);
  });

  it("no other takes over from one that answers", async () => {
    const world = new World();
    const [a, b] = await open(world, ["a", "b"]);
    for (let i = 0; i < 20; i++) {
      await b.tab.happens("keydown");
      await world.pass(7_000);
    }
    expect(a.client.getState().isLeader).toBe(true);
    await b.tab.happens("keydown");
    await b.tab.happens("pagehide");
    await world.pass(60_000);
    expect(a.client.getState().isLeader).toBe(true);
  });

  it("one that stops as soon as it hears that it leads leaves the lead to the next", async () => {
    const world = new World();
    const [a, b] = await open(world, ["a", "b"]);
    b.client.subscribe(() => {
      if (b.client.getState().isLeader) b.client.stop();
    });
    const [c] = await open(world, ["c"]);
    who(world);
    await a.tab.kill();
    await settle();
    expect(c.client.getState().isLeader).toBe(true);
    expect(who(world)).toEqual(["b leaving", "c"]);
  });

  it("one that does not lead closes without a word", async () => {
    const world = new World();
    const [, b] = await open(world, ["a", "b"]);
    who(world);
    await b.tab.happens("pagehide");
    expect(who(world)).toEqual([]);
  });

  it("the one that is shown takes over from a hidden one, without an extra heartbeat", async () => {
    const world = new World();
    const [a, b] = await open(world, ["a", "b", "c"]);
    await b.tab.show(false);
    await world.pass(17_000);
    who(world);
    const from = world.now;
    await a.tab.show(false);
    await b.tab.show(true);
    expect([a, b].map(({ client }) => client.getState().isLeader)).toEqual([false, false]); // c is visible as well
    await world.pass(18_000);
    const [beat, ...more] = world.take();
    expect(more).toEqual([]);
    expect(beat).toMatchObject({ tab: "c", at: from + 18_000 });
  });

  it("and the one before takes over again in its turn", async () => {
    const world = new World();
    const [a, b] = await open(world, ["a", "b"]);
    await b.tab.show(false);
    for (let i = 0; i < 3; i++) {
      await a.tab.show(false);
      await b.tab.show(true);
      expect(b.client.getState()).toMatchObject({ status: "online", isLeader: true });
      await b.tab.show(false);
      await a.tab.show(true);
      expect(a.client.getState()).toMatchObject({ status: "online", isLeader: true });
    }
    expect(who(world)).toHaveLength(1);
  });

  it("what the user does in any of them keeps him from being idle", async () => {
    const world = new World();
    const [, b] = await open(world, ["a", "b"]);
    for (let minute = 0; minute < 8; minute++) {
      await world.pass(60_000);
      await b.tab.happens("keydown");
    }
    expect(world.take().every((c) => c.tab === "a" && c.body.idle === false)).toBe(true);
    await world.pass(331_000);
    expect(world.take().at(-1)?.body.idle).toBe(true);
    await b.tab.happens("keydown");
    expect(world.take().map((c) => [c.tab, c.body.idle])).toEqual([["a", false]]);
  });

  it("signing out in one silences all, and signing in again brings them back", async () => {
    const world = new World();
    const [a, b] = await open(world, ["a", "b"]);
    await world.pass(20_000);
    who(world);
    await b.client.logout();
    await world.pass(120_000);
    expect(world.take().map((c) => c.path)).toEqual(["/v1/logout"]);
    expect(a.client.getState().status).toBe("idle");
    b.client.setToken(tokenOf("alice", 2));
    await settle();
    expect(who(world)).toEqual(["b"]);
    await world.pass(10_000);
    await b.tab.happens("pagehide");
    expect(who(world).at(-1)).toBe("a");
  });

  it.each([
    ["frozen", "freeze", "resume"],
    ["in the back/forward cache", "pagehide", "pageshow"],
  ])("one that was %s while the user signed out stays silent", async (_, gone, back) => {
    const world = new World();
    const [a, b] = await open(world, ["a", "b"]);
    const happens = async (tab: Tab, name: string) => {
      (name.startsWith("page") ? tab.window : tab.document).dispatchEvent(new Event(name));
      await settle();
    };
    await happens(a.tab, gone);
    await world.pass(60_000);
    await b.client.logout();
    await b.tab.kill();
    await world.pass(60_000);
    who(world);
    await happens(a.tab, back);
    await a.tab.happens("keydown");
    await world.pass(60_000);
    await happens(a.tab, gone);
    await world.pass(1_000);
    await happens(a.tab, back);
    await world.pass(60_000);
    expect(who(world)).toEqual([]);
    expect(a.client.getState()).toMatchObject({ status: "idle", isLeader: false });
    a.client.setToken(tokenOf("alice", 2));
    await settle();
    expect(who(world)).toEqual(["a"]);
    await happens(a.tab, gone);
    await world.pass(1_000);
    who(world);
    await happens(a.tab, back);
    expect(who(world)).toEqual(["a"]); // that was before
  });

  it("one that was frozen while the user signed out and in again is in line again", async () => {
    const world = new World();
    const [a, b] = await open(world, ["a", "b"]);
    a.tab.document.dispatchEvent(new Event("freeze"));
    await world.pass(1_000);
    await b.client.logout();
    await world.pass(1_000);
    b.client.setToken(tokenOf("alice", 2));
    await world.pass(10_000);
    who(world);
    a.tab.document.dispatchEvent(new Event("resume"));
    await settle();
    expect(a.client.getState()).toMatchObject({ status: "online", isLeader: false });
    await b.tab.kill();
    expect(who(world)).toEqual(["a"]);
  });

  it("one that was frozen while somebody else signed in asks whose it is", async () => {
    const world = new World();
    const tab = new Tab(world, "a");
    let user = "alice";
    const getToken = () => tokenOf(user);
    const client = new PresenceClient({ getToken, browser: tab.browser() });
    client.start();
    await settle();
    const [b] = await open(world, ["b"]);
    tab.document.dispatchEvent(new Event("freeze"));
    await world.pass(1_000);
    await b.client.logout();
    await b.tab.kill();
    user = "bob";
    world.take();
    tab.document.dispatchEvent(new Event("resume"));
    await settle();
    expect(world.take().map((c) => c.token)).toEqual([tokenOf("bob")]);
  });

  it("one with a token that is refused leaves the lead to one with a better", async () => {
    const world = new World();
    const [a, b] = await open(world, ["a", "b"]);
    b.client.setToken(tokenOf("alice", 2));
    const { serve } = world;
    world.serve = (call) =>
      call.token === ALICE ? new Response(null, { status: 401 }) : serve(call);
    await world.pass(40_000);
    expect(a.client.getState()).toMatchObject({ status: "unauthorized", isLeader: false });
    expect(b.client.getState()).toMatchObject({ status: "online", isLeader: true });
  });

  it("those of another user lead for themselves", async () => {
    const world = new World();
    const [, b] = await open(world, ["a", "b"]);
    b.client.setToken(tokenOf("bob"));
    await settle();
    expect(b.client.getState().isLeader).toBe(true);
  });
});

describe("without locks", () => {
  it("each beats for the same session", async () => {
    const world = new World();
    await open(world, ["a", "b"], { locks: undefined });
    expect(new Set(world.calls.map((c) => c.body.session)).size).toBe(1);
    expect(who(world)).toEqual(["a", "b"]);
  });

  it("those left beat when one closes, and again well within the grace", async () => {
    const world = new World();
    const [a] = await open(world, ["a", "b"], { locks: undefined });
    await world.pass(10_000);
    who(world);
    await a.tab.happens("pagehide");
    await world.pass(6_000);
    expect(who(world)).toEqual(["a leaving", "b", "b"]);
  });

  it("and channels, as where Firefox blocks cookies, it is the same", async () => {
    const world = new World();
    const refuse = () => Promise.reject(new DOMException("insecure", "SecurityError"));
    const locks = { request: refuse } as unknown as LockManager;
    const channel = () => {
      throw new DOMException("insecure", "SecurityError");
    };
    await open(world, ["a", "b"], { locks, channel });
    expect(who(world)).toEqual(["a", "b"]);
  });

  it("which a sandbox refuses, it is the same", async () => {
    const world = new World();
    const refuse = () => Promise.reject(new DOMException("sandboxed", "SecurityError"));
    const locks = { request: refuse } as unknown as LockManager;
    await open(world, ["a", "b"], { locks });
    expect(who(world)).toEqual(["a", "b"]);
  });
});
