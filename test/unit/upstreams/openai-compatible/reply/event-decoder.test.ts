// The decoder of chat completion streams: what it says of every recording, whole and cut anywhere, and rule by rule.

import { describe, expect, test } from "bun:test";
import {
  callsOf,
  chunk,
  compatibleStreams,
  createTestDecoder,
  type DecoderChanges,
  decodeEvents,
  finish,
  readCompatible,
  textOf,
  usageChunk,
} from "../../../../support/compatible-recordings.ts";
import { cutAt, decodeAll, type PlainEvent } from "../../../../support/recordings.ts";

function decodeRecording(name: string, changes: DecoderChanges = {}): PlainEvent[] {
  return decodeAll(createTestDecoder(changes), [readCompatible(name)]);
}

const choiceOf = (event: object): object => (event as { readonly choices: readonly object[] }).choices[0]!;

const typesOf = (events: readonly PlainEvent[]): string[] => events.map((event) => event.type);

/** As the wing calls the decoder for each recording. */
const variants: readonly DecoderChanges[] = [
  {},
  { cumulativeDeltas: true, toolNames: ["get_weather", "write_file", "read", "list_dir", "rag_search"] },
  { rescue: "any", thinkTags: false, doneIsFinish: true },
];

describe("recordings", () => {
  test("are all there", () => {
    expect(compatibleStreams).toHaveLength(24);
  });

  test.each([...compatibleStreams])("%s says the same wherever its bytes are cut [R0-010]", (recording) => {
    const bytes = readCompatible(recording);
    for (const variant of variants) {
      const whole = decodeAll(createTestDecoder(variant), [bytes]);
      for (let at = 1; at < bytes.length; at++) {
        expect(decodeAll(createTestDecoder(variant), cutAt(bytes, at))).toEqual(whole);
      }
    }
  });

  test.each([...compatibleStreams])("%s says the same byte by byte, and with CRLF", (recording) => {
    const bytes = readCompatible(recording);
    const whole = decodeAll(createTestDecoder(), [bytes]);
    const single = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
    const crlf = new TextEncoder().encode(new TextDecoder().decode(bytes).replaceAll("\n", "\r\n"));

    expect(decodeAll(createTestDecoder(), single)).toEqual(whole);
    expect(decodeAll(createTestDecoder(), [crlf])).toEqual(whole);
  });

  test.each([...compatibleStreams])("%s ends exactly once", (recording) => {
    const ends = decodeRecording(recording).filter(({ type }) => type === "reply-end" || type === "reply-error");

    expect(ends).toHaveLength(1);
  });

  const answers: readonly (readonly [recording: string, reasoning: string, text: string])[] = [
    ["dashscope-01-thinking-qwen3.6-plus.sse", "The user asks for a sum.\n2 + 2 is 4.", "2 + 2 equals 4."],
    ["dashscope-02-thinking-qwen-plus-2025-form.sse", "Okay, the user greets me.", "Hello!"],
    ["dashscope-03-plain-qwen-plus.sse", "", "I am Qwen."],
    ["vllm-01-reasoning-field-v0.16plus.sse", "The user says hi.", "Hello!"],
    ["vllm-02-transition-both-fields-v0.12.sse", "Okay, think", "Hi"],
    ["lmstudio-01-reasoning_content.sse", "Let me see.", "Hello!"],
  ];
  test.each([...answers])("%s gives thoughts and answer apart", (recording, reasoning, text) => {
    const events = decodeRecording(recording);

    expect(textOf(events, "reasoning-delta")).toBe(reasoning);
    expect(textOf(events)).toBe(text);
    expect(events.at(-1)).toEqual({ type: "reply-end", finishReason: "stop" });
  });

  test("dashscope-01 tells the model, and its usage with the reasoning in it", () => {
    const events = decodeRecording("dashscope-01-thinking-qwen3.6-plus.sse");

    expect(events[0]).toEqual({ type: "reply-start", model: "qwen3.6-plus" });
    expect(events.at(-2)).toEqual({
      type: "usage-update",
      usage: { inputTokens: 1033, outputTokens: 214, totalTokens: 1247, reasoningTokens: 160 },
    });
  });

  const calls: readonly (readonly [recording: string, calls: readonly (readonly [string, string, string])[]])[] = [
    [
      "dashscope-04-toolcalls-parallel-empty-id.sse",
      [
        ["call_aaaaaaaaaaaaaaaaaaaaaa", "get_weather", '{"location": "Hangzhou", "unit": "celsius"}'],
        ["call_bbbbbbbbbbbbbbbbbbbbbb", "get_weather", '{"location": "Shanghai", "unit": "celsius"}'],
      ],
    ],
    [
      "dashscope-05-toolcalls-empty-name-variant.sse",
      [["call_8589a72cf9984736a78dc07b", "rag_search", '{"arg0": 1, "arg1": "x"}']],
    ],
    [
      "vllm-03-toolcalls-qwen3_xml.sse",
      [["chatcmpl-tool-a331788bab1045a8", "write_file", '{"content": "print(\\"Hello, World!\\")", "path": "./h.py"}']],
    ],
    ["sglang-01-reasoning-and-toolcall.sse", [["call_8d4f0377bc594026a4765cfc", "get_weather", '{"city": "Paris"}']]],
    ["ollama-01-reasoning-and-toolcall.sse", [["call_x1y2z3ab", "get_weather", '{"city":"Paris"}']]],
    ["llamacpp-01-ping-reasoning-toolcall.sse", [["Fq1cWcXnEwRk0xYtGm3nQv9sLh2Jd8Pa", "read", '{"path":"USER.md"}']]],
    ["lmstudio-02-toolcall-empty-id.sse", [["made-1", "list_dir", '{"path":"."}']]],
  ];
  test.each([...calls])("%s gives its calls whole", (recording, expected) => {
    const events = decodeRecording(recording, { toolNames: ["get_weather", "write_file"] });

    expect(callsOf(events)).toEqual(
      expected.map(([callId, toolName, argumentsText]) => ({ callId, toolName, argumentsText })),
    );
    expect(events.at(-1)).toEqual({ type: "reply-end", finishReason: "tool_calls" });
  });

  const failures: readonly (readonly [recording: string, kind: string])[] = [
    ["dashscope-06-inband-error_finish.sse", "upstream-quota"],
    ["dashscope-07-inband-data_inspection_failed.sse", "content-filtered"],
    ["dashscope-10-native-sse-error.sse", "upstream-quota"],
    ["dashscope-11-anthropic-inband-throttle.sse", "upstream-quota"],
    ["dashscope-12-responses-inband-throttle.sse", "upstream-quota"],
    ["sglang-02-http200-error-only.sse", "context-too-long"],
    ["llamacpp-02-midstream-parse-error-no-done.sse", "upstream-failed"],
    ["vllm-06-keepalive-then-midstream-error.sse", "upstream-failed"],
  ];
  test.each([...failures])("%s ends with the error %s and no finish [R0-026]", (recording, kind) => {
    const events = decodeRecording(recording);

    expect(events.at(-1)).toMatchObject({ type: "reply-error", kind });
    expect(typesOf(events)).not.toContain("reply-end");
  });

  test("dashscope-06: the text of the error never reaches the answer", () => {
    expect(textOf(decodeRecording("dashscope-06-inband-error_finish.sse"))).toBe("Partial answer");
  });

  test("dashscope-08: a closing tag that is left over is taken out, with the white space behind it", () => {
    const events = decodeRecording("dashscope-08-think-tag-leak-in-content.sse");

    expect(textOf(events, "reasoning-delta")).toBe("I should be brief.");
    expect(textOf(events)).toBe("Hi.");
  });

  test("vllm-04: a call that came as text stays text: reading it is another's business", () => {
    const events = decodeRecording("vllm-04-bug-raw-xml-in-content.sse", { toolNames: ["write_file"] });

    expect(textOf(events)).toStartWith("<tool_call>\n<function=write_file>");
    expect(events.at(-1)).toEqual({ type: "reply-end", finishReason: "stop" });
  });

  test("vllm-05: an answer in the field of thoughts is the answer when thinking was off (#40816)", () => {
    const events = decodeRecording("vllm-05-bug-answer-only-in-reasoning.sse", { rescue: "any" });

    expect(textOf(events)).toBe("Paris is the capital of France.");
    expect(textOf(events, "reasoning-delta")).toBe("");
  });

  test("vllm-05: with thinking on, thoughts alone stay thoughts", () => {
    const events = decodeRecording("vllm-05-bug-answer-only-in-reasoning.sse");

    expect(textOf(events)).toBe("");
    expect(textOf(events, "reasoning-delta")).toBe("Paris is the capital of France.");
  });
});

describe("rule 1: framing", () => {
  const answer = `data:${JSON.stringify(chunk({ content: "a" }))}`;

  test("comments are skipped, a space behind the colon may be missing, the last blank line too", () => {
    const text = `: ping\n\n:\n\n${answer}\n\nevent: ping\ndata: {}\n\ndata: ${JSON.stringify(finish())}`;
    const events = decodeAll(createTestDecoder(), [new TextEncoder().encode(text)]);

    expect(typesOf(events)).toEqual(["reply-start", "text-delta", "reply-end"]);
  });

  test("the end of the body stands for [DONE] once a finish was told", () => {
    expect(typesOf(decodeEvents([chunk({ content: "a" }), finish()])).at(-1)).toBe("reply-end");
  });

  test("a broken line is skipped, told once, and the stream goes on", () => {
    const skipped: string[] = [];
    const events = decodeEvents([chunk({ content: "a" }), "{broken", "7", chunk({ content: "b" }), finish()], {
      onSkipped: (reason) => void skipped.push(reason),
    });

    expect(textOf(events)).toBe("ab");
    expect(skipped).toHaveLength(1);
  });

  test.each([
    ["a number", chunk({ content: 5 })],
    ["an object", chunk({ content: { text: "x" } })],
    ["a delta that is text", { ...chunk({}), choices: [{ index: 0, delta: "x" }] }],
  ])("content that is %s is skipped, told once, and the stream goes on [R0-027]", (_what, odd) => {
    const skipped: string[] = [];
    const events = decodeEvents([chunk({ content: "a" }), odd, "{broken", odd, chunk({ content: "b" }), finish()], {
      onSkipped: (reason) => void skipped.push(reason),
    });

    expect(textOf(events)).toBe("ab");
    expect(skipped).toHaveLength(1);
    expect(skipped[0]).not.toContain("JSON");
  });

  test("an unfinished line beyond the limit ends the reply with an error", () => {
    const decoder = createTestDecoder({ maxLineBytes: 64 });

    expect(() => decoder.feed(new Uint8Array(100).fill(97), () => {})).toThrow("longer than 64 bytes");
  });
});

describe("rule 2: text and thoughts", () => {
  test.each(["reasoning_content", "reasoning", "thinking"])("%s is the field of thoughts", (field) => {
    const events = decodeEvents([chunk({ [field]: "hm", content: "" }), chunk({ content: "a" }), finish()]);

    expect(textOf(events, "reasoning-delta")).toBe("hm");
  });

  test("null, empty and missing say the same: nothing", () => {
    const idle = [{ content: null }, { content: "" }, {}, { reasoning_content: null, reasoning: "" }];
    const events = decodeEvents([...idle.map((delta) => chunk(delta)), finish()]);

    expect(typesOf(events)).toEqual(["reply-start", "reply-end"]);
  });

  test("both names of one text are said once", () => {
    const both = chunk({ reasoning_content: "hm", reasoning: "hm" });

    expect(textOf(decodeEvents([both, finish()]), "reasoning-delta")).toBe("hm");
  });

  test("content in parts is joined, and a refusal behind it is a part of it", () => {
    const parts = chunk({ content: [{ type: "text", text: "a" }, "b", { type: "image" }] });

    expect(textOf(decodeEvents([parts, chunk({ refusal: "no" }), finish()]))).toBe("abno");
  });

  test("a refusal in the place of an answer is one, without the blanks before it", () => {
    const events = decodeEvents(
      [
        chunk({ reasoning: "Hm" }),
        chunk({ content: "\n" }),
        chunk({ refusal: "I " }),
        chunk({ refusal: "won't" }),
        finish(),
      ],
      { toolNames: ["add"] },
    );

    const said = events.flatMap((event) => ("text" in event ? [[event.type, event["text"]]] : []));
    expect(said).toEqual([
      ["reasoning-delta", "Hm"],
      ["refusal-delta", "I "],
      ["refusal-delta", "won't"],
    ]);
  });

  test("other choices than the first are nobody's", () => {
    const other = { ...chunk({}), choices: [{ index: 1, delta: { content: "x" }, finish_reason: "stop" }] };

    expect(textOf(decodeEvents([chunk({ content: "a" }), other, chunk({ content: "b" }), finish()]))).toBe("ab");
  });

  test.each([0, 1])(
    "choices that are numbered on from chunk to chunk, from %i, are the one that was asked for",
    (first) => {
      // Foundry Local (#263 and #144, 2025-06 to 2025-09), text-generation-inference before PR 1648.
      const counted = (events: readonly object[]) =>
        events.map((event, at) => ({ ...event, choices: [{ ...choiceOf(event), index: first + at }] }));
      const said = ["one ", "two ", "three ", "four"].map((content) => chunk({ content }));

      for (const length of [1, 2, 4]) {
        const events = decodeEvents([...counted([...said.slice(0, length), finish("length")]), "[DONE]"]);
        expect(textOf(events)).toBe("one two three four".slice(0, textOf(events).length));
        expect(events.filter(({ type }) => type === "text-delta")).toHaveLength(length);
        expect(events.at(-1)).toMatchObject({ type: "reply-end", finishReason: "length" });
      }
    },
  );

  test("deltas that repeat all that was said are said once, where the dialect says so", () => {
    const parts = ["one", "one two", "one two three", "one two three four and so on, and on and on until it is long"];
    const events = [...parts.map((content) => chunk({ content })), finish()];

    expect(textOf(decodeEvents(events, { cumulativeDeltas: true }))).toBe(parts.at(-1)!);
    expect(textOf(decodeEvents(events))).toBe(parts.join(""));
  });
});

describe("rule 4: usage", () => {
  const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };

  test("the last one counts, wherever it stands, and null says nothing", () => {
    const early = { ...chunk({ content: "a" }), usage: { prompt_tokens: 3, completion_tokens: 1 } };
    const events = decodeEvents([early, { ...finish(), usage: null }, usageChunk(usage), "[DONE]"]);

    expect(events.filter(({ type }) => type === "usage-update").map((event) => event["usage"])).toEqual([
      { inputTokens: 3, outputTokens: 5, totalTokens: 8 },
    ]);
  });

  test("cached and reasoning tokens are read, SGLang's at the top level too", () => {
    const details = {
      ...usage,
      prompt_tokens_details: { cached_tokens: 2 },
      completion_tokens_details: { reasoning_tokens: 4 },
    };
    const read = (raw: object) =>
      decodeEvents([finish(), usageChunk(raw)]).find(({ type }) => type === "usage-update")?.["usage"];

    expect(read(details)).toMatchObject({ cachedTokens: 2, reasoningTokens: 4 });
    expect(read({ ...usage, reasoning_tokens: 4, prompt_tokens_details: null })).toMatchObject({ reasoningTokens: 4 });
  });

  test("zeros all over are no count (LM Studio #1602)", () => {
    const zeros = usageChunk({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 });

    expect(typesOf(decodeEvents([finish(), zeros, "[DONE]"]))).toEqual(["reply-start", "reply-end"]);
  });

  test("llama.cpp's timings count where it tells no usage", () => {
    const last = { ...finish(), timings: { cache_n: 7, prompt_n: 10, predicted_n: 41 } };

    expect(decodeEvents([last, "[DONE]"])[1]).toMatchObject({ usage: { inputTokens: 17, outputTokens: 41 } });
    // `timings_per_token` has them on every chunk (openai-php/client#780).
    const early = { ...chunk({ content: "a" }), timings: { cache_n: 7, prompt_n: 10, predicted_n: 1 } };
    const all = decodeEvents([early, last, "[DONE]"]);

    expect(all.find(({ type }) => type === "usage-update")).toMatchObject({ usage: { outputTokens: 41 } });
  });
});

describe("rule 5: the end", () => {
  test("a body that ends without a finish is an error that may be repeated, never a stop", () => {
    const decoder = createTestDecoder();
    let error: unknown;
    decoder.feed(new TextEncoder().encode(`data: ${JSON.stringify(chunk({ content: "a" }))}\n\n`), () => {});
    decoder.end((event) => {
      if (event.type === "reply-error") error = event.error;
    });

    expect(error).toMatchObject({ kind: "upstream-failed", retryable: true });
  });

  test("[DONE] without a finish is an error, unless the dialect never sends one", () => {
    const events = [chunk({ content: "a" }), "[DONE]"];

    expect(decodeEvents(events).at(-1)?.type).toBe("reply-error");
    expect(decodeEvents(events, { doneIsFinish: true }).at(-1)).toMatchObject({ finishReason: "stop" });
    expect(decodeEvents(["[DONE]"], { doneIsFinish: true }).at(-1)?.type).toBe("reply-error");
  });

  const reasons = [
    ["length", "length"],
    ["max_tokens", "length"],
    ["content_filter", "content_filter"],
    ["eos", "stop"],
    ["tool_calls", "stop"],
    ["whatever", "stop"],
  ] as const;
  test.each([...reasons])("a finish of %s without calls is %s", (told, finishReason) => {
    expect(decodeEvents([chunk({ content: "a" }), finish(told)]).at(-1)).toEqual({ type: "reply-end", finishReason });
  });

  test.each(["error", "abort", "insufficient_system_resource"])("a finish of %s is an error", (told) => {
    expect(decodeEvents([chunk({ content: "a" }), finish(told)]).at(-1)?.type).toBe("reply-error");
  });

  test("thoughts that filled the window end with length and without an answer, not with an empty stop", () => {
    const events = decodeEvents([chunk({ reasoning_content: "hm" }), finish("length")], { rescue: "any" });

    expect(textOf(events)).toBe("");
    expect(events.at(-1)).toMatchObject({ finishReason: "length" });
  });

  test("text behind the finish still counts, an error behind it does not", () => {
    const late = [chunk({ content: "a" }), finish(), chunk({ content: "b" }), { error: { message: "boom" } }];
    const events = decodeEvents(late);

    expect(textOf(events)).toBe("ab");
    expect(events.at(-1)?.type).toBe("reply-end");
  });

  test("the chunk of usage behind the finish is the end: nobody waits for the body", () => {
    const types: string[] = [];
    const text = [chunk({ content: "a" }), finish(), usageChunk({ prompt_tokens: 1, completion_tokens: 1 })]
      .map((event) => `data: ${JSON.stringify(event)}\n\n`)
      .join("");
    createTestDecoder().feed(new TextEncoder().encode(text), (event) => void types.push(event.type));

    expect(types.at(-1)).toBe("reply-end");
  });

  test("a whole message in the last chunk is not said twice", () => {
    const whole = { ...finish(), choices: [{ index: 0, message: { content: "ab" }, finish_reason: "stop" }] };

    expect(textOf(decodeEvents([chunk({ content: "ab" }), whole]))).toBe("ab");
    expect(textOf(decodeEvents([whole]))).toBe("ab");
  });
});

describe("errors in a stream", () => {
  const forms: readonly (readonly [name: string, event: object])[] = [
    ["an object", { error: { message: "Requests rate limit exceeded", code: "limit_requests" } }],
    ["a text", { error: "Too many requests" }],
    ["flat, as of old vLLM", { object: "error", message: "Rate limit exceeded", code: 429 }],
    ["bare, without a type", { code: "Throttling.RateQuota", message: "Requests rate limit exceeded" }],
    ["Anthropic's", { type: "error", error: { type: "rate_limit_error", message: '{"message":"Too many requests"}' } }],
  ];
  test.each([...forms])("are understood as %s", (_name, event) => {
    expect(decodeEvents([chunk({ content: "a" }), event]).at(-1)).toMatchObject({
      type: "reply-error",
      kind: "upstream-quota",
    });
  });

  test("an error that is null is none", () => {
    expect(decodeEvents([{ ...chunk({ content: "a" }), error: null }, finish()]).at(-1)?.type).toBe("reply-end");
  });

  test("are told as onRefusal says, and keep the usage that came before", () => {
    const error = { ...usageChunk({ prompt_tokens: 1, completion_tokens: 2 }) };
    const events = decodeEvents([chunk({ content: "a" }), error, { error: { message: "x" } }], {
      onRefusal: (refusal) => refusal,
    });

    expect(typesOf(events)).toEqual(["reply-start", "text-delta", "usage-update", "reply-error"]);
  });
});

describe("the fast path", () => {
  test("passes a text's own JSON bytes on, escapes untouched", () => {
    const seen: string[] = [];
    const line = JSON.stringify(chunk({ content: "@" }));
    const text = ["one", 'two\\u0020\\"'].map((json) => `data: ${line.replace("@", () => json)}\n\n`).join("");
    createTestDecoder().feed(new TextEncoder().encode(text), (event) => {
      if (event.type === "text-delta") seen.push(new TextDecoder().decode(event.text.json));
    });

    expect(seen).toEqual(['"one"', '"two\\u0020\\""']);
  });

  test("does not take another field of the same text for the answer", () => {
    const twin = (echo: string, content: string): object => ({ content: echo, ...chunk({ content }) });
    const events = decodeEvents([twin("a", "a"), twin("b", "a"), twin("a", "c"), finish()]);

    expect(textOf(events)).toBe("aac");
  });

  test("leaves a delta that says two things at once to the parser, however often it comes", () => {
    const both = (content: string): object => chunk({ reasoning_content: "x", content });
    const call = { tool_calls: [{ index: 0, id: "a", function: { name: "read", arguments: "[" } }] };
    const withCall = (content: string): object => chunk({ content, ...call });
    const events = decodeEvents([both("a"), both("b"), withCall("c"), withCall("d"), finish()]);

    expect(textOf(events, "reasoning-delta")).toBe("xx");
    expect(textOf(events)).toBe("abcd");
    expect(callsOf(events)).toMatchObject([{ argumentsText: "[[" }]);
  });

  test("says the same as the parser does, whatever is mixed", () => {
    const mixed = [
      chunk({ reasoning_content: "a<b" }),
      chunk({ reasoning_content: " c" }),
      chunk({ reasoning_content: "</thi" }),
      chunk({ reasoning_content: "nk>" }),
      chunk({ content: " " }),
      chunk({ content: "x" }),
      chunk({ content: "\n" }),
      chunk({ content: "y" }),
      chunk({ content: "</think>" }),
      chunk({ content: "" }),
      chunk({ content: "z" }),
      finish(),
    ];
    const varied = mixed.map((event, index) => ({ ...event, nonce: index }));
    for (const changes of variants) {
      const [fast, slow] = [decodeEvents(mixed, changes), decodeEvents(varied, changes)];
      expect(fast).toEqual(slow);
    }
    expect(textOf(decodeEvents(mixed))).toBe(" x\ny</think>z");
    expect(textOf(decodeEvents(mixed), "reasoning-delta")).toBe("a<b c");
  });
});
