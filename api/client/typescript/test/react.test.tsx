import { act, Profiler, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Browser } from "../src/browser.js";
import {
  configurePresence,
  useOnlineStatusTracking,
  usePresence,
  usePresenceList,
} from "../src/react.js";
import { snapshot, streamingWorld } from "./streaming.js";
import { accepted, settle, Tab, tokenOf, World } from "./world.js";

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

const ALICE = tokenOf("alice");
let root: Root;
let place: HTMLElement;

beforeEach(() => {
  place = document.body.appendChild(document.createElement("div"));
  root = createRoot(place);
});

afterEach(async () => {
  await act(() => root.unmount());
  place.remove();
});

/** The world of a page that has configured its hooks. */
function page(world = new World()) {
  configurePresence({ browser: new Tab(world).browser() });
  const pass = (ms: number) => act(() => world.pass(ms));
  return { world, pass };
}

function App({ token }: { token: string | null }) {
  const { status } = useOnlineStatusTracking(token);
  return <p>{status}</p>;
}

function Careless({ browser, n }: { browser: Partial<Browser>; n: number }) {
  configurePresence({ url: "https://p.example", browser, getToken: () => tokenOf("alice", n) });
  return <App token={ALICE} />;
}

const show = (token: string | null) =>
  act(async () => {
    root.render(
      <StrictMode>
        <App token={token} />
      </StrictMode>,
    );
    await settle();
  });

const bodies = (world: World) => world.take().map((c) => [c.path, c.body.leaving ?? false]);
const BEAT = ["/v1/heartbeat", false];

describe("useOnlineStatusTracking", () => {
  it("beats once for a component that StrictMode mounts twice", async () => {
    const { world, pass } = page();
    await show(ALICE);
    await pass(1_000);
    expect(bodies(world)).toEqual([BEAT]);
    expect(place.textContent).toBe("online");
  });

  it("waits for a token, and signs out when it goes away", async () => {
    const { world, pass } = page();
    await show(null);
    await pass(1_000);
    expect(world.calls).toEqual([]);
    expect(place.textContent).toBe("idle");
    await show(ALICE);
    expect(bodies(world)).toEqual([BEAT]);
    await show(null);
    expect(bodies(world)).toEqual([["/v1/logout", false]]);
    await pass(300_000);
    expect(world.calls).toEqual([]);
    expect(place.textContent).toBe("idle");
  });

  it("goes on where the token is renewed", async () => {
    const { world, pass } = page();
    await show(ALICE);
    await pass(5_000);
    bodies(world);
    await show(tokenOf("alice", 2));
    await pass(30_000);
    expect(world.take().map((c) => c.token)).toEqual([tokenOf("alice", 2)]);
  });

  it("leaves when it is unmounted, but not for one that takes over", async () => {
    const { world, pass } = page();
    await show(ALICE);
    await act(() => root.render(<section key="other">{<App token={ALICE} />}</section>));
    await pass(1_000);
    expect(bodies(world)).toEqual([BEAT]);
    await act(() => root.render(null));
    await pass(1_000);
    expect(bodies(world)).toEqual([["/v1/heartbeat", true]]);
  });

  it("does not sign out where it begins without a token", async () => {
    const { world, pass } = page();
    await show(ALICE);
    await act(() => root.render(null));
    await pass(1_000);
    bodies(world);
    await show(null); // mounted again, and the token is still being read
    await pass(1_000);
    expect(bodies(world)).toEqual([]);
    expect(place.textContent).toBe("idle");
    await show(ALICE);
    expect(bodies(world)).toEqual([BEAT]);
  });

  it("without a token leaves one with a token alone", async () => {
    const { world, pass } = page();
    await act(() =>
      root.render(
        <StrictMode>
          <App token={ALICE} />
          <App token={null} />
        </StrictMode>,
      ),
    );
    await pass(1_000);
    expect(bodies(world)).toEqual([BEAT]);
  });

  it("begins once where each rendering configures the same again", async () => {
    const world = new World();
    const browser = new Tab(world).browser();
    for (let n = 1; n < 4; n++) {
      await act(() => root.render(<Careless browser={browser} n={n} />));
      await act(() => world.pass(100));
    }
    expect(world.take().map((c) => c.token)).toEqual([tokenOf("alice", 1)]);
    await act(() => world.pass(6_000));
    expect(world.take().map((c) => c.token)).toEqual([tokenOf("alice", 3)]); // the last one's getToken
  });

  it("does not render again for each heartbeat", async () => {
    const { pass } = page();
    let renders = 0;
    const counted = (
      <Profiler id="app" onRender={() => renders++}>
        <App token={ALICE} />
      </Profiler>
    );
    await act(() => root.render(counted));
    await pass(1_000);
    const before = renders;
    await pass(120_000);
    expect(renders).toBe(before);
  });

  it("renders on a server, where it is idle and does nothing", () => {
    const { world } = page();
    expect(renderToString(<App token={ALICE} />)).toBe("<p>idle</p>");
    expect(world.calls).toEqual([]);
  });
});

function Friend({ user }: { user: string | undefined }) {
  return <i>{usePresence(user)?.status ?? "…"}</i>;
}

function List() {
  const { users, connected } = usePresenceList();
  return <b>{`${connected ? "live" : "down"}: ${users.map((u) => u.user)}`}</b>;
}

describe("usePresence and usePresenceList", () => {
  function watching() {
    const server = streamingWorld();
    const { serve } = server.world;
    server.world.serve = (call) => (call.path.endsWith("heartbeat") ? accepted() : serve(call));
    return { ...server, ...page(server.world) };
  }

  it("show users over one connection, with the token of useOnlineStatusTracking", async () => {
    const { pass, at, connections } = watching();
    await act(() =>
      root.render(
        <StrictMode>
          <App token={ALICE} />
          <Friend user="bob" />
          <Friend user="carol" />
        </StrictMode>,
      ),
    );
    await pass(1_000);
    expect(place.textContent).toBe("online……");
    expect(connections).toHaveLength(1);
    expect(at(0)).toMatchObject({ token: ALICE, path: "/v1/stream?users=bob&users=carol" });
    await act(async () => {
      at(0).write(snapshot(3, ["bob", "away"], ["carol", "busy"]));
      await settle();
    });
    expect(place.textContent).toBe("onlineawaybusy");
  });

  it("watch nobody where there is nobody to watch yet", async () => {
    const { pass, connections } = watching();
    await act(() =>
      root.render(
        <>
          <App token={ALICE} />
          <Friend user="" />
          <Friend user={undefined} />
        </>,
      ),
    );
    await pass(1_000);
    expect(connections).toHaveLength(0);
    expect(place.textContent).toBe("online……");
  });

  it("show everybody", async () => {
    const { pass, at } = watching();
    await act(() =>
      root.render(
        <StrictMode>
          <App token={ALICE} />
          <List />
        </StrictMode>,
      ),
    );
    await pass(1_000);
    await act(async () => {
      at(0).write(snapshot(3, ["carol", "online"], ["bob", "away"]));
      await settle();
    });
    expect(place.textContent).toBe("onlinelive: bob,carol");
    await act(() => root.render(null));
    await pass(1_000);
    expect(at(0).closed()).toBe(true);
  });

  it("render on a server", () => {
    page();
    const html = renderToString(
      <>
        <Friend user="bob" />
        <List />
      </>,
    );
    expect(html).toBe("<i>…</i><b>down: </b>");
  });
});
