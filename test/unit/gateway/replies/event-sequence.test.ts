// One start, one end, no delta outside a block: whatever an upstream says, in whatever order.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ChatEvent, TokenUsage, UpstreamEvent } from "../../../../src/contract/events.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { jsonText } from "../../../../src/contract/json.ts";
import { EventSequence } from "../../../../src/gateway/replies/event-sequence.ts";

const usage: TokenUsage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };
const text = (value: string): UpstreamEvent => ({ type: "text-delta", text: jsonText(value) });
const thought = (value: string): UpstreamEvent => ({ type: "reasoning-delta", text: jsonText(value) });
const call = (callId: string): UpstreamEvent => ({ type: "tool-call-start", callId, toolName: `tool-${callId}` });
const args = (callId: string, argumentsText: string): UpstreamEvent => ({
  type: "tool-call-delta",
  callId,
  argumentsText,
});

function run(events: readonly UpstreamEvent[], finish: (sequence: EventSequence) => void = end): ChatEvent[] {
  const heard: ChatEvent[] = [];
  const sequence = new EventSequence((event) => void heard.push(event));
  for (const event of events) sequence.accept(event);
  finish(sequence);
  return heard;
}

function end(sequence: EventSequence): void {
  sequence.end("stop", usage);
}

function brief(events: readonly ChatEvent[]): string[] {
  return events.map((event) => {
    switch (event.type) {
      case "block-start":
        return `${event.index}:${event.block}${event.block === "tool-call" ? ` ${event.callId}` : ""}`;
      case "text-delta":
      case "reasoning-delta":
        return event.text.text;
      case "tool-call-delta":
        return event.argumentsText;
      case "block-end":
        return `/${event.index}`;
      case "reply-end":
        return event.finishReason;
      default:
        return event.type;
    }
  });
}

describe("EventSequence", () => {
  test("opens and closes a block for each kind of text", () => {
    expect(brief(run([thought("hm"), text("a"), text("b")]))).toEqual([
      "reply-start",
      "0:reasoning",
      "hm",
      "/0",
      "1:text",
      "a",
      "b",
      "/1",
      "stop",
    ]);
  });

  test("starts and ends an empty reply", () => {
    expect(brief(run([]))).toEqual(["reply-start", "stop"]);
  });

  test("says that calls ended the reply even when the upstream said stop", () => {
    expect(brief(run([call("x"), args("x", "{}")]))).toEqual([
      "reply-start",
      "0:tool-call x",
      "{}",
      "/0",
      "tool_calls",
    ]);
  });

  test("tells interleaved calls one after the other", () => {
    const events = [call("x"), args("x", '{"a":'), call("y"), args("y", '{"b":2}'), args("x", "1}")];
    expect(brief(run(events))).toEqual([
      "reply-start",
      "0:tool-call x",
      '{"a":',
      "1}",
      "/0",
      "1:tool-call y",
      '{"b":2}',
      "/1",
      "tool_calls",
    ]);
  });

  test("does not hold a call back whose predecessor is whole", () => {
    const heard: ChatEvent[] = [];
    const sequence = new EventSequence((event) => void heard.push(event));
    for (const event of [call("x"), args("x", "{}"), call("y")]) sequence.accept(event);
    expect(brief(heard)).toEqual(["reply-start", "0:tool-call x", "{}", "/0", "1:tool-call y"]);
  });

  test("tells text that comes between the arguments of a call behind them", () => {
    const events = [
      call("x"),
      args("x", '{"a":'),
      text("one "),
      text("two"),
      thought("hm"),
      args("x", "1}"),
      text("three"),
    ];
    const blocks = ["1:text", "one two", "/1", "2:reasoning", "hm", "/2", "3:text", "three", "/3"];
    expect(brief(run(events))).toEqual(["reply-start", "0:tool-call x", '{"a":', "1}", "/0", ...blocks, "tool_calls"]);
  });

  test("tells text and calls that waited in their order, as soon as the calls are whole", () => {
    const heard: ChatEvent[] = [];
    const sequence = new EventSequence((event) => void heard.push(event));
    for (const event of [call("x"), text("one"), args("x", "{}"), call("y")]) sequence.accept(event);
    expect(brief(heard).slice(3)).toEqual(["/0", "1:text", "one", "/1", "2:tool-call y"]);
  });

  test("holds no text back for ever behind a call that is never whole", () => {
    const heard: ChatEvent[] = [];
    const sequence = new EventSequence((event) => void heard.push(event));
    sequence.accept(call("x"));
    sequence.accept(text("a".repeat(262_144)));
    expect(brief(heard)).toEqual(["reply-start", "0:tool-call x"]);
    sequence.accept(text("b"));
    expect(brief(heard).slice(2)).toEqual(["/0", "1:text", "a".repeat(262_144), "b"]);
  });

  test("ends at arguments of more than 32 MiB, which clients and servers would have to hold", () => {
    const piece = args("a", " ".repeat(8 * 1024 * 1024));
    expect(run([call("a"), piece, piece, piece, piece]).at(-1)?.type).toBe("reply-end");
    expect(() => run([call("a"), piece, piece, piece, piece, args("a", "1")])).toThrow("longer than 32 MiB");
  });

  test("ends at calls that wait for one which never ends, by their arguments and by their number", () => {
    const piece = args("b", " ".repeat(8 * 1024 * 1024));
    expect(() => run([call("a"), args("a", "{"), call("b"), piece, piece, piece, piece])).toThrow("longer than 32 MiB");
    const calls = Array.from({ length: 10_000 }, (_, index) => call(`call-${index}`));
    expect(() => run([call("a"), args("a", "{"), ...calls])).toThrow("longer than 32 MiB");
  });

  test("ends at pages without end, which have to be held for the text that names them", () => {
    const pages = Array.from({ length: 10_000 }, (_, index): UpstreamEvent => {
      return { type: "source", source: { url: `https://example.com/${index}`, title: "A page", snippet: undefined } };
    });
    expect(run(pages.slice(0, 1000)).filter(({ type }) => type === "source")).toHaveLength(1000);
    expect(() => run(pages)).toThrow("longer than 32 MiB");
  });

  test("loses nothing, in whatever order the pieces of calls and texts come", () => {
    const parts = { x: ['{"a":', '"b', '"}'], y: ["{", "}"], text: ["one ", "two ", "three"], thought: ["hm ", "ha"] };
    const kinds = Object.entries(parts).flatMap(([kind, pieces]) => pieces.map(() => kind));
    const orders = fc.shuffledSubarray(kinds, { minLength: kinds.length, maxLength: kinds.length });
    fc.assert(
      fc.property(orders, (order) => {
        const left = new Map(Object.entries(parts).map(([kind, pieces]) => [kind, [...pieces]]));
        const said = order.map((kind) => {
          const piece = left.get(kind)?.shift() ?? "";
          if (kind === "text") return text(piece);
          return kind === "thought" ? thought(piece) : args(kind, piece);
        });
        const starts = ["x", "y"].map((id) => [order.indexOf(id), call(id)] as const);
        const events = said.flatMap((event, at) => [
          ...starts.filter(([first]) => first === at).map((start) => start[1]),
          event,
        ]);
        const heard = { x: "", y: "", text: "", thought: "" };
        let open: "x" | "y" = "x";
        for (const event of run(events)) {
          if (event.type === "block-start" && event.block === "tool-call") open = event.callId === "x" ? "x" : "y";
          if (event.type === "tool-call-delta") heard[open] += event.argumentsText;
          if (event.type === "text-delta") heard.text += event.text.text;
          if (event.type === "reasoning-delta") heard.thought += event.text.text;
        }
        expect(heard).toEqual({ x: '{"a":"b"}', y: "{}", text: "one two three", thought: "hm ha" });
      }),
    );
  });

  test("settles: what waits is told before the ending, which may take a while", () => {
    const heard: ChatEvent[] = [];
    const sequence = new EventSequence((event) => void heard.push(event));
    for (const event of [call("x"), call("y"), args("y", '{"b":2}')]) sequence.accept(event);
    sequence.settle();
    expect(brief(heard)).toEqual(["reply-start", "0:tool-call x", "/0", "1:tool-call y", '{"b":2}', "/1"]);
    sequence.end("stop", usage);
    expect(brief(heard).slice(6)).toEqual(["tool_calls"]);
  });

  test("has one ending only, whatever comes after it", () => {
    const heard = run([text("a")], (sequence) => {
      sequence.fail(new GatewayError("upstream-failed", "broke"));
      sequence.end("stop", usage);
      sequence.fail(new GatewayError("internal", "again"));
      sequence.accept(text("late"));
    });
    expect(brief(heard)).toEqual(["reply-start", "0:text", "a", "reply-error"]);
  });

  test("keeps its promise for every order of events", () => {
    const anyEvent = fc.oneof(
      fc.string({ minLength: 1 }).map(text),
      fc.string({ minLength: 1 }).map(thought),
      fc.constantFrom("x", "y", "z").map(call),
      fc.tuple(fc.constantFrom("x", "y", "z"), fc.constantFrom("{", "}", '"a":1')).map(([id, json]) => args(id, json)),
    );
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        let open = -1;
        let last = -1;
        const heard = run(events);
        for (const [position, event] of heard.entries()) {
          if (event.type === "reply-start") expect(position).toBe(0);
          if (event.type === "reply-end") expect(position).toBe(heard.length - 1);
          if (event.type === "block-start") {
            expect(open).toBe(-1);
            expect(event.index).toBe(last + 1);
            open = last = event.index;
          }
          if (event.type === "text-delta" || event.type === "reasoning-delta" || event.type === "tool-call-delta") {
            expect(event.index).toBe(open);
          }
          if (event.type === "block-end") {
            expect(event.index).toBe(open);
            open = -1;
          }
        }
        expect(open).toBe(-1);
      }),
    );
  });
});
