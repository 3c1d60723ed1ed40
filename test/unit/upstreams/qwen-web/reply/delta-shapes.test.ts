// What is known of earlier replies changes nothing of what the next one says, whatever it looks like and wherever it is cut.

import { describe, expect, test } from "bun:test";
import { createDeltaShapes, type DeltaShapes } from "../../../../../src/upstreams/qwen-web/reply/delta-shapes.ts";
import { createEventDecoder } from "../../../../../src/upstreams/qwen-web/reply/event-decoder.ts";
import { cutAt, decodeAll, type PlainEvent, qwenStreams, readRecording } from "../../../../support/recordings.ts";

const fixed = { chatId: "c", model: "m" };

function decode(chunks: readonly Uint8Array[], shapes?: DeltaShapes): PlainEvent[] {
  return decodeAll(createEventDecoder(shapes === undefined ? fixed : { ...fixed, shapes }), chunks);
}

function reply(id: string, texts: readonly string[], { phase = "answer", idKey = "response_id" } = {}): Uint8Array {
  const deltas = texts.map((content, index) => ({
    choices: [{ delta: { role: "assistant", content, phase, status: "typing" } }],
    [idKey]: id,
    usage: { input_tokens: 9, output_tokens: index + 1, total_tokens: 10 + index },
  }));
  const last = { choices: [{ delta: { role: "assistant", content: "", phase: "answer", status: "finished" } }] };
  const events = [{ "response.created": { parent_id: "p", response_id: id } }, ...deltas, last];
  return Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
}

describe("DeltaShapes", () => {
  test.each(qwenStreams)("change nothing of %s, behind any other recording", (name) => {
    const bytes = readRecording(name);
    const expected = decode([bytes]);
    for (const before of qwenStreams) {
      const shapes = createDeltaShapes();
      decode([readRecording(before)], shapes);
      expect(decode([bytes], shapes)).toEqual(expected);
      expect(decode(cutAt(bytes, bytes.length >> 1), shapes)).toEqual(expected);
    }
  });

  const learnt = reply("11111111-aaaa", ["one", " two", " three"]);
  const nexts: readonly (readonly [what: string, bytes: Uint8Array])[] = [
    ["the same form", reply("22222222-bbbb", ["Un", " deux", ' "trois"', ""])],
    ["a longer id", reply("a-much-longer-id-than-the-first", ["a", "b", "c"])],
    ["an id that is written with escapes", reply('"quoted"\\', ["a", "b", "c"])],
    ["an empty first delta", reply("33333333-cccc", ["", "a", "b", "c"])],
    [
      "cumulative deltas",
      reply("44444444-dddd", ["Hello", "Hello to", "Hello to you", "Hello to you and everybody else here"]),
    ],
    ["another phase", reply("55555555-eeee", ["a", "b", "c"], { phase: "think" })],
    ["its id elsewhere", reply("66666666-ffff", ["a", "b", "c"], { idKey: "message_id" })],
    ["the id as its text", reply("77777777-aaaa", ["77777777-aaaa", "11111111-aaaa", '"77777777-aaaa"'])],
  ];
  test.each(nexts)("change nothing of a reply with %s, cut anywhere", (_what, bytes) => {
    const expected = decode([bytes]);
    const shapes = createDeltaShapes();
    decode([learnt], shapes);
    for (let at = 0; at <= bytes.length; at++) expect(decode(cutAt(bytes, at), shapes)).toEqual(expected);
  });

  test("do not take a second answer for the first", () => {
    const shapes = createDeltaShapes();
    decode([learnt], shapes);
    const mine = reply("22222222-bbbb", ["a", "b", "c"]).toString();
    const [created = "", ...rest] = mine.split("\n\n");
    const other = reply("33333333-cccc", ["x", "y", "z"]).toString().split("\n\n").slice(1, 4);
    const bytes = Buffer.from([created, ...other, ...rest].join("\n\n"));

    expect(decode([bytes], shapes)).toEqual(decode([bytes]));
    expect(JSON.stringify(decode([bytes], shapes))).not.toContain('"x"');
  });

  test("know a reply by the one before, and none without an id", () => {
    const shapes = createDeltaShapes();
    expect(shapes.forReply("text-delta", "22222222-bbbb")).toBeUndefined();
    decode([learnt], shapes);

    expect(shapes.forReply("text-delta", "22222222-bbbb")).toBeDefined();
    expect(shapes.forReply("text-delta", 'not "plain"')).toBeUndefined();
    expect(shapes.forReply("reasoning-delta", "22222222-bbbb")).toBeUndefined();
  });
});
