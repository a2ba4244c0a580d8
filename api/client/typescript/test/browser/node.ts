import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./site.js";

const SECRET = "a secret of the browser tests, of no use elsewhere";

/** A user as the node shows him. */
export interface Shown {
  status: string;
  since: string;
  seq: number;
}

/** A real rollcall node on a free port of the loopback interface, with a store of its own. */
export class RollcallNode {
  private constructor(
    private readonly process: ChildProcess,
    private readonly dir: string,
    readonly url: string,
  ) {}

  /**
   * Builds the node out of the repository unless ROLLCALL names a binary; throws where that cannot be done. Flags go
   * before those of these tests.
   */
  static async start(origin: string, flags: Record<string, string> = {}): Promise<RollcallNode> {
    const dir = await mkdtemp(join(tmpdir(), "rollcall-node-"));
    try {
      return await RollcallNode.startIn(dir, origin, flags);
    } catch (error) {
      await rm(dir, { recursive: true, force: true });
      throw error;
    }
  }

  private static async startIn(
    dir: string,
    origin: string,
    more: Record<string, string>,
  ): Promise<RollcallNode> {
    const binary = process.env.ROLLCALL ?? join(dir, "rollcall");
    if (!process.env.ROLLCALL) {
      const args = ["build", "-o", binary, "../../../cmd/rollcall"];
      execFileSync("go", args, { stdio: ["ignore", "ignore", "pipe"] });
    }
    const settings = {
      addr: "127.0.0.1:0",
      "addr-file": join(dir, "addr"),
      "data-dir": join(dir, "data"),
      "jwt-secret": SECRET,
      timeout: "20s",
      heartbeat: "5s",
      "leave-grace": "15s",
      "cors-origin": origin,
      ...more,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    // The node takes every ROLLCALL_ for a flag, and some are meant for the tests.
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith("ROLLCALL_"));
    const env = Object.fromEntries(own);
    const child = spawn(binary, ["serve", ...flags], { stdio: "ignore", env });
    const address = await until("the node's address", 20_000, async () => {
      if (child.exitCode !== null) throw new Error(`the node ended with ${child.exitCode}`);
      return readFile(settings["addr-file"], "utf8").catch(() => "");
    }).catch((error) => {
      child.kill("SIGKILL");
      throw error;
    });
    return new RollcallNode(child, dir, `http://${address.trim()}`);
  }

  /** A token of the user, good for an hour. */
  token(sub: string, claims: object = {}): string {
    const exp = Math.floor(Date.now() / 1000) + 3600;
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub, exp, ...claims })}`;
    return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
  }

  /** How the user stands; undefined for one that the node has never heard of. */
  async user(name: string): Promise<Shown | undefined> {
    const authorization = `Bearer ${this.token("root", { role: "admin" })}`;
    const answer = await fetch(`${this.url}/v1/users/${name}`, { headers: { authorization } });
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Error(`the node answered ${answer.status}`);
    return (await answer.json()) as Shown;
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.process.once("exit", resolve));
    if (this.process.exitCode === null && this.process.kill("SIGTERM")) await gone;
    await rm(this.dir, { recursive: true, force: true });
  }
}
