import { EventParser } from "../../src/sse.js";
import type { RollcallNode } from "../browser/node.js";

/** What the live stream says of one user, as it says it. */
export class Changes {
  readonly statuses: string[] = [];
  readonly #end = new AbortController();

  /** Resolves once the stream has told how the user stands now, which is no change. */
  static async of(node: RollcallNode, user: string): Promise<Changes> {
    const changes = new Changes();
    const authorization = `Bearer ${node.token("root", { role: "admin" })}`;
    const answer = await fetch(`${node.url}/v1/stream?users=${user}`, {
      headers: { authorization },
      signal: changes.#end.signal,
    });
    if (!answer.ok || !answer.body) throw new Error(`the node answered ${answer.status}`);
    await new Promise<void>((live) => {
      changes.#read(answer.body as ReadableStream<Uint8Array>, live).catch(() => {});
    });
    return changes;
  }

  end(): void {
    this.#end.abort();
  }

  async #read(body: ReadableStream<Uint8Array>, live: () => void): Promise<void> {
    const parser = new EventParser();
    const decoder = new TextDecoder();
    for await (const piece of body) {
      for (const { event, data } of parser.push(decoder.decode(piece, { stream: true }))) {
        if (event === "snapshot") live();
        if (event === "status") this.statuses.push(JSON.parse(data).status);
      }
    }
  }
}
