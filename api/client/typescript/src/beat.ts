import { AnswerError, asError, type Meaning, meaning } from "./answer.js";
import { retryAfter } from "./backoff.js";
import type { Browser } from "./browser.js";

/** What has come of a call. */
export interface Outcome {
  meaning: Meaning;
  error: Error | null;
  /** Milliseconds; 0 or nothing: not said. */
  retryAfter?: number;
  heartbeat?: number;
  timeout?: number;
}

/** Posts a body of JSON, and never rejects: no answer means `later`. */
export async function post(
  browser: Browser,
  url: string,
  token: string,
  body: object,
  how: RequestInit,
): Promise<Outcome> {
  try {
    const { status, headers } = await browser.fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      ...how,
    });
    const means = meaning(status);
    const seconds = (name: string) => (Number(headers.get(`rollcall-${name}`)) || 0) * 1000;
    return {
      meaning: means,
      error: means === "accepted" ? null : new AnswerError(status),
      retryAfter: retryAfter(headers.get("retry-after"), browser.now()),
      heartbeat: seconds("heartbeat"),
      timeout: seconds("timeout"),
    };
  } catch (thrown) {
    return { meaning: "later", error: asError(thrown) };
  }
}
