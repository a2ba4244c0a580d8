import type { Browser } from "./browser.js";
import type { PresenceStatus } from "./state.js";

/** What the tabs of one user tell each other. Times are milliseconds since 1970. */
export type Message =
  /** A tab that does not lead says that it is there, whether it is visible, and when it last saw activity. */
  | { type: "here"; from: string; visible: boolean; active: number }
  | LeaderState
  /** A tab that led is closing. */
  | { type: "left" }
  /** The user has signed out in one tab: nobody beats any more. */
  | { type: "logout" };

/** The tab that leads says how things stand. */
export interface LeaderState {
  type: "state";
  visible: boolean;
  active: number;
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
    this.id = browser.random().toString(36).slice(2);
  }

  open(name: string): void {
    this.close();
    try {
      this.#channel = this.#browser.channel?.(name);
    } catch {} // Firefox, where cookies are blocked
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
