import { describe, expect, it } from "vitest";
import { PresenceFeed } from "../src/feed.js";
import { TokenSource } from "../src/token.js";
import { snapshot, status, streamingWorld } from "./streaming.js";
import { settle, tokenOf } from "./world.js";

function feeding() {
  const server = streamingWorld();
  const tokens = new TokenSource(undefined, tokenOf("root"));
  const feed = new PresenceFeed({ tokens, browser: server.tab.browser() });
  let told = 0;
  return { ...server, tokens, feed, heard: () => void told++, told: () => told };
}

const names = (feed: PresenceFeed) => feed.list.value.users.map((u) => `${u.user} ${u.status}`);

describe("a feed", () => {
  it("connects for its first watcher, once for all of a moment, and not before", async () => {
    const { world, feed, heard, connections, at } = feeding();
    await world.pass(1_000);
    expect(connections).toHaveLength(0);
    feed.watch("b", heard);
    feed.watch("a", heard);
    await world.pass(100);
    expect(connections).toHaveLength(1);
    expect(at(0).path).toBe("/v1/stream?users=a&users=b");
  });

  it("tells of the users that are watched", async () => {
    const { world, feed, heard, at } = feeding();
    feed.watch("a", heard);
    feed.watch("x", heard);
    await world.pass(100);
    expect(feed.presence("a")).toBeUndefined();
    at(0).write(snapshot(5, ["a", "online"]));
    await settle();
    const a = feed.presence("a");
    expect(a).toMatchObject({ user: "a", status: "online" });
    expect(feed.presence("a")).toBe(a);
    expect(feed.presence("x")).toEqual({ user: "x", status: "unknown" });
    at(0).write(status(7, "a", "offline", "online") + status(6, "a", "online"));
    await settle();
    expect(feed.presence("a")).toMatchObject({ status: "offline", seq: 7 }); // what is older comes too late
  });

  it("connects anew only for users that it is not about", async () => {
    const { world, feed, heard, connections, at } = feeding();
    const end = feed.watch("a", heard);
    feed.watch("b", heard);
    await world.pass(100);
    end();
    await world.pass(100);
    feed.watch("a", heard);
    await world.pass(100);
    expect(connections).toHaveLength(1);
    feed.watch("c", heard);
    await world.pass(100);
    expect(at(0).closed()).toBe(true);
    expect(at(1).path).toBe("/v1/stream?users=a&users=b&users=c");
    feed.watch("", heard);
    await world.pass(100);
    expect(at(2).path).toBe("/v1/stream");
    feed.watch("d", heard);
    await world.pass(100);
    expect(connections).toHaveLength(3);
  });

  it("shows what it knew while it connects anew", async () => {
    const { world, feed, heard, at } = feeding();
    feed.watch("a", heard);
    await world.pass(100);
    at(0).write(snapshot(5, ["a", "online"]));
    await settle();
    feed.watch("b", heard);
    expect(feed.presence("b")).toBeUndefined(); // not "unknown": nobody has asked yet
    await world.pass(100);
    expect(feed.presence("a")?.status).toBe("online");
    expect(feed.presence("b")).toBeUndefined();
    at(1).write(snapshot(6, ["b", "away"]));
    await settle();
    expect(feed.presence("a")?.status).toBe("unknown");
    expect(feed.presence("b")?.status).toBe("away");
  });

  it("takes a snapshot of several messages as one", async () => {
    const { world, feed, heard, at } = feeding();
    feed.watch("", heard);
    feed.watch("b", heard);
    await world.pass(100);
    at(0).write(snapshot(0, ["a", "online"]));
    await world.pass(100);
    expect(feed.presence("b")).toBeUndefined(); // he may be in the next
    expect(names(feed)).toEqual([]);
    at(0).write(snapshot(5, ["b", "online"]));
    await world.pass(100);
    expect(names(feed)).toEqual(["a online", "b online"]);
    at(0).write(`event: reset\ndata: {}\n\n${snapshot(0, ["a", "away"])}`);
    await world.pass(100);
    expect(names(feed)).toEqual(["a online", "b online"]);
    at(0).end(); // cut within: all comes again
    await world.pass(3_000);
    expect(at(1).lastId).toBeNull();
    at(1).write(snapshot(9, ["c", "online"]));
    await world.pass(100);
    expect(names(feed)).toEqual(["c online"]);
    expect(feed.presence("b")?.status).toBe("offline");
  });

  it("of 100,000 users with 1,000 changes a second tells of them 20 times a second", async () => {
    const { world, feed, heard, told, at } = feeding();
    feed.watch("", heard);
    await world.pass(100);
    const id = (n: number) => `u${String(n).padStart(6, "0")}`;
    const all = Array.from({ length: 100_000 }, (_, n): [string, string] => [id(n), "online"]);
    at(0).write(snapshot(5, ...all));
    await world.pass(100);
    const before = told();
    for (let n = 0; n < 1_000; n++) {
      // Each comes in a piece of its own; every third goes offline.
      at(0).write(status(6 + n, id(n * 97), n % 3 ? "away" : "offline", "online"));
      await world.pass(1);
    }
    await world.pass(50);
    expect(told() - before).toBeLessThanOrEqual(22);
    expect(told() - before).toBeGreaterThan(10);
    const { users } = feed.list.value;
    expect(users).toHaveLength(100_000 - 334);
    expect(users.filter((u) => u.status === "away")).toHaveLength(666);
    expect(users.every((u, i) => i === 0 || (users[i - 1]?.user ?? "") < u.user)).toBe(true);
    at(0).write(status(2_000, id(0), "online") + status(2_001, "t", "busy"));
    await world.pass(50);
    expect(feed.list.value.users.slice(0, 2).map((u) => u.user)).toEqual(["t", id(0)]);
  }, 30_000);

  it("of users whose names make too long a URL is about everybody", async () => {
    const { world, feed, heard, at } = feeding();
    for (let i = 0; i < 120; i++) feed.watch(`${i}-8b1c7a4e-93de-4f6b-a2c1-5d7e9f0a1b2c`, heard);
    await world.pass(100);
    expect(at(0).path).toBe("/v1/stream");
  });

  it("ends when its user signs out, also where the token does not say who that was", async () => {
    const { world, tokens, feed, heard, at } = feeding();
    tokens.set("opaque");
    feed.watch("", heard);
    await world.pass(100);
    at(0).write(snapshot(5, ["a", "online"]));
    await settle();
    tokens.set(null);
    await settle();
    expect(at(0).closed()).toBe(true);
    expect(names(feed)).toEqual([]);
  });

  it("of more users than a stream can name is about everybody", async () => {
    const { world, feed, heard, at } = feeding();
    for (let i = 0; i <= 1000; i++) feed.watch(`u${i}`, heard);
    await world.pass(100);
    expect(at(0).path).toBe("/v1/stream");
  });

  it("lists everybody who is not offline, in order", async () => {
    const { world, feed, heard, told, at } = feeding();
    feed.watch("", heard);
    feed.watch("z", heard);
    await world.pass(100);
    at(0).write(snapshot(5, ["b", "online"], ["a", "busy"]));
    await settle();
    expect(names(feed)).toEqual(["a busy", "b online"]);
    expect(feed.presence("z")).toEqual({ user: "z", status: "offline" });
    const before = feed.list.value;
    const toldBefore = told();
    at(0).write(status(6, "c", "online") + status(7, "b", "offline", "online"));
    await world.pass(50);
    expect(names(feed)).toEqual(["a busy", "c online"]);
    expect(feed.list.value).not.toBe(before);
    expect(told() - toldBefore).toBe(2); // once for each watcher, not for each change
  });

  it("disconnects after its last watcher, but not for a change of watchers", async () => {
    const { world, feed, heard, connections, at } = feeding();
    const end = feed.watch("a", heard);
    await world.pass(100);
    end();
    const again = feed.watch("a", heard);
    await world.pass(100);
    expect(at(0).closed()).toBe(false);
    again();
    await world.pass(100);
    expect(at(0).closed()).toBe(true);
    expect(connections).toHaveLength(1);
  });

  it("shows the next user nothing of what it showed the one before", async () => {
    const { world, feed, tokens, heard, connections, at } = feeding();
    feed.watch("", heard);
    await world.pass(100);
    at(0).write(snapshot(5, ["a", "online"]));
    await settle();
    tokens.set(tokenOf("root", 2)); // the same user
    await settle();
    expect(connections).toHaveLength(1);
    tokens.set(null);
    await settle();
    expect(names(feed)).toEqual([]);
    expect(at(0).closed()).toBe(true);
    tokens.set(tokenOf("eve"));
    await settle();
    expect(at(-1)).toMatchObject({ token: tokenOf("eve"), lastId: null });
    expect(connections).toHaveLength(2);
  });
});
