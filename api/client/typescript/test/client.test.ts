import { describe, expect, it, vi } from "vitest";
import { PresenceClient } from "../src/client.js";
import type { PresenceOptions } from "../src/options.js";
import { accepted, settle, Tab, tokenOf, World } from "./world.js";

const ALICE = tokenOf("alice");

async function started(options: PresenceOptions = {}, world = new World()) {
  const tab = new Tab(world);
  const client = new PresenceClient({ token: ALICE, browser: tab.browser(), ...options });
  client.start();
  await settle();
  return { world, tab, client };
}

const times = (world: World, from: number) => world.calls.map((c) => (c.at - from) / 1000);

describe("a client that has started", () => {
  it("beats at once, a second time after five seconds, and then at the interval", async () => {
    const { world } = await started();
    const from = world.now;
    await world.pass(70_000);
    expect(times(world, from)).toEqual([0, 5, 35, 65]);
    const [first] = world.calls;
    expect(first).toMatchObject({ path: "/v1/heartbeat", token: ALICE, keepalive: false });
    expect(first?.body.idle).toBe(false);
    expect(first?.body.session).toMatch(/^web-.{16}/);
  });

  it("never lets the jitter exceed the interval", async () => {
    const world = new World();
    world.random = 0.999;
    await started({}, world);
    const from = world.now;
    await world.pass(70_000);
    const [, , third = 0, fourth = 0] = times(world, from);
    expect(third).toBeGreaterThanOrEqual(32);
    expect(third).toBeLessThanOrEqual(35);
    expect(fourth - third).toBeGreaterThanOrEqual(27);
    expect(fourth - third).toBeLessThanOrEqual(30);
  });

  it("takes the interval that the server tells, unless the application set one", async () => {
    for (const [interval, second] of [
      [undefined, 15],
      [20_000, 25],
    ] as const) {
      const world = new World();
      world.serve = () => accepted({ "Rollcall-Heartbeat": "10", "Rollcall-Timeout": "40" });
      await started(interval ? { interval } : {}, world);
      const from = world.now;
      await world.pass(26_000);
      expect(times(world, from)[2]).toBe(second);
    }
  });

  it("says how things stand, and keeps the object until they change", async () => {
    const { world, client } = await started();
    const state = client.getState();
    expect(state).toMatchObject({ status: "online", isLeader: true, error: null });
    const first = state.lastBeatAt ?? 0;
    let told = 0;
    client.subscribe(() => told++);
    await world.pass(60_000);
    expect(client.getState()).toBe(state);
    expect(state.lastBeatAt).toBeGreaterThan(first);
    expect(told).toBe(0);
  });

  it("keeps its session over loads of the page", async () => {
    const { world, tab } = await started();
    await tab.happens("pagehide");
    await started({}, world);
    const sessions = new Set(world.calls.map((c) => c.body.session));
    expect(sessions.size).toBe(1);
  });

  it("does nothing before it has a token, and then begins", async () => {
    const { world, client } = await started({ token: null });
    await world.pass(60_000);
    expect(world.calls).toEqual([]);
    expect(client.getState().status).toBe("idle");
    client.setToken(ALICE);
    await settle();
    expect(world.calls).toHaveLength(1);
  });

  it("goes on, and tells the others, where one who listens throws", async () => {
    const thrown: unknown[] = [];
    vi.spyOn(globalThis, "queueMicrotask").mockImplementation((run) => {
      Promise.resolve()
        .then(run)
        .catch((error) => thrown.push(error));
    });
    const world = new World();
    const client = new PresenceClient({ token: ALICE, browser: new Tab(world).browser() });
    client.subscribe(() => {
      throw new Error("of the application");
    });
    let told = 0;
    client.subscribe(() => told++);
    client.start();
    await world.pass(40_000);
    expect(world.calls).toHaveLength(3);
    expect(told).toBe(2); // it leads; it is online
    expect(thrown).toHaveLength(2); // nothing is swallowed
  });

  it("stops with a farewell, and can start again", async () => {
    const { world, client } = await started();
    world.take();
    client.stop();
    client.stop();
    await world.pass(60_000);
    expect(world.take().map((c) => c.body.leaving)).toEqual([true]);
    expect(client.getState()).toMatchObject({ status: "idle", isLeader: false });
    client.start();
    await settle();
    expect(world.calls).toHaveLength(1);
  });
});

describe("the interval that a heartbeat declares", () => {
  it("is the one that the server told, once it has told", async () => {
    const world = new World();
    world.serve = () => accepted({ "Rollcall-Heartbeat": "10" });
    await started({}, world);
    await world.pass(20_000);
    expect(world.calls.map((c) => c.body.every)).toEqual([undefined, 10, 10]);
  });

  it("is the one that the application set, 360 seconds at most", async () => {
    const { world } = await started({ interval: 400_000 });
    expect(world.calls[0]?.body.every).toBe(360);
    await world.pass(365_001); // and no longer between two beats either, after the second one
    expect(world.calls.length).toBeGreaterThanOrEqual(3);
  });

  it.each([{ interval: 30 }, { interval: -1 }, { interval: Number.NaN }, { idleAfter: 300 }])(
    "and other times are in milliseconds: seconds are refused at once, as by %o",
    (options) => {
      expect(() => new PresenceClient(options)).toThrow(/is in milliseconds: /);
    },
  );

  it("is not the time for which another tab has led", async () => {
    const { world, tab } = await started({ interval: 30_000 });
    await tab.happens("pagehide");
    await tab.show(false);
    await world.pass(600_000);
    world.take();
    await tab.happens("pageshow");
    expect(world.take().map((c) => c.body.every)).toEqual([30]);
  });

  it("is the real one in a hidden tab that is held back", async () => {
    const { world, tab } = await started({ interval: 30_000 });
    await tab.show(false);
    await world.pass(5_000);
    world.take();
    const { after } = world;
    world.after = (ms, run) => after.call(world, Math.max(ms, 61_000), run);
    await world.pass(160_000);
    expect(world.take().map((c) => c.body.every)).toEqual([30, 61, 61]);
    await tab.show(true);
    expect(world.take().map((c) => c.body.every)).toEqual([30]);
  });
});

describe("a user", () => {
  it("is idle after five minutes without input, and active again with the first", async () => {
    const { world, tab } = await started();
    await world.pass(4 * 60_000);
    await tab.happens("keydown");
    world.take();
    await world.pass(5 * 60_000 - 1);
    expect(world.take().every((c) => c.body.idle === false)).toBe(true);
    await world.pass(31_000);
    expect(world.take().at(-1)?.body.idle).toBe(true);
    await tab.happens("pointermove");
    expect(world.take().map((c) => c.body.idle)).toEqual([false]);
    await tab.happens("pointermove");
    expect(world.take()).toEqual([]);
  });

  it("who comes back to the page is seen at once", async () => {
    const { world, tab } = await started();
    await tab.show(false);
    await world.pass(20_000);
    world.take();
    await tab.show(true);
    expect(world.take()).toHaveLength(1);
    await tab.show(false);
    await tab.show(true);
    expect(world.take()).toEqual([]); // it was seen only just now
  });

  it("never becomes idle where the application does not want it", async () => {
    const { world } = await started({ idleAfter: 0 });
    await world.pass(3_600_000);
    expect(world.calls.every((c) => c.body.idle === false)).toBe(true);
  });
});

describe("a failure", () => {
  it("is tried again with back-off, and told as degraded, then offline", async () => {
    const { world, client } = await started();
    await world.pass(5_000);
    world.serve = () => new Response(null, { status: 500 });
    world.random = 0.5;
    world.take();
    const from = world.now;
    await world.pass(40_000);
    expect(client.getState().status).toBe("degraded");
    expect(client.getState().error?.message).toContain("500");
    const [first = 0, ...rest] = times(world, from);
    expect(rest.slice(0, 3).map((t) => t - first)).toEqual([1.5, 4, 8.5]);
    await world.pass(120_000);
    expect(client.getState().status).toBe("offline");
    expect(world.calls.length).toBeLessThan(12);
    world.serve = () => accepted();
    await world.pass(60_000);
    expect(client.getState()).toMatchObject({ status: "online", error: null });
  });

  it.each([
    [200, "<!doctype html>"], // a login page of the network, or a host of files that has a page for every path
    [202, "{}"],
  ])("is also a %i that no server of ours answers, which passes", async (status, body) => {
    const world = new World();
    world.serve = () => new Response(body, { status });
    const { client } = await started({}, world);
    await world.pass(1_500);
    expect(client.getState()).toMatchObject({ status: "offline", lastBeatAt: null });
    expect(client.getState().error?.message).toBe(`the server answered ${status} to /v1/heartbeat`);
    expect(world.take()).toHaveLength(2);
    world.serve = () => accepted();
    await world.pass(10_000);
    expect(client.getState()).toMatchObject({ status: "online", error: null });
  });

  it("of the network is one too, and its end is tried at once", async () => {
    const { world, tab, client } = await started();
    world.serve = () => Promise.reject(new TypeError("no network"));
    await world.pass(30_000);
    expect(client.getState().error?.message).toBe("no network");
    world.serve = () => accepted();
    await tab.happens("online");
    expect(client.getState().status).toBe("online");
  });

  it("is also an answer that does not come for ten seconds", async () => {
    const { world, client } = await started();
    world.serve = () => new Promise(() => {});
    await world.pass(5_000 + 9_999);
    expect(client.getState().status).toBe("online");
    await world.pass(2);
    expect(client.getState()).toMatchObject({ status: "degraded" });
    expect(client.getState().error?.name).toBe("TimeoutError");
  });

  it.each([
    ["seconds", () => "40"],
    ["a date", (world: World) => new Date(world.now + 40_000).toUTCString()],
  ])("with a Retry-After in %s is not tried before", async (_, value) => {
    const { world, tab } = await started();
    await world.pass(4_000);
    world.serve = () =>
      new Response(null, { status: 429, headers: { "Retry-After": value(world) } });
    await world.pass(1_000);
    world.take();
    const from = world.now;
    world.serve = () => accepted();
    await tab.happens("online");
    await tab.show(true);
    await world.pass(45_000);
    const [first] = times(world, from);
    expect(first).toBeGreaterThanOrEqual(39);
    expect(first).toBeLessThanOrEqual(40);
  });

  it("with a Retry-After is not tried before by a page that comes back either", async () => {
    const { world, tab } = await started();
    world.serve = () => new Response(null, { status: 429, headers: { "Retry-After": "40" } });
    await world.pass(5_000);
    world.take();
    const from = world.now;
    await tab.happens("pagehide");
    await tab.happens("pageshow");
    await world.pass(45_000);
    expect(times(world, from)).toEqual([0, 40]); // the farewell, and the next
  });

  it.each([403, 404, 410])("with %i is not tried again until something happens", async (status) => {
    const { world, tab, client } = await started();
    world.serve = () => new Response(null, { status });
    await world.pass(600_000);
    expect(world.take()).toHaveLength(2);
    expect(client.getState().status).toBe("offline");
    world.serve = () => accepted();
    await tab.show(true);
    expect(client.getState().status).toBe("online");
  });
});

describe("a token", () => {
  it("that is refused is refreshed once", async () => {
    const asked: boolean[] = [];
    const world = new World();
    const getToken = ({ forceRefresh }: { forceRefresh: boolean }) => {
      asked.push(forceRefresh);
      return tokenOf("alice", asked.includes(true) ? 2 : 1);
    };
    world.serve = (call) =>
      call.token === tokenOf("alice", 2) ? accepted() : new Response(null, { status: 401 });
    const { client } = await started({ token: null, getToken }, world);
    expect(world.calls).toHaveLength(2);
    expect(asked.filter((forced) => forced)).toHaveLength(1);
    expect(client.getState().status).toBe("online");
  });

  it("that stays refused ends it, until there is another", async () => {
    const world = new World();
    world.serve = (call) =>
      call.token === ALICE ? new Response(null, { status: 401 }) : accepted();
    const { client } = await started({}, world);
    await world.pass(600_000);
    expect(world.calls).toHaveLength(1);
    expect(client.getState()).toMatchObject({ status: "unauthorized", isLeader: false });
    client.setToken(tokenOf("alice", 2));
    await settle();
    expect(client.getState().status).toBe("online");
  });

  it("that comes as soon as the application hears of it counts", async () => {
    const world = new World();
    world.serve = (call) =>
      call.token === ALICE ? new Response(null, { status: 401 }) : accepted();
    const client = new PresenceClient({ token: ALICE, browser: new Tab(world).browser() });
    client.subscribe(() => {
      if (client.getState().status === "unauthorized") client.setToken(tokenOf("alice", 2));
    });
    client.start();
    await settle();
    expect(client.getState().status).toBe("online");
  });

  it("that cannot be got is asked for again", async () => {
    let fails = true;
    const getToken = async () => {
      if (fails) throw new Error("no network");
      return ALICE;
    };
    const { world, client } = await started({ getToken });
    expect(client.getState()).toMatchObject({ status: "offline" });
    fails = false;
    await world.pass(60_000);
    expect(client.getState().status).toBe("online");
  });

  it("that never comes is asked for again after 30 seconds, and does not count when it comes", async () => {
    let hangs = false;
    let late = (_: string) => {};
    const getToken = () => (hangs ? new Promise<string>((resolve) => (late = resolve)) : ALICE);
    const { world, client } = await started({ getToken });
    await world.pass(5_000);
    hangs = true;
    world.take();
    await world.pass(30_000 + 29_999);
    expect(client.getState().status).toBe("online");
    await world.pass(1);
    expect(client.getState()).toMatchObject({ status: "degraded" });
    expect(client.getState().error?.message).toBe("getToken does not answer");
    expect(world.take()).toEqual([]);
    hangs = false;
    late("of another time");
    await world.pass(1_000);
    expect(world.take().map((c) => c.token)).toEqual([ALICE]);
    expect(client.getState().status).toBe("online");
  });

  it("that never comes at first is asked for again too", async () => {
    let asked = 0;
    const getToken = () => (++asked === 1 ? new Promise<string>(() => {}) : ALICE);
    const { world, client } = await started({ getToken });
    await world.pass(29_999);
    expect(asked).toBe(1);
    await world.pass(1_001);
    expect(client.getState().status).toBe("online");
  });

  it("of the same user changes nothing but the next heartbeat", async () => {
    const { world, client } = await started();
    await world.pass(1_000);
    world.take();
    client.setToken(tokenOf("alice", 2));
    await settle();
    expect(world.calls).toEqual([]);
    await world.pass(30_000);
    expect(world.calls[0]?.token).toBe(tokenOf("alice", 2));
  });

  it("of another user says farewell for the one before", async () => {
    const { world, client } = await started();
    world.take();
    const bob = tokenOf("bob");
    client.setToken(bob);
    await settle();
    const seen = world.take().map((c) => [c.token, c.body.leaving ?? false]);
    expect(seen).toEqual([
      [ALICE, true],
      [bob, false],
    ]);
  });
});

describe("a page that closes", () => {
  it("says farewell in a request that outlives it, and beats no more", async () => {
    const { world, tab } = await started();
    world.take();
    await tab.happens("pagehide");
    await tab.show(false);
    await world.pass(300_000);
    const calls = world.take();
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ path: "/v1/heartbeat", keepalive: true });
    expect(calls[0]?.body).toMatchObject({ leaving: true });
  });

  it("gives up a heartbeat on its way, which would undo the farewell", async () => {
    const { world, tab } = await started();
    world.serve = () => new Promise(() => {});
    await world.pass(5_000);
    const beat = world.take().at(-1);
    await tab.happens("pagehide");
    expect(beat?.signal?.aborted).toBe(true);
    expect(world.take()[0]?.body.leaving).toBe(true);
  });

  it("says farewell also where the first heartbeat is still on its way", async () => {
    const world = new World();
    world.serve = () => new Promise(() => {});
    const { tab } = await started({}, world);
    world.take();
    await tab.happens("pagehide");
    expect(world.take().map((c) => c.body.leaving)).toEqual([true]);
  });

  it("and comes back out of the cache beats at once", async () => {
    const { world, tab, client } = await started();
    await tab.happens("pagehide");
    world.take();
    await tab.happens("pageshow");
    expect(world.take()).toHaveLength(1);
    expect(client.getState()).toMatchObject({ status: "online", isLeader: true });
  });

  it("says nothing where nothing was ever said", async () => {
    const world = new World();
    world.serve = () => new Response(null, { status: 503 });
    const { tab } = await started({}, world);
    world.take();
    await tab.happens("pagehide");
    expect(world.take()).toEqual([]);
  });

  it("is not one that is frozen: that says nothing, but leads no longer", async () => {
    const { world, tab, client } = await started();
    world.take();
    tab.document.dispatchEvent(new Event("freeze"));
    await world.pass(60_000);
    expect(world.take()).toEqual([]);
    tab.document.dispatchEvent(new Event("resume"));
    await settle();
    expect(world.take()).toHaveLength(1);
    expect(client.getState().isLeader).toBe(true);
  });
});

describe("signing out", () => {
  it("ends the session at once, and nothing follows", async () => {
    const { world, client } = await started();
    const session = world.take()[0]?.body.session;
    await client.logout();
    await world.pass(300_000);
    expect(world.take()).toMatchObject([
      { path: "/v1/logout", token: ALICE, keepalive: true, body: { session } },
    ]);
    expect(client.getState().status).toBe("idle");
    client.setToken(ALICE);
    await settle();
    expect(client.getState().status).toBe("online");
  });

  it("without having signed in does nothing", async () => {
    const { world, client } = await started({ token: null });
    await client.logout();
    expect(world.calls).toEqual([]);
  });

  it("holds also against getToken, and over the back/forward cache", async () => {
    const { world, tab, client } = await started({ getToken: () => ALICE });
    await client.logout();
    world.take();
    await tab.happens("pagehide");
    await tab.happens("pageshow");
    await tab.show(true);
    await world.pass(60_000);
    expect(world.calls).toEqual([]);
  });
});

describe("where there is no browser", () => {
  it("a client can be made, and has a state", () => {
    const client = new PresenceClient({
      url: "https://presence.example.com/",
      getToken: undefined, // as it is where the application has nothing to say
      token: undefined,
      interval: undefined,
      browser: { document: undefined, window: undefined, locks: undefined, channel: undefined },
    });
    expect(client.getState().status).toBe("idle");
    expect(client.subscribe(() => {})).toBeTypeOf("function");
  });

  it("it beats without storage, tabs and pages", async () => {
    const world = new World();
    const tab = new Tab(world);
    const bare = tab.browser({
      document: undefined,
      window: undefined,
      locks: undefined,
      channel: undefined,
      storage: undefined,
    });
    const client = new PresenceClient({ url: "https://p.example/", token: ALICE, browser: bare });
    client.start();
    await world.pass(40_000);
    expect(world.calls.map((c) => c.path)).toEqual(Array(3).fill("https://p.example/v1/heartbeat"));
  });
});
