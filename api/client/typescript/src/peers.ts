import type { Browser } from "./browser.js";
import type { PresenceStatus } from "./state.js";

/** What the tabs of one user tell each other. Times are milliseconds since 1970. */
export type Message =
  /** A tab that does not lead says that it is there, whether it is visible, and when it last saw activity. */
  | { type: "here"; from: string; visible: boolean; active: number }
  /** The tab that leads says how things stand. */
  | {
      type: "state";
      visible: boolean;
      active: number;
      status: PresenceStatus;
      error: string | null;
      lastBeatAt: number | null;
    }
  /** A hidden tab that leads lets a visible one take over. */
  | { type: "yield"; to: string; due: number }
  /** A tab that led is closing. */
  | { type: "left" }
  /** The user has signed out in one tab: nobody beats any more. */
  | { type: "logout" };

/** The line between the tabs of one user. Where there is none, what is said is lost, which costs only comfort. */
export class Peers {
  /** Names this tab to the others. */
  readonly id: string;
  private channel: BroadcastChannel | undefined;

  constructor(
    private readonly browser: Browser,
    private readonly heard: (message: Message) => void,
  ) {
    this.id = browser.random().toString(36).slice(2);
  }

  open(name: string): void {
    this.close();
    this.channel = this.browser.channel?.(name);
    if (this.channel) this.channel.onmessage = (event) => this.heard(event.data);
  }

  close(): void {
    this.channel?.close();
    this.channel = undefined;
  }

  say(message: Message): void {
    this.channel?.postMessage(message);
  }
}
