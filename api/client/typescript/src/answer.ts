/**
 * What an answer of the server means: `accepted`; `later`: try again; `unauthorized`: with another token; `refused`: the
 * same again would be refused again.
 */
export type Meaning = "accepted" | "later" | "unauthorized" | "refused";

export function meaning(status: number): Meaning {
  if (status < 300) return "accepted";
  if (status === 401) return "unauthorized";
  // 408 and 425 ask for another try; redirects are followed before they get here.
  return status >= 500 || [408, 425, 429].includes(status) ? "later" : "refused";
}

/** An answer that was not what was hoped for. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";

  constructor(readonly status: number) {
    super(`the server answered ${status}`);
  }
}

export const asError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown));
