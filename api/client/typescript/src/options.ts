import type { Browser } from "./browser.js";
import type { GetToken, TokenSource } from "./token.js";

export interface PresenceOptions {
  /** Where the service is, up to but without `/v1`. Default: the page's own origin. */
  url?: string | undefined;
  /** Asked before each heartbeat, and with forceRefresh once after a 401. It fails if it takes longer than 30 s. */
  getToken?: GetToken | undefined;
  /** The token, for applications without getToken; see also setToken. */
  token?: string | null | undefined;
  /** The session's id. Default: one per browser, made up and kept in localStorage. */
  session?: string | undefined;
  /** Milliseconds between heartbeats, 1,000 to 360,000. Default, or 0: what the server says (30 s until it does). */
  interval?: number | undefined;
  /** Milliseconds without input in a visible tab after which the user is away, from 1,000; 0: never. Default: five minutes. */
  idleAfter?: number | undefined;
  /** Parts of the browser to replace, for tests. */
  browser?: Partial<Browser> | undefined;
  /** A source of tokens shared with a PresenceFeed, in place of token and getToken. */
  tokens?: TokenSource | undefined;
}

/** An option in milliseconds. Throws where somebody seems to have meant seconds. */
export function milliseconds(
  options: PresenceOptions,
  name: "interval" | "idleAfter",
  otherwise: number,
): number {
  const ms = options[name] ?? otherwise;
  if (ms !== 0 && !(ms >= 1000)) throw new RangeError(`${name} is in milliseconds: ${ms}`);
  return ms;
}

/** Where the calls are. */
export const base = (url = ""): string => `${url.replace(/\/$/, "")}/v1/`;
