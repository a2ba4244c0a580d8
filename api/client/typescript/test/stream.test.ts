import { describe, expect, it } from "vitest";
import { PresenceStream, type StreamOptions } from "../src/stream.js";
import { TokenSource } from "../src/token.js";
import { snapshot, status, streamingWorld } from "./streaming.js";
import { settle, tokenOf } from "./world.js";

const ROOT = tokenOf("root");

async function streaming(
  options: StreamOptions = {},
  server = streamingWorld(),
  last = (_: boolean) => {},
) {
  const heard: string[] = [];
  const stream = new PresenceStream(
    { token: ROOT, browser: server.tab.browser(), ...options },
    {
      snapshot: (users, fresh, complete) => {
        heard.push(`${fresh ? "fresh" : "more"} ${users.map((u) => u.user)}`);
        last(complete);
      },
      status: (change) => heard.push(`${change.user} ${change.status}`),
      connected: (up, error) => heard.push(up ? "up" : `down${error ? ` ${error.message}` : ""}`),
    },
  );
  stream.start();
  await settle();
  return { ...server, stream, take: () => heard.splice(0) };
}

describe("the live stream", () => {
  it("asks for the users it is about, with the token in a header", async () => {
    const { world, at, stream } = await streaming({
      users: ["a,b", "ü"],
      url: "https://p.example",
    });
    expect(at(0)).toMatchObject({ token: ROOT, lastId: null });
    expect(at(0).path).toBe("https://p.example/v1/stream?users=a%2Cb&users=%C3%BC");
    expect(world.calls[0]?.headers.get("accept")).toBe("text/event-stream");
    stream.stop();
    expect(at(0).closed()).toBe(true);
  });

  it("brings snapshots and changes", async () => {
    const { at, take } = await streaming();
    at(0).write(
      snapshot(0, ["a", "online"]) + snapshot(5, ["b", "away"]) + status(6, "c", "online"),
    );
    await settle();
    expect(take()).toEqual(["up", "fresh a", "more b", "c online"]);
  });

  it("goes on after the last change when it breaks off", async () => {
    const { world, at, take, connections } = await streaming();
    at(0).write(snapshot(5, ["a", "online"]) + status(6, "a", "away", "online"));
    await world.pass(20_000);
    at(0).end();
    await world.pass(1_000);
    expect(connections).toHaveLength(2);
    expect(at(1).lastId).toBe("6");
    at(1).write(status(9, "a", "online", "away"));
    await settle();
    expect(take()).toEqual(["up", "fresh a", "a away", "down", "up", "a online"]);
  });

  it("asks for all again when it breaks off within a snapshot", async () => {
    const { world, at } = await streaming();
    at(0).write(snapshot(0, ["a", "online"]));
    await world.pass(20_000);
    at(0).end();
    await world.pass(1_000);
    expect(at(1).lastId).toBeNull();
    at(1).write(snapshot(0, ["a", "online"]) + snapshot(7, ["b", "online"]));
    await world.pass(20_000);
    at(1).end();
    await world.pass(1_000);
    expect(at(2).lastId).toBe("7");
  });

  it("forgets all at a reset", async () => {
    const { world, at, take } = await streaming();
    at(0).write(snapshot(5, ["a", "online"]) + status(6, "b", "online"));
    await world.pass(20_000);
    at(0).end();
    await world.pass(1_000);
    take();
    at(1).write(`event: reset\ndata: {}\n\n${snapshot(90, ["c", "online"])}`);
    await settle();
    expect(take()).toEqual(["fresh c"]);
  });

  it("that is silent for 45 seconds is dead", async () => {
    const { world, at, connections } = await streaming();
    at(0).write(":\n\n");
    await world.pass(44_000);
    at(0).write(":\n\n");
    await world.pass(44_000);
    expect(connections).toHaveLength(1);
    await world.pass(5_000);
    expect(at(0).closed()).toBe(true);
    expect(connections).toHaveLength(2);
  });

  it("backs off from a server that ends it at once", async () => {
    const { world, at, connections } = await streaming();
    world.random = 1;
    for (let i = 0; i < 60; i++) {
      at(-1).end();
      await world.pass(1_000);
    }
    expect(connections.length).toBeLessThan(8);
  });

  it("gives its connection back while the page is hidden for long", async () => {
    const { world, tab, at, connections } = await streaming();
    at(0).write(snapshot(5, ["a", "online"]) + status(6, "a", "away"));
    await settle();
    await tab.show(false);
    await world.pass(29_000);
    await tab.show(true);
    await tab.show(false);
    at(0).write(":\n\n");
    await world.pass(29_000);
    expect(at(0).closed()).toBe(false);
    await world.pass(2_000);
    expect(at(0).closed()).toBe(true);
    await world.pass(600_000);
    expect(connections).toHaveLength(1);
    await tab.show(true);
    expect(at(1).lastId).toBe("6");
  });

  it("gives it back also where the page has been hidden from the start", async () => {
    const server = streamingWorld();
    await server.tab.show(false);
    const { world, tab, at, connections } = await streaming({}, server);
    await world.pass(31_000);
    expect(at(0).closed()).toBe(true);
    await tab.show(true);
    expect(connections).toHaveLength(2);
  });

  it("does not take it again while hidden, whatever happens", async () => {
    const tokens = new TokenSource(undefined, ROOT);
    const { world, tab, connections, take } = await streaming({ tokens });
    await tab.show(false);
    await world.pass(31_000);
    expect(take().at(-1)).toBe("down"); // which is no error
    tokens.set(tokenOf("root", 2));
    await tab.happens("online");
    await world.pass(60_000);
    expect(connections).toHaveLength(1);
    await tab.show(true);
    expect(connections).toHaveLength(2);
  });

  it("comes back with a page that was gone only while a token was asked for", async () => {
    let answer = (_: string) => {};
    const getToken = () => new Promise<string>((resolve) => (answer = resolve));
    const { world, tab, connections } = await streaming({ token: null, getToken });
    await tab.happens("pagehide");
    await tab.happens("pageshow");
    answer(ROOT);
    await settle();
    answer(ROOT);
    await world.pass(2_000);
    expect(connections).toHaveLength(1);
  });

  it("closes a connection that brings what it cannot read", async () => {
    const { world, at, connections } = await streaming();
    at(0).write("event: snapshot\ndata: {\n\n");
    await world.pass(3_000);
    expect(at(0).closed()).toBe(true);
    expect(connections).toHaveLength(2);
  });

  it("says which snapshot is the last of several", async () => {
    const complete: boolean[] = [];
    const { at } = await streaming({}, streamingWorld(), (last) => complete.push(last));
    at(0).write(snapshot(0, ["a", "online"]) + snapshot(5, ["b", "away"]));
    await settle();
    expect(complete).toEqual([false, true]);
  });

  it("gives it back when the page closes, and comes back with the page", async () => {
    const { tab, at, connections } = await streaming();
    await tab.happens("pagehide");
    expect(at(0).closed()).toBe(true);
    expect(connections).toHaveLength(1);
    await tab.happens("pageshow");
    expect(connections).toHaveLength(2);
  });

  it("refreshes a refused token once", async () => {
    const { world, connections, take } = await streaming({
      token: null,
      getToken: ({ forceRefresh }) => tokenOf("root", forceRefresh ? 2 : 1),
    });
    expect(connections.at(-1)?.token).toBe(tokenOf("root", 1));
    world.serve = () => new Response(null, { status: 401 });
    connections.at(-1)?.end();
    await world.pass(60_000);
    expect(world.calls.slice(1).map((c) => c.token)).toEqual([1, 2].map((n) => tokenOf("root", n)));
    expect(take().at(-1)).toBe("down the server answered 401 to /v1/stream");
  });

  it("stays away where it is refused, and waits as long as it is asked to", async () => {
    const { world, connections, take, tab } = await streaming();
    world.serve = () => new Response(null, { status: 503, headers: { "Retry-After": "100" } });
    connections.at(-1)?.end();
    await world.pass(50_000);
    await tab.happens("online");
    await tab.show(true);
    await world.pass(45_000);
    expect(world.take()).toHaveLength(2);
    world.serve = () => new Response(null, { status: 403 });
    await world.pass(600_000);
    expect(world.take()).toHaveLength(1);
    expect(take().at(-1)).toBe("down the server answered 403 to /v1/stream");
    await tab.show(true);
    expect(world.take()).toHaveLength(1);
  });

  it("does not take the page of a host of files for the stream", async () => {
    const { world, connections, take } = await streaming();
    const { serve } = world;
    const headers = { "content-type": "text/html" };
    world.serve = () => new Response("<!doctype html>", { headers });
    connections.at(-1)?.end();
    take();
    await world.pass(10_000);
    const told = take();
    expect(told).not.toContain("up");
    expect(told.at(-1)).toBe("down the server answered 200 to /v1/stream");
    world.serve = serve;
    await world.pass(60_000);
    expect(take().at(-1)).toBe("up");
  });

  it("waits for somebody to sign in", async () => {
    const { world, stream, connections } = await streaming({ token: null });
    await world.pass(600_000);
    expect(connections).toHaveLength(0);
    stream.stop();
  });
});
