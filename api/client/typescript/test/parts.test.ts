import { describe, expect, it } from "vitest";
import { passing } from "../src/answer.js";
import { Backoff, retryAfter } from "../src/backoff.js";
import { browser } from "../src/browser.js";
import { sessionOf } from "../src/session.js";
import { subject, TokenSource } from "../src/token.js";
import { tokenOf } from "./world.js";

describe("back-off", () => {
  it("doubles its limit up to a minute, and never waits less than a second", () => {
    for (const [random, expected] of [
      [0, [1, 1, 1, 1, 1, 1, 1, 1]],
      [1, [2, 4, 8, 16, 32, 60, 60, 60]],
    ] as const) {
      const backoff = new Backoff(browser({ random: () => random }));
      expect(expected.map(() => backoff.failed() / 1000)).toEqual(expected);
      backoff.succeeded();
      expect(backoff.failed() / 1000).toBe(expected[0]);
    }
  });

  it.each([
    ["3", 3000],
    ["0", 0],
    ["-1", 0],
    ["", 0],
    ["soon", 0],
    [null, 0],
    ["999999999", 3_600_000],
    ["Mon, 23 Nov 2026 08:00:10 GMT", 10_000],
    ["Mon, 23 Nov 2026 07:59:00 GMT", 0],
  ])("reads Retry-After: %s", (value, expected) => {
    expect(retryAfter(value, Date.parse("2026-11-23T08:00:00Z"))).toBe(expected);
  });
});

describe("what an answer refuses", () => {
  it.each([
    [200, true], // not of the server: a heartbeat answers 204
    [400, false],
    [403, false],
    [410, false],
    [408, true],
    [425, true],
    [429, true],
    [500, true],
    [503, true],
  ])("with %i may pass: %s", (status, expected) => expect(passing(status)).toBe(expected));
});

describe("a token", () => {
  it.each([
    ["its sub", tokenOf("alice"), "alice"],
    ["the number that simplejwt writes", `x.${btoa('{"user_id":7}')}.x`, "7"],
    ["nothing for one that says nothing", `x.${btoa("{}")}.x`, ""],
    ["nothing for one that is no JWT", "opaque", ""],
    ["nothing for none", null, ""],
  ])("tells %s", (_, token, expected) => expect(subject(token)).toBe(expected));

  it("is refreshed once for all who ask at the same time", async () => {
    let asked = 0;
    const source = new TokenSource(async () => `new ${++asked}`, "old");
    expect(await Promise.all([source.renew("old"), source.renew("old")])).toEqual([
      "new 1",
      "new 1",
    ]);
    expect(await source.renew("old")).toBe("new 1"); // somebody else has refreshed it
    expect(asked).toBe(1);
  });

  it("that the application gives again has not been refreshed", async () => {
    expect(await new TokenSource(() => "old", "old").renew("old")).toBeNull();
    expect(await new TokenSource(undefined, "old").renew("old")).toBeNull();
  });

  it("is none once the user has signed out, even one that was on its way", async () => {
    let answer = (_: string) => {};
    const source = new TokenSource(() => new Promise((resolve) => (answer = resolve)));
    const asked = source.refresh();
    source.set(null);
    answer("late");
    await asked;
    expect(source.current).toBeNull();
    await source.refresh();
    expect(source.current).toBeNull();
  });
});

describe("a token that the application sets", () => {
  it("is newer than one that was asked for before", async () => {
    let answer = (_: string) => {};
    const source = new TokenSource(() => new Promise((resolve) => (answer = resolve)), "alice");
    const asked = source.refresh();
    source.set("bob");
    answer("alice again");
    await asked;
    expect(source.current).toBe("bob");
  });
});

describe("a session", () => {
  it("lasts as long as the page where storage is blocked", () => {
    const blocked = () => {
      throw new DOMException("blocked", "SecurityError");
    };
    const storage = { getItem: blocked, setItem: blocked } as unknown as Storage;
    expect(sessionOf(browser({ storage }))).toMatch(/^web-[0-9a-z]{16}$/);
    const mentioned = Object.defineProperty(browser(), "storage", { get: blocked });
    expect(sessionOf(mentioned)).toMatch(/^web-[0-9a-z]{16}$/);
  });
});
