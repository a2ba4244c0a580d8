import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Chromium, hasChromium, type Page } from "./chromium.js";
import { type Arrival, Site, until } from "./site.js";

const MINUTE = 60_000;
/** Five minutes until the browser throttles, and four of it. */
const HIDDEN = 9 * MINUTE;
/** A tab hidden for this long is throttled. */
const THROTTLED = 5 * MINUTE + 10_000;

/** Where the result is written to, if anywhere. */
const REPORT = process.env.ROLLCALL_SOAK_REPORT;

let site: Site;
let browser: Chromium;

beforeAll(async () => {
  if (!process.env.ROLLCALL_SOAK) return;
  site = await Site.open();
  browser = await Chromium.launch();
});

afterAll(async () => {
  await browser?.kill();
  site?.close();
});

/** Seconds between arrivals, of which the later one came between the two times. */
function intervals(arrivals: Arrival[], from: number, to: number): number[] {
  const between = arrivals.map((a, i) => (a.at - (arrivals[i - 1]?.at ?? a.at)) / 1000);
  return between.filter((_, i) => {
    const at = arrivals[i]?.at ?? 0;
    return i > 0 && (arrivals[i - 1]?.at ?? 0) >= from && at <= to;
  });
}

const figures = (seconds: number[]) => {
  const mean = seconds.reduce((sum, s) => sum + s, 0) / seconds.length;
  const [min, max] = [Math.min(...seconds), Math.max(...seconds)];
  return `${[min, mean, max].map((s) => s.toFixed(1)).join(" / ")} (${seconds.length})`;
};

describe.skipIf(!process.env.ROLLCALL_SOAK || !hasChromium)("hidden for nine minutes", () => {
  it("a tab keeps its interval, and takes over from one that is killed", {
    timeout: 12 * MINUTE,
  }, async () => {
    site.answer = ({ tab }, response) => {
      if (tab === "refused") response.writeHead(503, { "Retry-After": "30" }).end();
      else response.writeHead(204).end();
    };
    const tabs: Record<string, Page> = {};
    tabs.plain = await browser.open(site.page("plain", { naive: "30000" }));
    tabs.refused = await browser.open(site.page("refused", { token: token("refused") }));
    tabs.first = await browser.open(site.page("first"));
    tabs.second = await browser.open(site.page("second"));
    await browser.open(`${site.origin}/elsewhere`);
    for (const tab of Object.values(tabs)) {
      await until("hidden", 5_000, () => tab.eval<boolean>("document.hidden"));
    }
    const from = Date.now() + 10_000;
    await delay(HIDDEN);
    const to = Date.now();

    const of = (...names: string[]) => site.arrivals.filter((a) => names.includes(a.tab));
    const rows = [
      ["setInterval(30 s), as a control", of("plain")],
      ["the client, two tabs", of("first", "second")],
      ["the client, every answer 503 with Retry-After: 30", of("refused")],
    ] as const;
    const early = rows.map(([, a]) => intervals(a, from, from + THROTTLED - 10_000));
    const late = rows.map(([, a]) => intervals(a, from + THROTTLED - 10_000, to));

    const leader = of("first", "second").at(-1)?.tab ?? "";
    const other = leader === "first" ? "second" : "first";
    const killed = Date.now();
    await tabs[leader]?.crash();
    await until("both beats of the tab that takes over", 30_000, () => {
      return of(other).filter((a) => a.at > killed).length >= 2;
    });
    const [taken = 0, settled = 0] = of(other)
      .filter((a) => a.at > killed)
      .map((a) => (a.at - killed) / 1000);

    const { product } = await browser.call<{ product: string }>("Browser.getVersion");
    report(
      product,
      rows.map(([name], i) => [name, early[i] ?? [], late[i] ?? []]),
      taken,
      settled,
    );
    expect(Math.max(...(late[0] ?? [])), "the browser did throttle").toBeGreaterThan(55);
    expect(Math.max(...(late[1] ?? []))).toBeLessThan(33);
    expect(Math.max(...(late[2] ?? []))).toBeLessThan(40);
    expect(taken).toBeLessThan(5);
    expect(settled).toBeLessThan(15);
  });
});

/** A token whose subject makes the tab stand in a line of its own. */
const token = (sub: string) => `x.${btoa(JSON.stringify({ sub }))}.x`;

function report(
  version: string,
  rows: [string, number[], number[]][],
  taken: number,
  settled: number,
): void {
  const text = `# Heartbeats of hidden tabs

Written by \`npm run test:soak\` in \`api/client/typescript\`: ${version}, headless, its own throttling of hidden tabs on,
all tabs hidden for ${HIDDEN / MINUTE} minutes, an interval of 30 s. Seconds between heartbeats as they arrive at the server:
min / mean / max (how many).

| hidden for | up to 5 min | over 5 min |
| --- | --- | --- |
${rows.map(([name, early, late]) => `| ${name} | ${figures(early)} | ${figures(late)} |`).join("\n")}

Then the tab that led was killed: the other hidden one beat after ${taken.toFixed(1)} s, and again after ${settled.toFixed(1)} s. The
server's grace is 15 s.
`;
  console.log(text);
  if (!REPORT) return;
  writeFileSync(REPORT, text);
}
