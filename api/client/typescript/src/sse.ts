/** One message of a stream of Server-Sent Events. */
export interface ServerSentEvent {
  /** Its type; `message` where it has none, and `comment` for a comment, which EventSource would keep to itself. */
  event: string;
  data: string;
  /** The id that the message itself has; "": none. EventSource would give the last one there was. */
  id: string;
}

/**
 * Reads Server-Sent Events (HTML standard, 9.2.6) from text that comes in pieces of any size. Pure: push returns the
 * messages that the piece completes. It differs from EventSource in that a message without data counts if it has a type.
 */
export class EventParser {
  #rest = ""; // a line that is not complete
  #afterCR = false; // the piece before ended in CR: an LF at once belongs to it
  #first = true;
  #event = "";
  #data: string[] = [];
  #id = "";
  readonly #out: ServerSentEvent[] = [];

  push(piece: string): ServerSentEvent[] {
    let text = piece;
    if (this.#first && text) {
      this.#first = false;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    if (this.#afterCR && text.startsWith("\n")) text = text.slice(1);
    if (piece) this.#afterCR = piece.endsWith("\r");
    const lines = text.split(/\r\n|\r|\n/);
    lines[0] = this.#rest + lines[0];
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
    return this.#out.splice(0);
  }

  #line(line: string): void {
    if (!line) {
      this.#complete();
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) {
      this.#out.push({ event: "comment", data: line.slice(1).trim(), id: "" });
      return;
    }
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#event = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id" && !value.includes("\0")) this.#id = value;
  }

  #complete(): void {
    if (this.#event || this.#data.length) {
      const data = this.#data.join("\n");
      this.#out.push({ event: this.#event || "message", data, id: this.#id });
    }
    this.#event = this.#id = "";
    this.#data = [];
  }
}
