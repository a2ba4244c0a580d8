/** Asks the application for a token; null: nobody is signed in. With forceRefresh, one that is newer than the last. */
export type GetToken = (how: { forceRefresh: boolean }) => string | null | Promise<string | null>;

/** The bearer token of the user who is signed in: set by the application, or asked of it before each use. */
export class TokenSource {
  /** The token last known, for moments that cannot wait, such as a closing page. */
  current: string | null;
  #signedOut = false;
  #sets = 0;
  #renewing: Promise<string | null> | undefined;
  readonly #listeners = new Set<(before: string | null) => void>();

  readonly #ask: GetToken | undefined;

  constructor(ask: GetToken | undefined, token: string | null = null) {
    this.#ask = ask;
    this.current = token;
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
  set(token: string | null): void {
    this.#sets++;
    this.#signedOut = !token;
    this.#change(token || null);
  }

  /** Calls heard with the token before, whenever there is another; the result ends it. */
  subscribe(heard: (before: string | null) => void): () => void {
    this.#listeners.add(heard);
    return () => this.#listeners.delete(heard);
  }

  async #asked(forceRefresh: boolean): Promise<string | null> {
    const sets = this.#sets;
    const token = await this.#ask?.({ forceRefresh });
    return sets === this.#sets ? token || null : this.current; // what was set meanwhile is newer
  }

  #change(token: string | null): void {
    const before = this.current;
    if (token === before) return;
    this.current = token;
    for (const heard of [...this.#listeners]) heard(before);
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
