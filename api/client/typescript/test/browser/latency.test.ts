import { spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Chromium, hasChromium, mustRun, type Page } from "./chromium.js";
import { RollcallNode } from "./node.js";
import { Site, until } from "./site.js";
import { CurlViewer, now, PageViewer, type Viewer } from "./viewers.js";

/** The most milliseconds that the p99 may take. Not set: figures are printed, and nothing is asked of them. */
const LIMIT = process.env.ROLLCALL_LATENCY ? Number(process.env.ROLLCALL_LATENCY) : undefined;
/** A change that a viewer does not show for so long, in milliseconds, is one that it does not show. */
const NEVER = 20_000;
/** The longest pause between changes, in milliseconds: a few frames. */
const PAUSE = 60;

const USERS = Array.from({ length: 10 }, (_, n) => `user-${n}`);
const OVERRIDES = ["busy", "away", "offline"];
const ROUNDS = 6;

const LIST = `
import { createRoot } from "react-dom/client";
import { configurePresence, usePresenceList } from "./src/react.js";
const q = new URLSearchParams(location.search);
configurePresence({ url: q.get("url"), token: q.get("token") });
function Everybody() {
  const { users, connected } = usePresenceList();
  return (
    <ul className={connected ? "live" : "stale"}>
      {users.map((u) => <li key={u.user}><b>{u.user}</b>: <i>{u.status}</i></li>)}
    </ul>
  );
}
createRoot(document.body).render(<Everybody />);
`;

/** A change of status, and the call that makes it. */
interface Change {
  user: string;
  status: string;
  send(): Promise<Response>;
}

let site: Site;
let node: RollcallNode;
let browsers: Chromium[] = []; // one a person: a window that another one covers is throttled
let curl: CurlViewer;
let missing = ""; // what it takes to measure, and is not here

beforeAll(async () => {
  if (!hasChromium) missing = "no Chromium: set CHROMIUM, or apt-get install chromium";
  else if (spawnSync("curl", ["--version"]).error) missing = "no curl";
  if (missing) return;
  site = await Site.open(LIST);
  try {
    // Nobody beats here, and nobody is to be missed.
    node = await RollcallNode.start(site.origin, { timeout: "300s" });
  } catch (error) {
    missing = `no node: it needs go and the repository, or ROLLCALL with the path of a binary: ${error}`;
    return;
  }
  browsers = await Promise.all([Chromium.launch(), Chromium.launch()]);
});

afterAll(async () => {
  curl?.close();
  for (const browser of browsers) await browser.kill();
  site?.close();
  await node?.stop();
});

beforeEach((context) => {
  if (missing && (mustRun || LIMIT !== undefined)) throw new Error(missing);
  if (missing) console.warn(missing);
  if (missing) context.skip(missing);
});

describe("a change is shown", () => {
  it("by the client's page, the admin page and curl, as it is", { timeout: 900_000 }, async () => {
    const { url } = node;
    const root = node.token("root", { role: "admin" });
    const pages = await Promise.all([
      open(browsers[0], site.page("list", { url, token: root }), "ul.live"),
      open(browsers[1], `${url}/admin/#token=${root}`, ".link.live"),
    ]);
    curl = new CurlViewer(`${url}/v1/stream`, root);
    await soon("the snapshot: curl -N", curl.live);
    const viewers: Viewer[] = [
      await PageViewer.begin("client's page (React)", pages[0], "li", "b", "i"),
      await PageViewer.begin("admin page", pages[1], ".rows .row", ".id", ".badge"),
      curl,
    ];

    const clocks = await Promise.all(viewers.map((viewer) => viewer.ahead()));
    const took: number[][] = viewers.map(() => []); // each viewer's, of every change
    const last: number[] = [];
    const whole: number[] = [];
    for (const [n, { user, status, send }] of changes(root).entries()) {
      const what = `change ${n}, ${user} ${status}`;
      const sent = now();
      const [sights, acknowledged] = await Promise.all([
        Promise.all(viewers.map((viewer) => soon(`${what}: ${viewer.name}`, viewer.sight(n)))),
        acknowledgement(send),
      ]);
      for (const [i, sight] of sights.entries()) {
        expect(sight, `${what}: ${viewers[i]?.name}`).toMatchObject({ user, status });
        took[i]?.push(sight.at - (clocks[i] ?? 0) - acknowledged);
      }
      const shown = Math.max(...took.map((of) => of[n] ?? Number.NaN));
      last.push(shown);
      whole.push(shown + acknowledged - sent);
      // Without it all changes would be made just after a frame, when the next one is the furthest away.
      await delay(Math.random() * PAUSE);
    }
    const later = await Promise.all(viewers.map((viewer) => viewer.ahead()));
    for (const page of pages) expect(await page.eval("document.visibilityState")).toBe("visible");

    const rows = viewers.map(({ name }, i) => ({ name, took: took[i] ?? [] }));
    rows.push({ name: "the last of the three", took: last });
    report([...rows, { name: "the same, from when the call was sent", took: whole }]);
    const off = later.map((ahead, i) => `${ms(clocks[i])}, at the end ${ms(ahead)}`);
    console.log(`How far the clocks of the pages were ahead, in ms: ${off.slice(0, 2).join("; ")}`);
    if (LIMIT === undefined) return;
    for (const { name, took } of rows) expect(rank(took, 0.99), name).toBeLessThanOrEqual(LIMIT);
  });
});

/** Opens a page as the only tab that its browser shows, and waits for an element of it. */
async function open(browser: Chromium | undefined, url: string, ready: string): Promise<Page> {
  const page = await (browser as Chromium).open(url);
  const there = `!!document.querySelector("${ready}")`;
  // A tab is there before its document, in which nothing can be asked.
  await until(`${ready} in the page`, NEVER, () => page.eval(there).catch(() => false));
  expect(await page.eval("document.visibilityState")).toBe("visible");
  return page;
}

/** Every user comes, has another status for a while, and goes; all of them one step, then all the next. */
function changes(root: string): Change[] {
  const call = (token: string, method: string, path: string, body?: object) => () =>
    fetch(`${node.url}/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  const all: Change[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const as = (n: number) => OVERRIDES[(round + n) % OVERRIDES.length] ?? "";
    const users = USERS.map((user, n) => ({ user, as: as(n), own: node.token(user) }));
    for (const { user, own } of users)
      all.push({ user, status: "online", send: call(own, "POST", "login", {}) });
    for (const { user, as } of users) {
      const send = call(root, "PUT", `users/${user}/override`, { status: as });
      all.push({ user, status: as, send });
    }
    for (const { user } of users)
      all.push({ user, status: "online", send: call(root, "DELETE", `users/${user}/override`) });
    for (const { user, own } of users)
      all.push({ user, status: "offline", send: call(own, "POST", "logout", {}) });
  }
  return all;
}

/** Sends, and returns when the answer came. */
async function acknowledgement(send: () => Promise<Response>): Promise<number> {
  const answer = await send();
  const at = now();
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the node answered ${answer.status}: ${text}`);
  return at;
}

async function soon<T>(what: string, promise: Promise<T>): Promise<T> {
  const ended = new AbortController();
  const never = delay(NEVER, undefined, { signal: ended.signal }).then(() => {
    throw new Error(`not shown within ${NEVER} ms: ${what}`);
  });
  return Promise.race([promise, never]).finally(() => {
    never.catch(() => {});
    ended.abort();
  });
}

/** The value that a share of them is not above. */
function rank(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

const ms = (value: number | undefined) => value?.toFixed(1) ?? "";

function report(rows: { name: string; took: number[] }[]): void {
  const lines = rows.map(({ name, took }) => {
    const figures = [0.5, 0.99, 1, 0].map((share) => ms(rank(took, share)));
    return `| ${[name, ...figures].join(" | ")} |`;
  });
  console.log(`Milliseconds from the acknowledgement of a change until it was shown, of ${rows[0]?.took.length} changes; below 0: before
the acknowledgement was here.

| viewer | p50 | p99 | max | min |
| --- | --- | --- | --- | --- |
${lines.join("\n")}`);
}
