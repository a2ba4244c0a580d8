import { answerError, asError, passing } from "./answer.js";
import { Backoff, retryAfter } from "./backoff.js";
import { type Browser, browser, listen, together } from "./browser.js";
import { base, type PresenceOptions } from "./options.js";
import { Pause } from "./pause.js";
import type { StatusChange, UserPresence } from "./presence.js";
import { EventParser, type ServerSentEvent } from "./sse.js";
import { TokenSource } from "./token.js";

/** The server sends a comment every 15 s: a stream that is silent for three of them is dead. */
const SILENCE = 45_000;
/** A page that is hidden for this long gives its connection back, of which a browser has six a host over HTTP/1.1. */
const HIDDEN = 30_000;
/** Why a connection is given back, which is no error. */
const PARKED = new Error("the page rests");
/** A stream that lasted this long was a good one. */
const GOOD = 10_000;

export interface StreamEvents {
  /**
   * Users as they are now. fresh: what was known before no longer counts; else it adds to the message before. complete:
   * it is the last message of this snapshot.
   */
  snapshot(users: UserPresence[], fresh: boolean, complete: boolean): void;
  status(change: StatusChange): void;
  /** Whether the stream is up; error: why it is not. */
  connected(up: boolean, error: Error | null): void;
}

export interface StreamOptions extends PresenceOptions {
  /** Whom to watch; default: everybody. */
  users?: string[] | undefined;
}

/**
 * The live stream, kept up until it is stopped. It goes on where it broke off, by the last sequence that it has seen.
 *
 * EventSource cannot send a bearer token, so this reads the stream from a fetch.
 */
export class PresenceStream {
  readonly #browser: Browser;
  readonly #tokens: TokenSource;
  readonly #url: string;
  readonly #pause: Pause;
  readonly #backoff: Backoff;
  #end: (() => void) | undefined;
  #connection: AbortController | undefined;
  #parked = false; // hidden for long, or in the back/forward cache
  #lastId = "";
  #fresh = true;
  #notBefore = 0; // the server asked for silence until then

  readonly #events: StreamEvents;

  constructor(options: StreamOptions, events: StreamEvents) {
    this.#events = events;
    this.#browser = browser(options.browser);
    this.#tokens =
      options.tokens ?? new TokenSource(options.getToken, options.token, this.#browser);
    // One parameter an id: an id may hold a comma.
    const users = options.users?.map((id) => `users=${encodeURIComponent(id)}`).join("&");
    this.#url = `${base(options.url)}stream${users ? `?${users}` : ""}`;
    this.#pause = new Pause(this.#browser);
    this.#backoff = new Backoff(this.#browser);
  }

  start(): void {
    if (this.#end) return;
    let hidden: (() => void) | undefined;
    const shown = () => {
      hidden?.();
      if (this.#browser.document?.hidden) {
        hidden = this.#browser.after(HIDDEN, () => this.#park());
      } else this.#unpark();
    };
    this.#end = together(
      this.#tokens.subscribe(() => this.#pause.wake()),
      listen(this.#browser.window, ["online"], () => this.#pause.wake()),
      listen(this.#browser.window, ["pagehide"], () => this.#park()),
      listen(this.#browser.window, ["pageshow"], () => this.#unpark()),
      listen(this.#browser.document, ["visibilitychange"], shown),
      () => hidden?.(),
    );
    this.#parked = false;
    shown();
    void this.#run(this.#end);
  }

  stop(): void {
    this.#end?.();
    this.#end = undefined;
    this.#park();
    this.#pause.wake();
  }

  #park(): void {
    this.#parked = true;
    this.#connection?.abort(PARKED);
  }

  #unpark(): void {
    this.#parked = false;
    this.#pause.wake();
  }

  async #run(life: () => void): Promise<void> {
    while (this.#end === life) {
      const [wait, error] = await this.#connect();
      if (this.#end !== life) return;
      this.#events.connected(false, error);
      await this.#rest(wait, life);
    }
  }

  /** Waits so long, less if something happens; but in any case until the page is back and the server allows it. */
  async #rest(ms: number, life: () => void): Promise<void> {
    let wait = ms;
    do {
      const asked = this.#notBefore - this.#browser.now();
      await this.#pause.for(this.#parked ? Infinity : Math.max(wait, asked));
      wait = 0;
    } while (this.#end === life && (this.#parked || this.#browser.now() < this.#notBefore));
  }

  /** Connects once and reads to the end. Returns how long to wait, and the error if there was one. Never rejects. */
  async #connect(): Promise<[number, Error | null]> {
    const began = this.#browser.now();
    const connection = new AbortController();
    this.#connection = connection;
    try {
      const answer = await this.#open(connection);
      if (!answer) return [connection.signal.aborted ? 0 : Infinity, null];
      const type = answer.headers.get("content-type") ?? "";
      if (!answer.ok || !answer.body || !type.includes("event-stream"))
        return this.#refused(answer);
      this.#events.connected(true, null);
      await this.#read(answer.body, connection);
    } catch (thrown) {
      if (connection.signal.reason === PARKED) return [0, null];
      const good = this.#browser.now() - began >= GOOD;
      if (good) this.#backoff.succeeded();
      return [this.#backoff.failed(), asError(thrown)];
    } finally {
      connection.abort(); // also where what came could not be read
    }
    // Streams end with their tokens, and with their servers: all at once, so not all come back at once.
    if (this.#browser.now() - began < GOOD) return [this.#backoff.failed(), null];
    this.#backoff.succeeded();
    return [1000 * this.#browser.random(), null];
  }

  /** Asks for the stream, with another token if the first is refused; undefined: nobody is signed in. */
  async #open(connection: AbortController): Promise<Response | undefined> {
    await this.#tokens.refresh();
    let token = this.#tokens.current;
    if (!token || connection.signal.aborted) return;
    const answer = await this.#ask(token, connection);
    if (answer.status !== 401) return answer;
    token = await this.#tokens.renew(token);
    return token ? this.#ask(token, connection) : answer;
  }

  #ask(token: string, { signal }: AbortController): Promise<Response> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${token}`,
      accept: "text/event-stream",
    };
    this.#fresh = !this.#lastId;
    if (this.#lastId) headers["last-event-id"] = this.#lastId;
    return this.#browser.fetch(this.#url, { headers, signal, cache: "no-store" });
  }

  #refused(answer: Response): [number, Error] {
    const asked = retryAfter(answer.headers.get("retry-after"), this.#browser.now());
    // Without a body there is nothing that can be read: a browser that cannot stream.
    const hopeless = !passing(answer.status) || (answer.ok && !answer.body);
    const wait = hopeless ? Infinity : this.#backoff.failed(asked);
    if (asked && wait < Infinity) this.#notBefore = this.#browser.now() + wait;
    return [wait, answerError(answer.status, this.#url)];
  }

  async #read(body: ReadableStream<Uint8Array>, connection: AbortController): Promise<void> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const parser = new EventParser();
    for (;;) {
      const silent = this.#browser.after(SILENCE, () =>
        connection.abort(new Error("the stream fell silent")),
      );
      const piece = await reader.read().finally(silent);
      if (piece.done || connection.signal.aborted) return;
      for (const event of parser.push(decoder.decode(piece.value, { stream: true }))) {
        this.#take(event);
      }
    }
  }

  #take({ event, data, id }: ServerSentEvent): void {
    if (event === "snapshot") {
      this.#events.snapshot(JSON.parse(data).users, this.#fresh, id !== "");
      this.#fresh = false;
    } else if (event === "status") {
      this.#events.status(JSON.parse(data));
    } else if (event === "reset") {
      this.#lastId = "";
      this.#fresh = true;
    }
    // Of several messages that belong together, such as a long snapshot, only the last one has an id.
    if (id) this.#lastId = id;
  }
}
