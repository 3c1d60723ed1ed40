// Streams of every shape on the pass-through lane: what comes out is what a strict client can read, means what it means on
// the translated lane, and is the same wherever the bytes were cut.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { chunk, createTestDecoder, finish, usageChunk } from "../support/compatible-recordings.ts";
import { type PassedStream, passAll } from "../support/passed-stream.ts";
import { decodeAll, type PlainEvent } from "../support/recordings.ts";
import { patienceMs, runsOf } from "./runs.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const frame = (event: unknown): string => `data: ${JSON.stringify(event)}\n\n`;
const done = "data: [DONE]\n\n";
const model = "qwen3.6-27b";
const sums = ["prompt_tokens", "completion_tokens", "total_tokens"] as const;
const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };

function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((one, other) => one - other), bytes.length];
  return places.slice(1).map((place, index) => bytes.slice(places[index], place));
}

const cuts = fc.array(fc.nat(), { maxLength: 6 });

interface ReadChunk {
  readonly model: unknown;
  readonly choices: readonly {
    readonly index: unknown;
    readonly delta: Readonly<Record<string, unknown>>;
    readonly finish_reason?: unknown;
  }[];
  readonly usage?: Readonly<Record<string, unknown>> | null;
}

/** Reads as the strictest of clients does. @throws on what it would fail at */
function readStrictly({ text, told: ends }: PassedStream): ReadChunk[] {
  const isGood = ends.at(-1)?.startsWith("end ") === true;
  const blocks = text.split(/(?:\r\n|\r|\n){2}/);
  expect(blocks.pop()).toBe("");
  const lines = blocks.flatMap((block) => block.split(/\r\n|\r|\n/)).filter((line) => line !== "" && line[0] !== ":");
  for (const line of lines) expect(line).toStartWith("data:");
  const payloads = lines.map((line) => line.slice(5).trimStart());
  expect(payloads.indexOf("[DONE]")).toBe(isGood ? payloads.length - 1 : -1);
  // The shape is what is asserted below.
  const chunks = payloads.filter((payload) => payload !== "[DONE]").map((payload) => JSON.parse(payload) as ReadChunk);
  const choices = chunks.flatMap((event) => event.choices);
  const usages = chunks.flatMap(({ usage: told }) => (told == null ? [] : [told]));
  expect(chunks.every((event) => event.model === model)).toBe(true);
  expect(choices.filter(({ finish_reason: reason }) => reason != null)).toHaveLength(isGood ? 1 : 0);
  expect(usages).toHaveLength(isGood ? 1 : 0);
  for (const counted of usages) expect(sums.map((sum) => typeof counted[sum])).toEqual(["number", "number", "number"]);
  if (choices.length > 0) expect(choices[0]?.delta["role"]).toBe("assistant");
  const begun = new Set<unknown>();
  for (const { index, delta } of choices) {
    expect([index, typeof delta]).toEqual([0, "object"]);
    for (const field of ["content", "reasoning_content"])
      expect(["string", "object", "undefined"]).toContain(typeof delta[field]);
    for (const piece of (delta["tool_calls"] ?? []) as Record<string, never>[]) checkPiece(piece, begun);
  }
  return chunks;
}

function checkPiece(piece: Record<string, Record<string, unknown>>, begun: Set<unknown>): void {
  const { index, id, function: called } = piece;
  expect([typeof index, typeof called?.["arguments"]]).toEqual(["number", "string"]);
  const isStart = !begun.has(index);
  begun.add(index);
  expect([Boolean(id), Boolean(called?.["name"])]).toEqual([isStart, isStart]);
}

type Said = readonly [kind: string, callId: unknown, text: string];

/** What was said, neighbours of one kind as one. */
function joined(all: readonly Said[]): Said[] {
  const list: Said[] = [];
  for (const [kind, callId, text] of all) {
    const last = list.at(-1);
    if (text === "" && kind !== "tool-call-start") continue;
    if (last?.[0] === kind && last[1] === callId) list[list.length - 1] = [kind, callId, last[2] + text];
    else list.push([kind, callId, text]);
  }
  return list;
}

function saidByDecoder(events: readonly PlainEvent[]): Said[] {
  const isSaid = ({ type }: PlainEvent): boolean => type.endsWith("-delta") || type === "tool-call-start";
  return joined(
    events.filter(isSaid).map(({ type, callId, text, argumentsText, toolName }) => [
      // A refusal passes in its field, wherever it stands; translated, one behind an answer is text.
      type === "refusal-delta" ? "text-delta" : type,
      callId,
      String(text ?? argumentsText ?? toolName),
    ]),
  );
}

function saidToClient(chunks: readonly ReadChunk[]): Said[] {
  const ids = new Map<unknown, unknown>();
  const said: Said[] = [];
  for (const { delta } of chunks.flatMap(({ choices }) => choices)) {
    said.push(["reasoning-delta", undefined, String(delta["reasoning_content"] ?? "")]);
    said.push(["text-delta", undefined, String(delta["content"] || (delta["refusal"] ?? ""))]);
    for (const { index, id, function: called } of (delta["tool_calls"] ?? []) as Record<string, never>[]) {
      if (id) ids.set(index, id);
      if (id) said.push(["tool-call-start", id, called?.["name"] ?? ""]);
      said.push(["tool-call-delta", ids.get(index), called?.["arguments"] ?? ""]);
    }
  }
  return joined(said);
}

/** A CRLF that was cut may leave a blank line of its own behind an event that was left out. */
function withoutBlankLines(text: string): string {
  return text.replaceAll(/\r\n?/g, "\n").replaceAll(/\n+/g, "\n").trimStart();
}

describe("PassDecoder", () => {
  test(
    "passes on as many frames as come, for any words and cuts [R1-002] [R1-023]",
    () => {
      const words = fc.array(fc.string({ unit: "binary", minLength: 1, maxLength: 8 }), { maxLength: 12 });
      fc.assert(
        fc.property(words, cuts, fc.constantFrom("\n", "\r\n", "\r"), (list, places, lineEnd) => {
          const events = [chunk({ role: "assistant", content: "" }), ...list.map((content) => chunk({ content }))];
          const framed = events.map(frame).join("").replaceAll("\n", lineEnd);
          const text = framed + frame(finish()) + frame(usageChunk(usage)) + done;
          const passed = passAll(pieces(encode(text), places), { toldModel: model, thinkTags: false });

          expect(passed.text).toBe(text);
        }),
        runsOf("frames in and out", 10_000),
      );
    },
    patienceMs,
  );

  const line = fc.constantFrom(
    ": ping",
    "id: 7",
    "retry: 5",
    "event: completion",
    "garbage",
    "data",
    "data: ",
    'data: {"choices":[{',
    "data: 7",
    '{"type":"ping"}',
    "",
  );

  test(
    "leaves odd lines out and loses no word between them, for any cuts [R1-001] [R1-004] [R1-022] [R1-024]",
    () => {
      const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
      const part = fc.record({ line: fc.array(line, { maxLength: 3 }), word: fc.string({ maxLength: 4 }), lineEnd });
      fc.assert(
        fc.property(fc.array(part, { maxLength: 8 }), cuts, fc.boolean(), (parts, places, hasMark) => {
          // Lines in front of an event that are data would be part of it.
          const framed = parts.map(({ line: odd, word, lineEnd: end }) => {
            const before = odd.map((text) => (text.startsWith("data") ? `${text}\n\n` : `${text}\n`)).join("");
            return `${before}${frame(chunk({ content: word }))}`.replaceAll("\n", end);
          });
          const bytes = encode(`${hasMark ? "\uFEFF" : ""}${framed.join("\n\n")}\n\n${frame(finish())}${done}`);
          const options = { toldModel: model, thinkTags: false };
          const whole = passAll([bytes], options);

          const cut = passAll(pieces(bytes, places), options);

          expect([withoutBlankLines(cut.text), cut.told]).toEqual([withoutBlankLines(whole.text), whole.told]);
          const said = readStrictly(whole).flatMap(({ choices }) => choices.map(({ delta }) => delta["content"] ?? ""));
          expect(said.join("")).toBe(parts.map(({ word }) => word).join(""));
        }),
        runsOf("odd lines", 3000),
      );
    },
    patienceMs,
  );

  test(
    "says what the translated lane says, in a form that strict clients read, whatever the fields hold [R1-022]",
    () => {
      const any = fc.jsonValue({ maxDepth: 1 });
      const text = fc.constantFrom("", "a", " ", "\n", null, undefined, 1, [{ type: "text", text: "p" }]);
      const piece = fc.record(
        {
          index: fc.constantFrom(0, 1, null),
          id: fc.constantFrom("a", "b", "", null),
          type: fc.constantFrom("function", null),
          function: fc.record(
            { name: fc.constantFrom("read", "", null), arguments: fc.constantFrom("", "{}", "{", null) },
            { requiredKeys: [] },
          ),
        },
        { requiredKeys: [] },
      );
      const delta = fc.record(
        {
          role: fc.constantFrom("assistant", ""),
          content: text,
          reasoning_content: text,
          reasoning: text,
          refusal: text,
          tool_calls: fc.oneof(any, fc.array(piece, { maxLength: 2 })),
        },
        { requiredKeys: [] },
      );
      const choice = fc.record(
        {
          index: fc.constantFrom(0, 0, 1, null),
          delta: fc.oneof({ weight: 4, arbitrary: delta }, { weight: 1, arbitrary: any }),
          finish_reason: fc.constantFrom(null, null, "", "stop", "length", 1),
        },
        { requiredKeys: ["delta"] },
      );
      const choices = fc.oneof(
        { weight: 6, arbitrary: fc.array(choice, { maxLength: 2 }) },
        { weight: 1, arbitrary: any },
      );
      const counted = fc.oneof(fc.constantFrom(null, usage, { prompt_tokens: 3, completion_tokens: 4 }), any);
      const event = fc.record(
        { id: fc.constantFrom("", "c"), model: fc.constantFrom(model, "", null), choices, usage: counted },
        { requiredKeys: [] },
      );
      fc.assert(
        fc.property(fc.array(event, { maxLength: 5 }), cuts, fc.boolean(), (events, places, doneIsFinish) => {
          const bytes = encode(events.map(frame).join("") + done);
          const options = { doneIsFinish, toolNames: ["read"], thinkTags: false };
          const passed = passAll(pieces(bytes, places), { ...options, toldModel: model });
          const translated = decodeAll(createTestDecoder(options), [bytes]);

          expect(saidToClient(readStrictly(passed))).toEqual(saidByDecoder(translated));
        }),
        runsOf("any fields passed", 5000),
      );
    },
    patienceMs,
  );
});
