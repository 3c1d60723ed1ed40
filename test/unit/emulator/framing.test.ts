// The stream byte for byte: framing and key order as in the fixtures, phases by feature, usage.

import { describe, expect, test } from "bun:test";
import { createQwenWebEmulator, type ScriptEntry } from "../../../src/emulator/qwen-web-emulator.ts";
import {
  at,
  eventsOf,
  fast,
  fixture,
  newChat,
  readTurn,
  turn,
  type TurnOptions,
  turnRequest,
} from "./emulator-client.ts";

const thinking = { ...fast, thinking_enabled: true, thinking_format: "summary" };

async function run(options: Partial<TurnOptions> = {}, ...script: ScriptEntry[]) {
  const emulator = createQwenWebEmulator({ seed: 1, tokenDelayMs: 0, clock: () => 1_790_000_000_000 });
  const chatId = await newChat(emulator);
  emulator.script(...script);
  return turn(emulator, { chatId, content: "hello", ...options });
}

/** Objects as nested lists of their keys, in order. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.entries(value).map(([key, member]) => [key, shape(member)]);
}

/** The distinct event shapes in the order of their first appearance. */
function shapes(events: readonly unknown[]): string[] {
  return [...new Set(events.map((event) => JSON.stringify(shape(event))))];
}

describe("stream framing", () => {
  test("formats the created event by hand, with a space at its end", async () => {
    const { raw, responseId, userId } = await run();
    const first = raw.slice(0, raw.indexOf("\n\n") + 2);
    const recorded = await fixture("syn-01-answer.sse");
    const masked = first
      .replace(responseId, "R")
      .replace(userId, "P")
      .replace(/"chat_id": "[^"]+"/, '"chat_id": "C"');
    const recordedFirst = recorded.slice(0, recorded.indexOf("\n\n") + 2);
    expect(masked).toBe(
      recordedFirst
        .replace("00000000-0000-4000-8000-000000000001", "C")
        .replace("00000000-0000-4000-8000-000000000002", "P")
        .replace("00000000-0000-4000-8000-000000000003", "R"),
    );
    expect(first.endsWith("}} \n\n")).toBe(true);
  });

  test("writes one data line an event, LF only, Python's separators, no [DONE]", async () => {
    const { raw } = await run({}, { reply: { text: 'Grüße, 你好 "q" 🌤️' } });
    expect(raw).not.toContain("\r");
    expect(raw).not.toContain("[DONE]");
    expect(raw).toContain("你好");
    expect(raw.endsWith("\n\n")).toBe(true);
    const blocks = raw.slice(0, -2).split("\n\n");
    expect(blocks.every((block) => block.startsWith("data: {") && !block.includes("\n"))).toBe(true);
    const python = (text: string) => text.replace(/": /g, '":').replace(/, "/g, ',"');
    for (const block of blocks.slice(1)) {
      expect(python(block.slice(6))).toBe(JSON.stringify(JSON.parse(block.slice(6))).replace(/, "/g, ',"'));
      expect(block).not.toMatch(/"[:,]"/);
    }
  });

  test.each([
    ["syn-01-answer.sse", {}, {}],
    ["syn-02-thinking-summary.sse", { features: thinking }, {}],
    ["syn-04-native-web-search.sse", { chatType: "search" }, {}],
    ["syn-06-t2i-keepalive.sse", { chatType: "t2i" }, {}],
    ["syn-12-empty-answer.sse", {}, { reply: { text: "" } }],
    [
      "syn-07-error-midstream-quota_limit.sse",
      {},
      { reply: { faults: [{ kind: "error", after: 2, code: "quota_limit", details: "x" }] } },
    ],
    ["syn-10-error-string.sse", {}, { reply: { faults: [{ kind: "error-text", text: "Internal error!" }] } }],
    ["syn-11-truncated-no-finish.sse", {}, { reply: { faults: [{ kind: "end", after: 2 }] } }],
  ] satisfies [string, Partial<TurnOptions>, ScriptEntry][])(
    "has the event shapes of %p in their order",
    async (name, options, script) => {
      const { events } = await run(options, script);
      const recorded = shapes(eventsOf(await fixture(name)));
      // Lists in the fixtures have other lengths, so those are levelled to what the emulator sends first.
      const level = (text: string) =>
        text.replace(/(\[\["url",.*?\]\])(?:,\[\["url",.*?\]\])*/g, "$1").replace(/"string"(,"string")+/g, '"string"');
      expect([...new Set(shapes(events).map(level))]).toEqual([...new Set(recorded.map(level))]);
    },
  );

  test("says `think` in increments when the format is not summary", async () => {
    const { events } = await run({ features: { ...fast, thinking_enabled: true, thinking_format: "detail" } });
    const recorded = eventsOf(await fixture("syn-03-think-detail-format.sse"));
    expect(shapes(events.slice(1))).toEqual(shapes(recorded.slice(1)));
    const thoughts = events.filter((event) => at(event, "choices", 0, "delta", "phase") === "think");
    expect(thoughts.length).toBeGreaterThan(2);
    expect(at(thoughts.at(-1), "choices", 0, "delta", "status")).toBe("finished");
  });

  test("sends thinking summaries as growing snapshots with empty content", async () => {
    const thoughts = [
      { title: "One", thought: "First thought." },
      { title: "Two", thought: "Second thought." },
    ];
    const { events, answer } = await run({}, { reply: { thoughts, text: "Done." } });
    const snapshots = events
      .map((event) => at(event, "choices", 0, "delta", "extra", "summary_thought", "content"))
      .filter((content) => content !== undefined);
    expect(snapshots.at(-1)).toEqual(["First thought.", "Second thought."]);
    expect(snapshots[0]).toEqual(["First t"]);
    expect(answer).toBe("Done.");
  });
});

describe("stream content", () => {
  test("starts with few tokens, adds hidden input tokens, and repeats the final usage twice without text", async () => {
    const { events } = await run();
    const deltas = events.slice(1, -1);
    const outputs = deltas.map((event) => Number(at(event, "usage", "output_tokens")));
    expect(outputs).toEqual(outputs.toSorted((one, other) => one - other));
    expect(Number(at(events[1], "usage", "input_tokens"))).toBeGreaterThan(1000);
    expect(deltas.slice(-2).map((event) => at(event, "choices", 0, "delta", "content"))).toEqual(["", ""]);
    expect(outputs.at(-1)).toBe(outputs.at(-3));
    expect(at(events.at(-1), "usage")).toBeUndefined();
    expect(at(events.at(-1), "choices", 0, "delta", "status")).toBe("finished");
  });

  test("restarts usage behind a search round", async () => {
    const sources = [{ url: "https://example.com/x", title: "X" }];
    const { events, answer } = await run({}, { reply: { sources, text: "See [[1]]." } });
    const result = events.findIndex((event) => at(event, "choices", 0, "delta", "role") === "function");
    expect(at(events[result], "usage")).toEqual({});
    expect(at(events[result], "choices", 0, "delta", "extra", "web_search_info", 0, "hostname")).toBe("example.com");
    expect(Number(at(events[result + 1], "usage", "input_tokens"))).toBeGreaterThan(
      Number(at(events[result - 1], "usage", "input_tokens")),
    );
    expect(Number(at(events[result + 1], "usage", "output_tokens"))).toBeLessThan(10);
    expect(answer).toBe("See [[1]].");
  });

  test("searches by itself only when allowed and asked", async () => {
    const phases = (events: readonly unknown[]) => events.map((event) => at(event, "choices", 0, "delta", "phase"));
    const asked = { content: "search the web for bun", features: { ...fast, auto_search: true } };
    expect(phases((await run(asked)).events)).toContain("web_search");
    expect(phases((await run({ ...asked, features: fast })).events)).not.toContain("web_search");
    expect(phases((await run({ ...asked, content: "hello" })).events)).not.toContain("web_search");
  });

  test("repeats all text so far when incremental_output is false", async () => {
    const { events } = await run({ body: { incremental_output: false } }, { reply: { chunks: ["a", "b", "c"] } });
    expect(events.slice(1, -1).map((event) => at(event, "choices", 0, "delta", "content"))).toEqual([
      "a",
      "ab",
      "abc",
      "abc",
      "abc",
    ]);
  });

  test("leaves the phase out without output_schema", async () => {
    const { raw } = await run({ features: { thinking_enabled: false } });
    expect(raw).not.toContain('"phase"');
    expect(raw).toContain('"status": "finished"');
  });

  test("writes the events of 2025 on demand", async () => {
    const { events } = await run({}, { reply: { text: "old", legacyEvents: true } });
    expect(at(events[0], "response.created", "response_index")).toBeUndefined();
    expect(at(events[1], "response_id")).toBeUndefined();
    expect(at(events[1], "usage", "cached_tokens")).toBe(0);
  });

  test("opens and ends without an answer for a system message", async () => {
    const { events, isFinished } = await run({ message: { role: "system" } });
    expect(events).toHaveLength(2);
    expect(isFinished).toBe(true);
  });

  test("varies wording, chunks and ids by seed, and repeats them for equal seeds", async () => {
    const streamOf = async (seed: number) => {
      const emulator = createQwenWebEmulator({ seed, tokenDelayMs: 0, clock: () => 0 });
      const chatId = await newChat(emulator);
      return (await turn(emulator, { chatId, content: "Tell me about rivers" })).raw;
    };
    const [first, again, other] = [await streamOf(5), await streamOf(5), await streamOf(6)];
    expect(again).toBe(first);
    expect(readTurn(other).responseId).not.toBe(readTurn(first).responseId);
    expect(readTurn(other).answer).not.toBe(readTurn(first).answer);
  });

  test("makes new ids in every process unless a seed is given", async () => {
    expect(await newChat(createQwenWebEmulator())).not.toBe(await newChat(createQwenWebEmulator()));
    expect(await newChat(createQwenWebEmulator({ seed: 1 }))).toBe(await newChat(createQwenWebEmulator({ seed: 1 })));
  });

  test("plays a recording byte for byte, and its ids can be continued", async () => {
    const emulator = createQwenWebEmulator({ seed: 1, tokenDelayMs: 0 });
    const chatId = await newChat(emulator);
    const raw = await fixture("syn-01-answer.sse");
    emulator.script({ reply: { raw } });
    const played = await turn(emulator, { chatId, content: "why is the sky blue" });
    expect(played.raw).toBe(raw);
    const next = await turn(emulator, { chatId, parentId: played.responseId, content: "what did you just say?" });
    expect(next.answer).toContain("Rayleigh scattering");
  });

  test("answers in one JSON body without a stream", async () => {
    const emulator = createQwenWebEmulator({ seed: 1 });
    const chatId = await newChat(emulator);
    emulator.script({ reply: { text: "whole" } });
    const response = await emulator.fetch(turnRequest({ chatId, content: "hello", body: { stream: false } }));
    expect(response.headers.get("content-type")).toBe("application/json");
    const body: unknown = await response.json();
    const data = at(body, "data");
    expect(Object.keys(Object(data))).toEqual(["chat_id", "parent_id", "message_id", "messages", "choices"]);
    expect(at(data, "choices", 0, "message", "content")).toBe("whole");
    const next = await turn(emulator, {
      chatId,
      parentId: String(at(data, "message_id")),
      content: "what did you say?",
    });
    expect(next.answer).toContain("whole");
  });
});
