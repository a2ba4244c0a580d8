import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { build } from "esbuild";

/** A heartbeat, or another call to /v1/, that has arrived. */
export interface Arrival {
  at: number;
  path: string;
  /** The tab that sent it: the query parameter tab of its page. */
  tab: string;
  session: string;
  leaving: boolean;
  every: number;
  lastId: string | undefined;
}

type Answer = (arrival: Arrival, response: ServerResponse) => void;

const HTML = '<!doctype html><title>site</title><script type="module" src="/app.js"></script>';

const APP = `
import { PresenceClient } from "./src/index.js";
import { PresenceFeed } from "./src/live.js";
const q = new URLSearchParams(location.search);
const options = { url: q.get("url") ?? "", token: q.get("token") };
if (q.get("interval")) options.interval = Number(q.get("interval"));
window.client = new PresenceClient(options);
window.PresenceFeed = PresenceFeed;
window.server = options.url;
window.loaded = performance.timeOrigin;
if (q.has("naive")) setInterval(() => fetch("/v1/naive", { method: "POST" }), Number(q.get("naive")));
else client.start();
`;

/** A site with a page that uses the client, and a server of heartbeats that writes down what arrives. */
export class Site {
  readonly arrivals: Arrival[] = [];
  answer: Answer = (_, response) => response.writeHead(204).end();

  private constructor(
    private readonly server: Server,
    private readonly app: string,
  ) {}

  /** Opens a site with a script of its own, else with the one whose page is one client. */
  static async open(app = APP): Promise<Site> {
    const { outputFiles } = await build({
      stdin: { contents: app, resolveDir: ".", loader: "jsx" },
      jsx: "automatic",
      define: { "process.env.NODE_ENV": '"production"' },
      bundle: true,
      format: "esm",
      target: "es2022",
      write: false,
    });
    const server = createServer((request, response) => void site.serve(request, response));
    const site = new Site(server, outputFiles[0]?.text ?? "");
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return site;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  page(tab: string, query: Record<string, string> = {}): string {
    return `${this.origin}/?${new URLSearchParams({ tab, token: "token", ...query })}`;
  }

  /** The arrivals since the last time that it was asked. */
  take(): Arrival[] {
    return this.arrivals.splice(0);
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = Date.now();
    const path = (request.url ?? "").split("?")[0] ?? "";
    if (!path.startsWith("/v1/")) {
      response.setHeader("content-type", path === "/app.js" ? "text/javascript" : "text/html");
      response.end(
        path === "/app.js" ? this.app : path === "/" ? HTML : "<title>elsewhere</title>",
      );
      return;
    }
    let text = "";
    for await (const piece of request) text += piece;
    const body = text ? JSON.parse(text) : {};
    const arrival = {
      at,
      path,
      tab: new URL(request.headers.referer ?? this.origin).searchParams.get("tab") ?? "",
      session: body.session ?? "",
      leaving: body.leaving ?? false,
      every: body.every ?? 0,
      lastId: request.headers["last-event-id"] as string | undefined,
    };
    this.arrivals.push(arrival);
    this.answer(arrival, response);
  }
}

/** Waits until the condition holds, and fails after ms milliseconds. */
export async function until<T>(what: string, ms: number, holds: () => T | Promise<T>): Promise<T> {
  for (const end = Date.now() + ms; ; ) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await delay(50);
  }
}
