import { Tab, World } from "./world.js";

/** A connection that a test writes a stream to. */
export interface Connection {
  path: string;
  lastId: string | null;
  token: string;
  write(text: string): void;
  end(): void;
  closed(): boolean;
}

/** A world whose server answers with streams. */
export function streamingWorld() {
  const world = new World();
  const connections: Connection[] = [];
  world.serve = (call) => {
    let writer: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        writer = controller;
      },
    });
    let closed = false;
    call.signal?.addEventListener("abort", () => {
      if (!closed) writer?.error(call.signal?.reason);
      closed = true;
    });
    connections.push({
      path: call.path,
      lastId: call.headers.get("last-event-id"),
      token: call.token,
      write: (text) => writer?.enqueue(new TextEncoder().encode(text)),
      end: () => {
        if (!closed) writer?.close();
        closed = true;
      },
      closed: () => closed,
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  const at = (n: number) => {
    const connection = connections.at(n);
    if (!connection) throw new Error(`no connection ${n}`);
    return connection;
  };
  return { world, tab: new Tab(world), connections, at };
}

/** A snapshot, or with an id of 0 a part of one that is not the last. */
export function snapshot(id: number, ...users: [string, string][]): string {
  const list = users.map(([user, status]) => ({ user, status, observed: status, seq: id }));
  return `event: snapshot\n${id ? `id: ${id}\n` : ""}data: ${JSON.stringify({ users: list })}\n\n`;
}

export function status(id: number, user: string, now: string, from = "offline"): string {
  const change = { user, status: now, observed: now, from, cause: "heartbeat", seq: id };
  return `id: ${id}\nevent: status\ndata: ${JSON.stringify(change)}\n\n`;
}
