// What servers write that clients do not survive, on the pass-through lane: lines of the event stream that are not the
// client's business, and fields that are not what the protocol promises.

import { describe, expect, test } from "bun:test";
import type { UpstreamEvent } from "../../../../src/contract/events.ts";
import { chunk, finish, usageChunk } from "../../../support/compatible-recordings.ts";
import { createPassDecoder, type PassChanges, passAll } from "../../../support/passed-stream.ts";
import { cutAt } from "../../../support/recordings.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const frame = (event: object): string => `data: ${JSON.stringify(event)}\n\n`;
const streamOf = (events: readonly object[]): string => events.map(frame).join("");
const told = { toldModel: "qwen3.6-27b" };
const done = "data: [DONE]\n\n";
const sum = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
const role = chunk({ role: "assistant", content: "" });
const words = streamOf([role, chunk({ content: "a" }), chunk({ content: "b" })]);
const end = streamOf([finish(), usageChunk(sum)]) + done;

function pass(text: string, changes: PassChanges = told): string {
  return passAll([encode(text)], changes).text;
}

interface ToldChunk {
  readonly [field: string]: unknown;
  readonly choices: readonly { readonly delta: Record<string, unknown>; readonly finish_reason?: string | null }[];
}

/** The one choice of a chunk. */
function firstOf(event: object): object {
  return (event as ToldChunk).choices[0]!;
}

function chunksOf(text: string): ToldChunk[] {
  const payloads = [...text.matchAll(/^data: (.*)$/gm)].map(([, payload = ""]) => payload);
  return payloads.filter((payload) => payload !== "[DONE]").map((payload) => JSON.parse(payload));
}

describe("lines", () => {
  // openai's Python client takes each blank line behind an id for an event, heartbeats included, and fails at its data;
  // all clients of openai's do so at an event that has a name or a time for retries alone.
  test.each([
    ["an id", "id: 7\n"],
    ["a time for retries", "retry: 500\n"],
    ["a name", "event: completion\n"],
    ["all of them and a comment", ": hm\nid: 7\nretry: 5\nevent: message\n"],
    ["a byte order mark", "\uFEFF"],
    ["an unknown field", "x-new: 1\n"],
  ])(
    "%s in front of data stays between the server and the gateway, wherever it is cut [R1-022] [R1-031]",
    (_, line) => {
      const bytes = encode(line + words + line + end);
      for (let at = 1; at < bytes.length; at++) expect(passAll(cutAt(bytes, at), told).text).toBe(words + end);
    },
  );

  test.each(["id: 7\n\n", "retry: 500\n\n", "event: ping\n\n", "data\n\n", "data:\n\n", "data: \n\n", "data:\r\n\r\n"])(
    "%j is no event to any client [R1-022]",
    (line) => {
      expect(pass(line + words + line.repeat(2) + end)).toBe(words + end);
    },
  );

  test("comments are passed on, beside data and alone, behind the first word", () => {
    const text = `: one\n${words}: two\n${frame(chunk({ content: "c" }))}: three\n\n${end}`;
    expect(pass(`: zero\n\n${text}`)).toBe(text);
  });
});

test.each([
  ["content that is a number", chunk({ content: 5 })],
  ["a delta that is text", { ...chunk({}), choices: [{ index: 0, delta: "x" }] }],
])("%s reaches no client, and is told once [R0-027] [R1-004]", (_what, odd) => {
  const skipped: string[] = [];
  const changes = { ...told, onSkipped: (reason: string) => void skipped.push(reason) };

  expect(pass(`${words}${frame(odd)}data: {broken\n\n${frame(odd)}${end}`, changes)).toBe(words + end);
  expect(skipped).toHaveLength(1);
  expect(skipped[0]).not.toContain("JSON");
});

describe("what is kept", () => {
  const half = 'data: {"id":"chatcm';

  test("is the beginning of an event alone, and nothing behind the end [R1-003] [R1-008] [R1-012]", () => {
    const { decoder, text } = open();
    decoder.feed(encode(words), text.take);
    expect(decoder.pendingBytes).toBe(0);
    decoder.feed(encode(half), text.take);
    expect([decoder.pendingBytes, text.said()]).toEqual([half.length, words]);
    decoder.feed(encode(half.slice(0, 4)), text.take);
    expect(decoder.pendingBytes).toBe(half.length + 4);
    decoder.end(text.take);
    expect([decoder.pendingBytes, text.said()]).toEqual([0, words]);
  });

  test("is each stream's own [R1-014]", () => {
    const [one, other] = [open(), open()];
    const bytes = [encode(words + end), encode(words.replaceAll('"a"', '"é"') + end)];
    const length = Math.max(...bytes.map((all) => all.length));
    for (let at = 0; at < length; at += 7) {
      for (const [index, { decoder, text }] of [one, other].entries()) {
        decoder.feed(bytes[index]!.slice(at, at + 7), text.take);
      }
    }
    expect([one.text.said() + done, other.text.said() + done]).toEqual(
      bytes.map((all) => new TextDecoder().decode(all)),
    );
  });

  function open() {
    const decoder = createPassDecoder(told);
    const textDecoder = new TextDecoder();
    let said = "";
    const take = (event: UpstreamEvent): void => {
      if (event.type !== "frames") return;
      said += textDecoder.decode(event.bytes.subarray(event.start, event.end), { stream: true });
    };
    return { decoder, text: { take, said: () => said } };
  }
});

describe("frames of the gateway's own", () => {
  const filtered = {
    id: "",
    object: "",
    created: 0,
    model: "",
    choices: [],
    prompt_filter_results: [{ prompt_index: 0 }],
  };

  test("have the id and the time of the reply's chunks, where the first event has none (Azure)", () => {
    const { choices: _choices, ...head } = finish() as ToldChunk;
    expect(chunksOf(pass(frame(filtered) + words + streamOf([finish()]) + done)).at(-1)).toEqual({
      ...head,
      choices: [],
      usage: expect.objectContaining({ total_tokens: 3 }),
    });
    const mended = chunksOf(pass(frame(filtered) + words + frame(chunk({ content: [{ text: "c" }] })) + end));
    expect(mended[4]).toEqual(chunk({ content: "c" }) as never);
  });

  test("have no fields that are one event's alone", () => {
    const first = { ...role, prompt_token_ids: [1, 2], timings: { x: 1 }, system_fingerprint: "fp", service: "x" };
    const usage = chunksOf(pass(streamOf([first, chunk({ content: "a" }), finish()]) + done)).at(-1);
    expect(Object.keys(usage ?? {})).toEqual([
      "id",
      "object",
      "created",
      "model",
      "system_fingerprint",
      "choices",
      "usage",
    ]);
  });

  test("are named as the protocol names them, where the server does not", () => {
    const bare = (delta: object): object => ({ choices: [{ index: 0, delta }] });
    const usage = chunksOf(pass(streamOf([bare({ content: "a" })]) + done, { ...told, doneIsFinish: true })).at(-1);
    expect(usage).toMatchObject({ object: "chat.completion.chunk", model: "qwen3.6-27b", choices: [] });
  });
});

describe("fields", () => {
  test.each(["", 1, false, {}])("a finish of %j is none", (reason) => {
    const open = [role, chunk({ content: "a" }), chunk({ content: "b" })].map((event) => ({
      ...event,
      choices: [{ ...(event as ToldChunk).choices[0], finish_reason: reason }],
    }));
    expect(pass(streamOf(open) + end)).toBe(words + end);
  });

  test("a delta that is missing or null is an empty one", () => {
    const bare = (choice: object): object => ({ ...role, choices: [{ index: 0, ...choice }] });
    const text = pass(
      streamOf([bare({ delta: null, finish_reason: null }), chunk({ content: "a" }), bare({ finish_reason: "stop" })]) +
        done,
    );
    expect(chunksOf(text).flatMap(({ choices }) => choices)).toEqual([
      { index: 0, delta: { role: "assistant" }, finish_reason: null } as never,
      { index: 0, delta: { content: "a" }, finish_reason: null } as never,
      { index: 0, finish_reason: "stop", delta: {} } as never,
    ]);
  });

  test("a refusal stays one, whatever its words begin with", () => {
    const refused = streamOf([role, chunk({ refusal: "<thi" }), chunk({ refusal: "s> is not what I do" })]) + end;

    expect(pass(refused)).toBe(refused);
  });

  test.each([1, true, { text: "c" }])("words of %j are none", (content) => {
    expect(pass(words + streamOf([chunk({ content }), chunk({ content, refusal: "" })]) + end)).toBe(words + end);
  });

  test("choices that are none are left out, and one beside them is told", () => {
    const odd = (...choices: unknown[]): object => ({ ...role, choices });
    const word = { index: 0, delta: { content: "c" }, finish_reason: null };
    const text = pass(words + streamOf([odd(null), odd("x"), odd(null, word)]) + end);
    expect(text).toBe(words + frame(chunk({ content: "c" })) + end);
  });

  test("choices that are numbered on from chunk to chunk are told as the first one, and nothing of them is lost", () => {
    const said = [role, chunk({ content: "a" }), chunk({ content: "b" }), chunk({ content: "c" }), finish()];
    const counted = said.map((event, index) => ({ ...event, choices: [{ ...firstOf(event), index }] }));
    const choices = chunksOf(pass(streamOf(counted) + done)).flatMap((told) => told.choices);
    expect(choices.map(({ delta }) => delta["content"] ?? "").join("")).toBe("abc");
    expect(choices).toMatchObject(choices.map(() => ({ index: 0 })));
    expect(choices.at(-1)).toMatchObject({ finish_reason: "stop" });
  });

  test("usage without choices has an empty list of them", () => {
    const { choices: _choices, ...bare } = usageChunk(sum) as ToldChunk;
    const last = chunksOf(pass(words + streamOf([finish(), bare]) + done)).at(-1);
    expect(last).toEqual(usageChunk(sum) as never);
  });

  test("usage is whole, wherever it stands, or counted here", () => {
    const { total_tokens: _total, ...some } = sum;
    const usages = (text: string) => chunksOf(text).flatMap(({ usage }) => usage ?? []);
    expect(usages(pass(words + streamOf([finish(), usageChunk(some)]) + done))).toEqual([sum]);
    expect(usages(pass(words + streamOf([{ ...finish(), usage: some }]) + done))).toEqual([sum]);
    const text = { prompt_tokens: "3", completion_tokens: "4", total_tokens: "7" };
    expect(usages(pass(words + streamOf([finish(), usageChunk(text)]) + done))).toMatchObject([{ total_tokens: 3 }]);
  });

  test("usage is told once, however often and wherever it comes", () => {
    const counted = [role, chunk({ content: "a" }), { ...finish(), usage: sum }].map((event) => ({
      ...event,
      usage: sum,
    }));
    for (const tail of [[], [usageChunk(sum)], [usageChunk(sum), usageChunk(sum)]]) {
      const chunks = chunksOf(pass(streamOf([usageChunk(sum), ...counted, ...tail]) + done));
      expect(chunks.filter(({ usage }) => usage != null)).toHaveLength(1);
      expect(chunks.at(-1)).toMatchObject({ usage: sum });
    }
  });

  test("arguments that are null or missing add nothing to those that a client puts together", () => {
    const calls = (...pieces: object[]): object => chunk({ tool_calls: pieces });
    const events = [
      role,
      calls({ index: 0, id: "c1", type: "function", function: { name: "read", arguments: "" } }),
      calls({ index: 0, function: { arguments: null } }),
      calls({ index: 0, function: {} }),
      calls({ index: 0 }),
      calls({ index: 0, id: null, type: null, function: { name: null, arguments: '{"a":1}' } }),
      finish("tool_calls"),
    ];
    const deltas = chunksOf(pass(streamOf(events) + done, { ...told, toolNames: ["read"] })).flatMap(
      ({ choices }) => choices,
    );
    const pieces = deltas.flatMap(({ delta }) => (delta["tool_calls"] ?? []) as { function: { arguments: unknown } }[]);
    expect(pieces.map((piece) => piece.function.arguments)).toEqual(["", '{"a":1}']);
  });
});
