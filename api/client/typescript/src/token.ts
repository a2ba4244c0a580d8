import { type Browser, browser } from "./browser.js";
import { Store } from "./state.js";

type Token = string | null | undefined;

/** Asks the application for a token; null: nobody is signed in. With forceRefresh, one that is newer than the last. */
export type GetToken = (how: { forceRefresh: boolean }) => Token | Promise<Token>;

/** An application that has not answered by then has failed. */
const PATIENCE = 30_000;

/** The bearer token of the user who is signed in: set by the application, or asked of it before each use. */
export class TokenSource extends Store<string | null> {
  #signedOut = false;
  #sets = 0;
  #renewing: Promise<string | null> | undefined;

  readonly #ask: GetToken | undefined;
  readonly #browser: Pick<Browser, "deadline">;

  constructor(
    ask: GetToken | undefined,
    token: string | null = null,
    by: Pick<Browser, "deadline"> = browser(),
  ) {
    super(token);
    this.#ask = ask;
    this.#browser = by;
  }

  /** The token last known, for moments that cannot wait, such as a closing page. */
  get current(): string | null {
    return this.value;
  }

  /** Asks the application, if it is to be asked; the token is then in current. Rejects as the application's getToken does. */
  async refresh(): Promise<void> {
    if (this.#ask && !this.#signedOut) this.#change(await this.#asked(false));
  }

  /** A token in place of one that was refused, or null where there is no better one. Several who ask at once share one call. */
  async renew(refused: string): Promise<string | null> {
    if (this.current !== refused) return this.current;
    if (!this.#ask) return null;
    this.#renewing ??= this.#asked(true).finally(() => {
      this.#renewing = undefined;
    });
    this.#change(await this.#renewing);
    return this.current === refused ? null : this.current;
  }

  /** The user has signed in, has another token, or (null) has signed out. */
  override set(token: string | null): void {
    this.#sets++;
    this.#signedOut = !token;
    this.#change(token || null);
  }

  async #asked(forceRefresh: boolean): Promise<string | null> {
    const sets = this.#sets;
    const late = this.#browser.deadline(PATIENCE);
    const token = await Promise.race([
      this.#ask?.({ forceRefresh }),
      new Promise<never>((_, reject) => {
        late.onabort = () => reject(new Error("getToken does not answer"));
      }),
    ]);
    return sets === this.#sets ? token || null : this.current; // what was set meanwhile is newer
  }

  #change(token: string | null): void {
    if (token !== this.current) super.set(token);
  }
}

/**
 * Whose token it is, so that tabs of one user find each other: its `sub`, else its `user_id`; "" where it cannot be read.
 * Nothing is verified here: the server does that.
 */
export function subject(token: string | null): string {
  try {
    const part = token?.split(".")[1] ?? "";
    const claims = JSON.parse(atob(part.replace(/-/g, "+").replace(/_/g, "/")));
    return String(claims.sub ?? claims.user_id ?? "");
  } catch {
    return "";
  }
}
