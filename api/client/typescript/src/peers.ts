import type { Browser } from "./browser.js";
import type { PresenceStatus } from "./state.js";

/**
 * What the tabs of one user tell each other. Times are milliseconds since 1970.
 *
 * - `here`: a tab that does not lead says that it is there
 * - `state`: the tab that leads says how things stand
 * - `left`: a tab that led is closing
 * - `logout`: the user has signed out in one tab, and nobody beats any more
 */
export type Message = Saying & {
  /** The tab that says it. */
  from: string;
  visible: boolean;
  /** When that tab last saw activity. */
  active: number;
};

export type Saying = { type: "here" | "left" | "logout" } | LeaderState;

export interface LeaderState {
  type: "state";
  status: PresenceStatus;
  error: string | undefined;
  lastBeatAt: number | null;
  /** When the next heartbeat is due. */
  due: number;
  /** The tab that is to take over; "": none. */
  to: string;
}

/** The line between the tabs of one user. Where there is none, what is said is lost, which costs only comfort. */
export class Peers {
  /** Names this tab to the others. */
  readonly id: string;
  #channel: BroadcastChannel | undefined;

  readonly #browser: Browser;
  readonly #heard: (message: Message) => void;

  constructor(browser: Browser, heard: (message: Message) => void) {
    this.#browser = browser;
    this.#heard = heard;
    this.id = `${browser.random()}`;
  }

  open(name: string): void {
    this.close();
    try {
      this.#channel = this.#browser.channel?.(name);
    } catch {} // there are none; or Firefox, where cookies are blocked
    if (this.#channel) this.#channel.onmessage = (event) => this.#heard(event.data);
  }

  close(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** Says whether there is anything that carries the message. */
  say(message: Message): boolean {
    this.#channel?.postMessage(message);
    return !!this.#channel;
  }
}
