// The pass-through lane: bytes go out as they came, or mended where a client could not live with them.

import { describe, expect, test } from "bun:test";
import {
  chunk,
  compatibleStreams,
  createTestDecoder,
  finish,
  readCompatible,
  usageChunk,
} from "../../../../support/compatible-recordings.ts";
import { modelOf, type PassChanges, passAll } from "../../../../support/passed-stream.ts";
import { cutAt, decodeAll, type PlainEvent } from "../../../../support/recordings.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const frame = (event: object | string): string =>
  `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`;
const streamOf = (events: readonly (object | string)[]): string => events.map(frame).join("");
const told = { toldModel: "qwen3.6-27b" };
const done = "data: [DONE]\n\n";
const sum = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };

function pass(text: string, changes: PassChanges = told) {
  return passAll([encode(text)], changes);
}

/** Payloads of all data frames but the mark of the end. */
function chunksOf(text: string): Record<string, unknown>[] {
  const payloads = [...text.matchAll(/^data: (.*)$/gm)].map(([, payload = ""]) => payload);
  return payloads.filter((payload) => payload !== "[DONE]").map((payload) => JSON.parse(payload));
}

/** Neighbouring deltas of one kind as one: where text is cut says nothing. */
function joined(events: readonly PlainEvent[]): PlainEvent[] {
  const list: PlainEvent[] = [];
  for (const event of events) {
    const last = list.at(-1);
    const key = "text" in event ? "text" : "argumentsText";
    if (last?.type === event.type && key in event && last["callId"] === event["callId"]) {
      list[list.length - 1] = { ...last, [key]: `${String(last[key])}${String(event[key])}` };
    } else list.push(event);
  }
  return list;
}

const variants: readonly PassChanges[] = [
  {},
  { cumulativeDeltas: true, toolNames: ["get_weather", "write_file", "read", "list_dir", "rag_search"] },
  { rescue: "any", thinkTags: false, doneIsFinish: true, wantsUsage: false },
];

describe("recordings", () => {
  test.each([...compatibleStreams])("%s is passed on alike wherever its bytes are cut [R1-002] [R1-023]", (name) => {
    const bytes = readCompatible(name);
    for (const options of [...variants, { toldModel: modelOf(bytes) }]) {
      const whole = passAll([bytes], options);
      for (let at = 1; at < bytes.length; at++) {
        const { text, told: ends } = passAll(cutAt(bytes, at), options);
        expect(text === whole.text).toBe(true);
        expect(ends).toEqual(whole.told);
      }
    }
  });

  test.each([...compatibleStreams])("%s means to a client what it means on the translated lane", (name) => {
    const bytes = readCompatible(name);
    for (const variant of variants) {
      const translated = joined(decodeAll(createTestDecoder(variant), [bytes]));
      const { text, told: ends } = passAll([bytes], { ...variant, toldModel: modelOf(bytes), wantsUsage: true });
      const read = joined(decodeAll(createTestDecoder({ thinkTags: false }), [encode(text)]));
      const meaning = (events: readonly PlainEvent[]) =>
        events.filter(({ type }) => !["reply-start", "reply-error", "usage-update"].includes(type));

      expect(meaning(read)).toEqual(meaning(translated));
      const error = translated.find(({ type }) => type === "reply-error");
      expect(ends.at(-1)?.startsWith("error ")).toBe(error !== undefined);
    }
  });

  test.each([...compatibleStreams])("%s reaches clients as they demand it: role first, one finish, one end", (name) => {
    const bytes = readCompatible(name);
    const { text, told: ends } = passAll([bytes], { toldModel: "an-alias", toolNames: ["get_weather"] });
    const chunks = chunksOf(text);
    const choices = chunks.flatMap(({ choices: list }) => list as Record<string, never>[]);
    const isGood = ends.at(-1)?.startsWith("end ") === true;

    expect(new Set(chunks.map(({ model }) => model)).size).toBeLessThanOrEqual(1);
    if (chunks.length > 0) expect(chunks[0]?.["model"]).toBe("an-alias");
    if (choices.length > 0) expect(choices[0]?.["delta"]).toMatchObject({ role: "assistant" });
    expect(choices.filter(({ finish_reason: reason }) => reason != null)).toHaveLength(isGood ? 1 : 0);
    expect(text.endsWith(done)).toBe(isGood);
    expect(text.split(done)).toHaveLength(isGood ? 2 : 1);
    expect(chunks.filter(({ usage }) => usage != null)).toHaveLength(isGood ? 1 : 0);
  });

  const untouched = [
    "dashscope-01-thinking-qwen3.6-plus.sse",
    "dashscope-02-thinking-qwen-plus-2025-form.sse",
    "dashscope-03-plain-qwen-plus.sse",
  ];
  test.each(untouched)("%s comes out byte by byte as it went in", (name) => {
    const bytes = readCompatible(name);
    const { text } = passAll([bytes], {
      toldModel: modelOf(bytes),
      cumulativeDeltas: true,
      toolNames: ["get_weather"],
    });

    expect(text).toBe(new TextDecoder().decode(bytes));
  });
});

describe("bytes", () => {
  const plain = streamOf([chunk({ role: "assistant", content: "" }), chunk({ content: "a" }), chunk({ content: "b" })]);
  const end = streamOf([finish(), usageChunk(sum)]) + done;

  test("unknown fields, odd spacing and comments stay as they are [R1-031]", () => {
    const odd = `: ping\n\n: pong\ndata:${JSON.stringify({ ...chunk({ content: "x", x_new: [1] }), y: { z: null } })}\n\n`;
    expect(pass(plain + odd + end).text).toBe(plain + odd + end);
  });

  test("CRLF and CR end lines as well [R1-033]", () => {
    for (const lineEnd of ["\r\n", "\r"]) {
      const text = plain.replaceAll("\n", lineEnd);
      for (let at = 1; at < text.length; at++) {
        expect(passAll(cutAt(encode(text + end), at), told).text).toBe(text + end);
      }
    }
  });

  test("a character that is cut between two chunks survives [R1-032]", () => {
    const text = plain + streamOf([chunk({ content: "😀é你" })]) + end;
    const bytes = encode(text);
    for (let at = 1; at < bytes.length; at++) expect(passAll(cutAt(bytes, at), told).text).toBe(text);
  });

  test("what is no frame of a chat completion is left out, and what follows arrives [R1-001] [R1-004] [R1-024]", () => {
    const garbage = [
      'data: {"choices":[{"delta":{"content":"brok\n\n',
      "some garbage\n\n",
      "data: <html>\n\n",
      'data: {"type":"ping"}\n\n',
      "data: [1]\n\n",
    ];
    const { text } = pass(plain + garbage.join(streamOf([chunk({ content: "c" })])) + end);
    expect(text).toBe(plain + streamOf(garbage.slice(1).map(() => chunk({ content: "c" }))) + end);
  });

  test("a garbage line beside good ones takes nothing else with it", () => {
    const good = streamOf([chunk({ content: "x" })]);
    expect(pass(`${plain}garbage\n${good}${end}`).text).toBe(plain + good + end);
  });

  test("a line without an end is no reason to take more and more memory [R1-035]", () => {
    expect(() => pass(`${plain}data: ${"x".repeat(2000)}`, { ...told, maxLineBytes: 1000 })).toThrow(
      "longer than 1000",
    );
  });

  test.each(["\n", "\r\n"])(
    "a line of the greatest length is passed on wherever it is cut, ended by %j [R1-035]",
    (ending) => {
      const line = frame(chunk({ content: "x".repeat(300) })).trimEnd();
      const bytes = encode(`${plain}${line}${ending}${ending}${end}`);
      const limit = { ...told, maxLineBytes: line.length };
      const whole = passAll([bytes], limit).text;

      expect(whole).toContain(line);
      for (let at = 1; at < bytes.length; at++) expect(passAll(cutAt(bytes, at), limit).text === whole).toBe(true);
      expect(
        passAll(
          [...bytes].map((byte) => Uint8Array.of(byte)),
          limit,
        ).text === whole,
      ).toBe(true);
    },
  );

  test("the last event needs no blank line behind it [R1-012]", () => {
    const { text, told: ends } = pass(plain + streamOf([finish()]).trimEnd());
    expect(text.startsWith(plain + streamOf([finish()]))).toBe(true);
    expect(ends).toEqual(["end stop"]);
  });

  test("text that looks like other fields is text", () => {
    const text = '","finish_reason":"stop"}],"usage":{"a":1},"model":"other","error":{"x":"';
    const all = plain + streamOf([chunk({ content: text }), chunk({ content: text })]) + end;
    expect(pass(all).text).toBe(all);
    expect(chunksOf(pass(all, { toldModel: "alias" }).text)[3]).toMatchObject({
      model: "alias",
      choices: [{ delta: { content: text } }],
    });
  });
});

describe("the end", () => {
  const words = [chunk({ role: "assistant", content: "a" }), chunk({ content: "b" })];

  test("a body that ends without a finish is an error, with or without a mark of the end", () => {
    for (const tail of ["", done]) {
      const { text, told: ends } = pass(streamOf(words) + tail);
      expect(text).toBe(streamOf(words));
      expect(ends).toEqual(["error upstream-failed"]);
    }
  });

  test("a finish that came is an end, whatever breaks behind it", () => {
    const { text, told: ends } = pass(streamOf([...words, finish(), { error: { message: "late" } }]));
    expect(text).toBe(
      `${streamOf([...words, finish()])}${frame({ ...usageHead, choices: [], usage: estimated })}${done}`,
    );
    expect(ends).toEqual(["end stop"]);
  });

  const usageHead = {
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1_790_000_000,
    model: "qwen3.6-27b",
  };
  const estimated = {
    prompt_tokens: 1,
    completion_tokens: 2,
    total_tokens: 3,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };

  test("usage that the client did not ask for is counted, and not passed on [R0-021]", () => {
    const { text, told: ends } = pass(streamOf([...words, finish(), usageChunk(sum)]) + done, {
      ...told,
      wantsUsage: false,
    });
    expect(text).toBe(streamOf([...words, finish()]) + done);
    expect(ends).toEqual(["usage 7", "end stop"]);
  });

  test("usage beside the finish is left out where nobody asked, and follows it where somebody did", () => {
    const last = { ...finish(), usage: sum };
    const text = streamOf([...words, last]) + done;
    expect(pass(text).text).toBe(streamOf([...words, finish(), { ...last, choices: [] }]) + done);
    expect(pass(text, { ...told, wantsUsage: false }).text).toBe(streamOf([...words, finish()]) + done);
  });

  test("a finish, a mark of the end and a usage that are missing are put in", () => {
    const { text } = pass(streamOf(words) + done, { ...told, doneIsFinish: true });
    const [, , last, usage] = chunksOf(text);
    expect(last).toMatchObject({ ...usageHead, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    expect(usage).toEqual({ ...usageHead, choices: [], usage: estimated });
    expect(pass(streamOf([...words, finish(), usageChunk(sum)])).text.endsWith(done)).toBe(true);
  });

  test("words behind the finish come before it, and a second finish is none", () => {
    const late = chunk({ content: "late" });
    const { text } = pass(streamOf([...words, finish(), late, finish("length"), usageChunk(sum)]) + done);
    expect(text).toBe(streamOf([...words, late, finish(), usageChunk(sum)]) + done);
  });

  test("words beside a finish are said where they stand, and none of them is lost", () => {
    const last = (content: string) => chunk({ content }, "stop");
    const { text, told: ends } = pass(
      streamOf([...words, last("c"), chunk({ content: "d" }), last("e"), chunk({ content: "f" }), usageChunk(sum)]) +
        done,
    );
    const choices = chunksOf(text).flatMap((event) => event["choices"] as { delta: object; finish_reason: unknown }[]);
    expect(choices.map(({ delta }) => ("content" in delta ? delta.content : ""))).toEqual([..."abcdef", ""]);
    const open = [..."abcdef"].map(() => null);
    expect(choices.map(({ finish_reason: reason }) => reason)).toEqual([...open, "stop"]);
    expect(ends).toEqual(["usage 7", "end stop"]);
  });

  test("a call without arguments that comes with the finish begins before it has any", () => {
    const call = { index: 0, id: "c1", type: "function", function: { name: "read", arguments: "" } };
    const { text } = pass(streamOf([...words, chunk({ tool_calls: [call] }, "tool_calls")]) + done, {
      ...told,
      toolNames: ["read"],
    });
    const deltas = chunksOf(text).flatMap((event) => event["choices"] as { delta: object; finish_reason: unknown }[]);
    expect(deltas.slice(2)).toMatchObject([
      { delta: { tool_calls: [{ index: 0, id: "c1", function: { name: "read", arguments: "" } }] } },
      { delta: { tool_calls: [{ index: 0, function: { arguments: "{}" } }] } },
      { delta: {}, finish_reason: "tool_calls" },
    ]);
  });

  test("a finish has the index of its choice, also where the server tells none or finishes another one", () => {
    const unnumbered = { ...finish(), choices: [{ delta: {}, finish_reason: "stop" }] };
    const other = { ...finish(), choices: [{ index: 1, delta: { content: "x" }, finish_reason: "length" }] };
    for (const events of [[unnumbered], [other, finish()]]) {
      const choices = chunksOf(pass(streamOf([...words, ...events, usageChunk(sum)]) + done).text).flatMap(
        (event) => event["choices"] as object[],
      );
      expect(choices.slice(2)).toEqual([{ index: 0, delta: {}, finish_reason: "stop" }]);
    }
  });

  test("a finish and a usage in several data lines stay whole", () => {
    const lines = (event: object): string => `${JSON.stringify(event, undefined, 1).replaceAll(/^/gm, "data: ")}\n\n`;
    const { text } = pass(streamOf(words) + lines(finish()) + lines(usageChunk(sum)) + done);
    expect(text).toBe(streamOf(words) + lines(finish()) + lines(usageChunk(sum)) + done);
  });

  test("an error in the stream is told to the gateway, and nothing of its words to the client", () => {
    const { text, told: ends } = pass(streamOf([...words, { error: { message: "secret", code: 500 } }]) + done);
    expect(text).toBe(streamOf(words));
    expect(ends).toEqual(["error upstream-failed"]);
  });
});

describe("what is mended", () => {
  const start = { index: 0, id: "c1", type: "function", function: { name: "read", arguments: "" } };
  const calls = (...pieces: object[]): object => chunk({ tool_calls: pieces });
  const role = chunk({ role: "assistant", content: "" });

  test("whole calls as OpenAI tells them pass, pieces of short ones are put together", () => {
    const events = [
      role,
      calls(start),
      calls({ index: 0, function: { arguments: '{"a":' } }),
      calls({ index: 0, function: { arguments: "1}" } }),
      calls({ index: 1, id: "c2", type: "function", function: { name: "read", arguments: '{"b":2}' } }),
      finish("tool_calls"),
      usageChunk(sum),
    ];
    const whole = calls({ index: 0, function: { arguments: '{"a":1}' } });
    const expected = [...events.slice(0, 2), whole, ...events.slice(4)];
    expect(pass(streamOf(events) + done, { ...told, toolNames: ["read"] }).text).toBe(streamOf(expected) + done);
  });

  test("missing ids, repeated names, empty ids and missing indexes are put right", () => {
    const { text } = pass(
      streamOf([
        calls({ ...start, id: "", index: undefined }),
        calls({ id: "", function: { name: "read", arguments: '{"a":' } }),
        calls({ id: "", function: { name: "", arguments: "1}" } }),
        finish(),
      ]) + done,
      { ...told, toolNames: ["read"] },
    );
    const [first, second, last] = chunksOf(text).map((event) => (event["choices"] as object[])[0]);
    expect(first).toMatchObject({
      delta: {
        role: "assistant",
        tool_calls: [{ index: 0, id: "made-1", type: "function", function: { name: "read", arguments: "" } }],
      },
    });
    expect(second).toMatchObject({ delta: { tool_calls: [{ index: 0, function: { arguments: '{"a":1}' } }] } });
    expect(last).toMatchObject({ finish_reason: "tool_calls" });
  });

  test("an empty piece of a call that the client knows by another index makes no second call of it", () => {
    const events = [
      role,
      calls({ ...start, index: 1 }),
      calls({ index: 1, function: { arguments: "" } }),
      calls({ index: 1, function: { arguments: "{}" } }),
      finish("tool_calls"),
    ];
    const { text } = pass(streamOf(events) + done, { ...told, toolNames: ["read"] });
    const deltas = chunksOf(text).flatMap((event) => event["choices"] as { delta: { tool_calls?: object[] } }[]);
    expect(deltas.flatMap(({ delta }) => delta.tool_calls ?? [])).toMatchObject([
      { index: 0, id: "c1" },
      { index: 0, function: { arguments: "{}" } },
    ]);
  });

  test("thoughts under another name get the one that clients read, and only the name is changed", () => {
    const thought = (text: string, field: string): object => chunk({ [field]: text, extra: 1 });
    const texts = ["one", " two", " three"];
    const { text } = pass(
      streamOf([role, ...texts.map((said) => thought(said, "reasoning")), finish(), usageChunk(sum)]) + done,
    );
    const named = texts.map((said) => thought(said, "reasoning_content"));
    expect(chunksOf(text)).toEqual(chunksOf(streamOf([role, ...named, finish(), usageChunk(sum)])));
  });

  test("thoughts under another name are told once where the usual name stands empty behind it", () => {
    const texts = ["one", " two", " three"];
    const { text } = pass(
      streamOf([role, ...texts.map((said) => chunk({ reasoning: said, reasoning_content: null })), finish()]) + done,
      { ...told, thinkTags: false },
    );
    const deltas = chunksOf(text).flatMap((event) => event["choices"] as { delta: Record<string, unknown> }[]);
    expect(deltas.slice(1, 4).map(({ delta }) => delta["reasoning_content"])).toEqual(texts);
  });

  test("an alias stands in its place whether or not a space follows the field's name", () => {
    const events = ["a", "b", "c", "d"].map((content) => chunk({ content }));
    const spaced = streamOf([role, ...events, finish(), usageChunk(sum)]) + done;
    const { text } = pass(spaced.replace(/^data: (?=.*"[bd]")/gm, "data:"), { toldModel: "alias" });
    expect(chunksOf(text.replaceAll(/^data:(?! )/gm, "data: "))).toEqual(
      [role, ...events, finish(), usageChunk(sum)].map((event) => ({ ...event, model: "alias" })),
    );
  });

  test("an alias replaces the model's name, and nothing that is called so deeper within", () => {
    const spaced = (text: string): string =>
      `data: {"model": "qwen3.6-27b","x":{"model":"qwen3.6-27b"},"choices":[{"index":0,"delta":{"content":"${text}"},"finish_reason":null}]}\n\n`;
    const words = ["one", " two", " three", " four"];
    const { text } = pass(streamOf([role]) + words.map(spaced).join("") + streamOf([finish()]) + done, {
      toldModel: "alias",
    });
    const names = chunksOf(text).map(({ model, x }) => [model, x]);
    expect(names.slice(1, 5)).toEqual(words.map(() => ["alias", { model: "qwen3.6-27b" }]));
  });

  test("tags of thoughts, and deltas that repeat what was said, are what they are on the translated lane", () => {
    const tagged = pass(streamOf([chunk({ content: "<think>hm</think>yes" }), finish()]) + done);
    expect(chunksOf(tagged.text).map((event) => (event["choices"] as { delta: object }[])[0]?.delta)).toMatchObject([
      { role: "assistant", reasoning_content: "hm" },
      { content: "yes" },
      {},
      undefined as never,
    ]);
    const repeated = ["one ", "one two ", "one two three ", "one two three four"].map((content) => chunk({ content }));
    const once = pass(streamOf([role, ...repeated, finish()]) + done, { ...told, cumulativeDeltas: true });
    const texts = chunksOf(once.text).flatMap((event) => event["choices"] as { delta: { content?: string } }[]);
    expect(texts.map(({ delta }) => delta.content ?? "").join("")).toBe("one two three four");
  });

  test("the model is what the client calls it, whatever the server does", () => {
    const events = [
      role,
      chunk({ content: "a" }),
      chunk({ content: "b" }),
      chunk({ content: "c" }),
      finish(),
      usageChunk(sum),
    ];
    const { text } = pass(streamOf(events) + done, { toldModel: 'my "own" model' });
    const renamed = events.map((event) => ({ ...event, model: 'my "own" model' }));
    expect(chunksOf(text)).toEqual(renamed);
  });

  test("nothing semantic is said by a role, a comment or an empty delta", () => {
    const quiet = streamOf([role, chunk({ content: "" })]);
    expect(pass(quiet + streamOf([chunk({ content: "a" })])).firstSemantic).toBe(0);
    const { firstSemantic } = passAll([encode(quiet), encode(streamOf([chunk({ content: "a" })]))], told);
    expect(firstSemantic).toBe(quiet.length);
    expect(pass(": hi\n\n".repeat(20_000) + quiet)).toMatchObject({ text: quiet, firstSemantic: -1 });
  });
});
