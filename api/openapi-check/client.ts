// A program on the client that openapi-typescript makes, as strict as tsc can be.
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const env = (name: string): string => process.env[name] ?? "";
declare const process: { env: Record<string, string | undefined> };

// JSON is what each answer comes as: CSV and lines are asked for by their own types.
const as = (token: string) =>
  createClient<paths, "application/json" | "application/problem+json">({
    baseUrl: env("ROLLCALL_URL"),
    headers: { Authorization: `Bearer ${token}` },
  });
const alice = as(env("USER_TOKEN"));
const root = as(env("ADMIN_TOKEN"));

function is<T>(got: T, want: T, what: string): void {
  if (got !== want) throw new Error(`${what}: got ${String(got)}, want ${String(want)}`);
}

const login = await alice.POST("/v1/login", { body: { session: "web-1", device: "Firefox" } });
const seq: number = login.data?.seq ?? 0;
is(login.data?.user, "alice", "login");
is((await alice.POST("/v1/heartbeat", { body: { session: "web-1", every: 30 } })).response.status, 204, "heartbeat");
is((await root.GET("/v1/users/{user}", { params: { path: { user: "alice" }, query: { min_seq: seq } } })).data?.status, "online", "status");

const query = await root.POST("/v1/users/query", { body: { users: ["alice", "nobody"] } });
is(query.data?.users.map((u) => `${u.user} ${u.status}`).join(), "alice online,nobody unknown", "query");

const history = await root.GET("/v1/users/{user}/history", { params: { path: { user: "alice" } } });
is(history.data?.intervals[0]?.status, "online", "history");
const csv = await as(env("ADMIN_TOKEN")).GET("/v1/users/{user}/history", {
  params: { path: { user: "alice" } },
  headers: { Accept: "text/csv" },
  parseAs: "text",
});
is(String(csv.data).split("\n")[0]?.startsWith("status,"), true, "CSV");

const audit = await root.GET("/v1/events", { params: { query: { user: "alice", type: ["login"] } } });
is(audit.data?.events[0]?.session, "web-1", "audit");

const set = await root.PUT("/v1/users/{user}/override", { params: { path: { user: "alice" } }, body: { status: "busy", for: "30m" } });
is(set.data?.override?.by, "root", "override");
is((await root.DELETE("/v1/users/{user}/override", { params: { path: { user: "alice" } } })).data?.status, "online", "cleared");
is((await root.DELETE("/v1/users/{user}/override", { params: { path: { user: "alice" } } })).error?.code, "no_override", "problem");
