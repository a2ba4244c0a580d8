import type { Browser } from "./browser.js";
import type { GetToken, TokenSource } from "./token.js";

export interface PresenceOptions {
  /** Where the service is, up to but without `/v1`. Default: the page's own origin. */
  url?: string;
  /** Asked before each heartbeat, and with forceRefresh once after a 401. */
  getToken?: GetToken;
  /** The token, for applications without getToken; see also setToken. */
  token?: string | null;
  /** The session's id. Default: one per browser, made up and kept in localStorage. */
  session?: string;
  /** Milliseconds between heartbeats, at most 360,000. Default: what the server says (30 s until it does). */
  interval?: number;
  /** Milliseconds without input in a visible tab after which the user is away; 0: never. Default: five minutes. */
  idleAfter?: number;
  /** Parts of the browser to replace, for tests. */
  browser?: Partial<Browser>;
  /** A source of tokens shared with a PresenceFeed, in place of token and getToken. */
  tokens?: TokenSource;
}

/** Where the calls are. */
export const base = (url = ""): string => `${url.replace(/\/$/, "")}/v1/`;
