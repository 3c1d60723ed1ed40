// Streams of chat completions of every shape: the bytes that are recognised and the bytes that are parsed say the same,
// wherever they are cut, and nothing that was said is lost or doubled.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { chunk, createTestDecoder, finish, textOf } from "../support/compatible-recordings.ts";
import { decodeAll, type PlainEvent } from "../support/recordings.ts";
import { patienceMs, runsOf } from "./runs.ts";

const word = fc.oneof(
  fc.constantFrom("", " ", "\n\n", "<", "</", "</think>", "<think>", "think>", "\\", '"', "ü", "🌤️", "\u2028"),
  fc.string({ maxLength: 6 }),
);
const call = fc.record({
  index: fc.constantFrom(0, 1),
  id: fc.constantFrom("", "a", "b", null),
  function: fc.record({
    name: fc.constantFrom("", "read", "write"),
    arguments: fc.constantFrom("", "{", '"x":1', "}"),
  }),
});
const delta = fc.oneof(
  { weight: 6, arbitrary: word.map((content) => ({ content })) },
  { weight: 4, arbitrary: word.map((reasoning_content) => ({ content: null, reasoning_content })) },
  { weight: 1, arbitrary: word.map((reasoning) => ({ reasoning, reasoning_content: reasoning })) },
  { weight: 1, arbitrary: call.map((piece) => ({ content: null, tool_calls: [piece] })) },
);
const deltas = fc.array(delta, { maxLength: 12 });
const options = fc.record({
  thinkTags: fc.boolean(),
  cumulativeDeltas: fc.boolean(),
  toolNames: fc.constantFrom([], ["read", "write"]),
  rescue: fc.constantFrom("none" as const, "any" as const, "json" as const),
  thoughtsStart: fc.constantFrom("marked" as const, "held" as const, "watched" as const, "unopened" as const),
});

const encode = (events: readonly object[]): Uint8Array =>
  new TextEncoder().encode(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));

/** Every delta an event of its own, or all neighbours of one kind together. */
function joined(events: readonly PlainEvent[]): PlainEvent[] {
  const together: PlainEvent[] = [];
  for (const event of events) {
    const last = together.at(-1);
    if (last !== undefined && "text" in event && last.type === event.type) {
      together[together.length - 1] = { type: event.type, text: `${String(last["text"])}${String(event["text"])}` };
    } else together.push(event);
  }
  return together;
}

describe("createEventDecoder of chat completions", () => {
  test(
    "recognised deltas say what parsed ones say, cut anywhere [R0-010]",
    () => {
      fc.assert(
        fc.property(deltas, options, fc.nat(), (list, changes, cut) => {
          const events = [...list.map((piece) => chunk(piece)), finish()];
          const bytes = encode(events);
          const at = cut % bytes.length;
          const parsed = decodeAll(createTestDecoder(changes), [
            encode(events.map((event, index) => ({ ...event, nonce: index }))),
          ]);
          const recognised = decodeAll(createTestDecoder(changes), [bytes.slice(0, at), bytes.slice(at)]);

          expect(joined(recognised)).toEqual(joined(parsed));
        }),
        runsOf("recognised", 2000),
      );
    },
    patienceMs,
  );

  test(
    "text without tags comes out whole",
    () => {
      const plainWord = fc.string({ maxLength: 6 }).filter((text) => !/[<>]/.test(text));
      fc.assert(
        fc.property(fc.array(plainWord, { maxLength: 12 }), fc.boolean(), (words, hasTools) => {
          const events = [...words.map((content) => chunk({ content })), finish()];
          const changes = { toolNames: hasTools ? ["read"] : [] };

          expect(textOf(decodeAll(createTestDecoder(changes), [encode(events)]))).toBe(words.join(""));
        }),
        runsOf("whole text", 2000),
      );
    },
    patienceMs,
  );

  test(
    "bytes of any kind end in exactly one ending, and throw nothing",
    () => {
      fc.assert(
        fc.property(
          fc.array(fc.oneof(fc.json(), fc.string(), fc.constant("[DONE]"))),
          fc.uint8Array(),
          (lines, noise) => {
            const bytes = new TextEncoder().encode(lines.map((line) => `data: ${line}\n\n`).join(""));
            const events = decodeAll(createTestDecoder({ doneIsFinish: true }), [bytes, noise]);

            expect(events.filter(({ type }) => type === "reply-end" || type === "reply-error")).toHaveLength(1);
          },
        ),
        runsOf("noise", 2000),
      );
    },
    patienceMs,
  );

  test(
    "chunks with fields of any type throw nothing",
    () => {
      const any = fc.jsonValue({ maxDepth: 2 });
      const piece = fc.record({
        index: any,
        id: any,
        function: fc.oneof(any, fc.record({ name: any, arguments: any })),
      });
      const message = fc.record(
        { content: any, reasoning: any, refusal: any, tool_calls: fc.oneof(any, fc.array(piece)), function_call: any },
        { requiredKeys: [] },
      );
      const choice = fc.record(
        { index: fc.constantFrom(0, null), delta: fc.oneof(any, message), message: any, finish_reason: any },
        { requiredKeys: [] },
      );
      const event = fc.record(
        { model: any, choices: fc.oneof(any, fc.array(fc.oneof(any, choice))), usage: any, timings: any, error: any },
        { requiredKeys: [] },
      );
      fc.assert(
        fc.property(fc.array(event, { maxLength: 4 }), options, (events, changes) => {
          const seen = decodeAll(createTestDecoder(changes), [encode(events)]);

          expect(seen.filter(({ type }) => type === "reply-end" || type === "reply-error")).toHaveLength(1);
        }),
        runsOf("any fields", 3000),
      );
    },
    patienceMs,
  );
});
