import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RollcallNode } from "../browser/node.js";
import { until } from "../browser/site.js";
import { engines } from "./engines.js";
import type { Engine, Tab } from "./webdriver.js";

const ENTER = "\uE007";
const HOME = "\uE011";
const END = "\uE010";
const LEFT = "\uE012";

let node: RollcallNode;

beforeAll(async () => {
  node = await RollcallNode.start("http://127.0.0.1");
  return () => node.stop();
});

async function login(user: string): Promise<void> {
  const headers = { authorization: `Bearer ${node.token(user)}` };
  await fetch(`${node.url}/v1/login`, { method: "POST", headers });
}

describe.each(engines)("the admin page in $name", ({ start }) => {
  let browser: Engine;
  let page: Tab;

  beforeAll(async () => {
    browser = await start();
    page = await browser.open(`${node.url}/admin/`);
    await shows("Token");
    // Before it is signed in it has done no more than show its form.
    await page.eval(`(() => {
      window.wrong = [];
      addEventListener("error", (e) => wrong.push(e.message));
      addEventListener("unhandledrejection", (e) => wrong.push(String(e.reason)));
      document.addEventListener("securitypolicyviolation", (e) => wrong.push(e.violatedDirective + " " + e.blockedURI));
    })()`);
  });

  afterAll(() => browser?.kill());

  const holds = (what: string, expression: string) =>
    until(what, 15_000, () => page.eval<boolean>(expression).catch(() => false));
  const shows = (text: string) =>
    holds(text, `document.body.innerText.includes(${JSON.stringify(text)})`);
  const click = (text: string) =>
    page.eval(
      `[...document.querySelectorAll("button")].find((b) => b.innerText.trim() === ${JSON.stringify(text)}).click()`,
    );
  const focus = (selector: string) =>
    page.eval(`document.querySelector(${JSON.stringify(selector)}).focus()`);
  const view = (name: string) => page.eval(`void (location.hash = "#/${name}")`);

  it("signs in by keyboard, follows who comes, and is used by keyboard", async () => {
    await login("ada");
    await focus("#token");
    await page.press(...node.token("root", { role: "admin" }), ENTER);
    await shows("Sign out");
    await shows("ada");
    await holds("it is live", "!!document.querySelector('.link.live')");
    await login("zoe");
    await shows("zoe");
    await focus("[role=grid]");
    await page.press(HOME, END);
    await holds("the last row", "document.querySelector('.row.active').innerText.includes('zoe')");
    await page.press("c");
    await shows("Copied.");
    await page.press(ENTER);
    await holds("the user's page", "document.querySelector('h1').innerText.includes('zoe')");
  });

  it("sets an override, and shows its cause in the timeline", async () => {
    await view("user/ada");
    await shows("None: the status is the observed one.");
    await click("Set the override");
    await holds("the override", "document.querySelector('.override').innerText.includes('root')");
    expect((await node.user("ada"))?.status).not.toBe("online");
    await holds("the timeline", "!!document.querySelector('.picture .bar')");
    await focus(".picture");
    await page.press(END, LEFT);
    await holds("a cause", "document.querySelector('.tip').innerText.length > 0");
    await click("Clear the override");
    await shows("None: the status is the observed one.");
  });

  it("shows each view at phone width without scrolling sideways, and nothing went wrong", async () => {
    await page.call("resize", { width: 500, height: 800 }); // Firefox makes no window narrower
    for (const [name, ready] of [
      ["", ".rows .row"],
      ["user/ada", ".picture .bar"],
      ["concurrency", ".u-legend"],
      ["audit", "tbody tr"],
      ["health", "tbody tr"],
    ]) {
      await view(name as string);
      await holds(`${name} is shown`, `!!document.querySelector(${JSON.stringify(ready)})`);
      const { scrollWidth, clientWidth } = await page.eval<{
        scrollWidth: number;
        clientWidth: number;
      }>(
        "(({ scrollWidth, clientWidth }) => ({ scrollWidth, clientWidth }))(document.documentElement)",
      );
      expect(scrollWidth, name).toBeLessThanOrEqual(clientWidth);
    }
    expect(await page.eval("wrong")).toEqual([]);
  });
});
