/**
 * Whether what an answer refuses may be accepted if it is asked again. A page with 200 is not the server's: it comes from
 * the login page of a network, or from a host of files. 408 and 425 ask for another try.
 */
export const passing = (status: number): boolean =>
  status < 400 || status >= 500 || [408, 425, 429].includes(status);

/** An answer that was not what was hoped for. */
export const answerError = (status: number, url: string): Error =>
  Object.assign(new Error(`the server answered ${status} to ${url}`), {
    name: "AnswerError",
    status,
  });

export const asError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown));
