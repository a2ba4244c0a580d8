import { describe, expect, it } from "vitest";
import { EventParser } from "../src/sse.js";

const STREAM =
  '\uFEFF: hello\r\nid: 7\nevent: snapshot\ndata: {"users":\ndata:["Zoë"]}\r\n\r\rretry: 10\nignored\nevent:status\rdata\nid:8\r\n\n: \n';

const EXPECTED = [
  { event: "comment", data: "hello", id: "" },
  { event: "snapshot", data: '{"users":\n["Zoë"]}', id: "7" },
  { event: "status", data: "", id: "8" },
  { event: "comment", data: "", id: "" },
];

describe("a stream of events", () => {
  it("is read as a whole", () => {
    expect(new EventParser().push(STREAM)).toEqual(EXPECTED);
  });

  it("is read the same wherever it is cut", () => {
    for (let i = 0; i <= STREAM.length; i++) {
      const parser = new EventParser();
      const events = [STREAM.slice(0, i), "", STREAM.slice(i)].flatMap((p) => parser.push(p));
      expect(events, `cut at ${i}`).toEqual(EXPECTED);
    }
    const parser = new EventParser();
    expect([...STREAM].flatMap((c) => parser.push(c))).toEqual(EXPECTED);
  });

  it.each([
    ["an event without a type is a message", "data: x\n\n", [["message", "x", ""]]],
    ["an event without data counts if it has a type", "event: reset\n\n", [["reset", "", ""]]],
    ["an empty one does not", "\n\nid: 1\n\n", []],
    ["only the first space goes", "data:  x \n\n", [["message", " x ", ""]]],
    ["a value may have colons", "data: a:b\n\n", [["message", "a:b", ""]]],
    [
      "an id is its message's alone",
      "id: 1\ndata: a\n\ndata: b\n\n",
      [
        ["message", "a", "1"],
        ["message", "b", ""],
      ],
    ],
    ["an id with a NUL is none", "id: 1\0\ndata: a\n\n", [["message", "a", ""]]],
    ["what is not complete is kept back", "data: a\n", []],
  ])("%s", (_, text, expected) => {
    const got = new EventParser().push(text).map((e) => [e.event, e.data, e.id]);
    expect(got).toEqual(expected);
  });
});
