// The decoder of the Qwen web stream: what it says of every recording, whole and cut anywhere.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { GatewayError } from "../../../../../src/contract/gateway-error.ts";
import { createEventDecoder, type DecoderOptions } from "../../../../../src/upstreams/qwen-web/reply/event-decoder.ts";
import { cutAt, decodeAll, type PlainEvent, qwenStreams, readRecording } from "../../../../support/recordings.ts";

const chatId = "00000000-0000-4000-8000-000000000001";
const userNode = "00000000-0000-4000-8000-000000000002";
const answerNode = "00000000-0000-4000-8000-000000000003";
const continuation = { chatId, nodeId: answerNode, responseId: answerNode, parentId: userNode };

function decoder(options: Partial<DecoderOptions> = {}) {
  return createEventDecoder({ chatId, model: "qwen3-max", ...options });
}

function decodeText(text: string, options: Partial<DecoderOptions> = {}): PlainEvent[] {
  return decodeAll(decoder(options), [new TextEncoder().encode(text)]);
}

function decodeRecording(name: string): PlainEvent[] {
  return decodeAll(decoder(), [readRecording(name)]);
}

function textOf(events: readonly PlainEvent[], type = "text-delta"): string {
  return events.map((event) => (event.type === type ? event["text"] : "")).join("");
}

const created = `data: {"response.created":{"chat_id": "${chatId}", "parent_id": "${userNode}", "response_id":"${answerNode}"}} \n\n`;
const delta = (content: string, phase = "answer", status = "typing"): string =>
  `data: {"choices": [{"delta": {"role": "assistant", "content": ${JSON.stringify(content)}, "phase": "${phase}", "status": "${status}"}}], "response_id": "${answerNode}"}\n\n`;
const finished = delta("", "answer", "finished");

describe("createEventDecoder", () => {
  test("tells the three ids of response.created with the start of the reply [R0-015]", () => {
    const [start] = decodeRecording("syn-01-answer.sse");
    expect(start).toEqual({ type: "reply-start", model: "qwen3-max", continuation });
  });

  test("gives the texts of the answer in order, then usage, then the end [R0-018]", () => {
    const events = decodeRecording("syn-01-answer.sse");
    expect(textOf(events)).toBe("The sky looks blue because of Rayleigh scattering 🌤️.");
    expect(events.slice(-2)).toEqual([
      {
        type: "usage-update",
        usage: { inputTokens: 1047, outputTokens: 13, totalTokens: 1060, cachedTokens: 512 },
      },
      { type: "reply-end", finishReason: "stop", continuation },
    ]);
  });

  test("says only what is new of cumulative thoughts, titles on lines of their own", () => {
    const events = decodeRecording("syn-02-thinking-summary.sse");
    expect(textOf(events, "reasoning-delta")).toBe(
      "Reading the question\nI need the product of 17 and 19.\n\nWorking the sum\n19 is 20 minus 1, so 17*20 - 17 = 323.",
    );
    expect(textOf(events)).toBe("17 × 19 = 323.");
  });

  test("says no thought again behind an event of its phase that shows none", () => {
    const snapshot = (thought: string): string =>
      `data: {"choices": [{"delta": {"role": "assistant", "content": "", "phase": "thinking_summary", "extra": {"summary_title": {"content": ["A"]}, "summary_thought": {"content": [${JSON.stringify(thought)}]}}, "status": "typing"}}], "response_id": "${answerNode}"}\n\n`;
    const silent = delta("", "thinking_summary");
    const end = delta("", "thinking_summary", "finished");
    const events = decodeText(
      created +
        snapshot("one") +
        silent +
        snapshot("one two") +
        end +
        snapshot("one two three") +
        delta("ok") +
        finished,
    );
    expect(textOf(events, "reasoning-delta")).toBe("A\none two three");
    expect(textOf(events)).toBe("ok");
  });

  test("shows pictures that a tool of the backend has made, each once and in its place", () => {
    const made = (...addresses: readonly unknown[]): string =>
      `data: {"choices": [{"delta": {"role": "function", "content": "", "phase": "image_gen_tool", "extra": {"image_list": ${JSON.stringify(addresses.map((image) => ({ image })))}}, "status": "finished"}}], "response_id": "${answerNode}"}\n\n`;
    const [cat, dog] = ["https://cdn.example/cat.png?key=a", "https://cdn.example/dog.png?key=b"];
    const text = created + delta("Here:") + made(cat, dog, 7, null, "") + made(dog) + delta("Both.") + finished;
    expect(textOf(decodeText(text))).toBe(`Here:\n\n![image](${cat})\n\n![image](${dog})\n\nBoth.`);
    expect(textOf(decodeText(created + made(cat) + delta("A cat.") + finished))).toBe(`![image](${cat})\n\nA cat.`);
    const odd = text.replaceAll(/"image_list": \[[^\]]*\]/g, '"image_list": "none"');
    expect(textOf(decodeText(odd))).toBe("Here:Both.");
  });

  test("does not take the end of a thinking phase for the end of the reply", () => {
    const events = decodeRecording("syn-03-think-detail-format.sse");
    expect(textOf(events, "reasoning-delta")).toBe("Okay, the user greets me.\nI should greet back.");
    expect(textOf(events)).toBe("Hello!");
    expect(events.filter((event) => event.type === "reply-end")).toHaveLength(1);
  });

  test("gives search results as sources and the last round's usage", () => {
    const events = decodeRecording("syn-04-native-web-search.sse");
    expect(events.filter((event) => event.type === "source").map((event) => event["source"])).toEqual([
      { url: "https://example.com/a", title: "Release notes A", snippet: "Synthetic snippet A." },
      { url: "https://example.org/b", title: "Post B", snippet: "Synthetic snippet B." },
    ]);
    expect(textOf(events)).toBe("According to the notes [[1]], it shipped.");
    expect(events.find((event) => event.type === "usage-update")?.["usage"]).toMatchObject({ inputTokens: 3319 });
  });

  test("gives an image as Markdown and skips keep-alive events", () => {
    const events = decodeRecording("syn-06-t2i-keepalive.sse");
    expect(textOf(events)).toStartWith("![image](https://cdn.example.invalid/");
    expect(events.at(-1)?.type).toBe("reply-end");
  });

  const failures: readonly (readonly [recording: string, kind: string])[] = [
    ["syn-07-error-midstream-quota_limit.sse", "overloaded"],
    ["syn-08-error-first-event-invalid_input.sse", "invalid-request"],
    ["syn-09-error-data_inspection_failed.sse", "content-filtered"],
    ["syn-10-error-string.sse", "upstream-failed"],
    ["syn-11-truncated-no-finish.sse", "upstream-failed"],
  ];
  test.each(failures)("ends %s with the error %s and no finish reason [R0-026]", (recording, kind) => {
    const events = decodeRecording(recording);
    expect(events.at(-1)).toMatchObject({ type: "reply-error", kind });
    expect(events.filter((event) => event.type === "reply-end")).toHaveLength(0);
  });

  test("ends an empty answer well", () => {
    expect(decodeRecording("syn-12-empty-answer.sse").map((event) => event.type)).toEqual(["reply-start", "reply-end"]);
  });

  test("follows the first of two interleaved replies", () => {
    const events = decodeRecording("syn-13-two-responses-interleaved.sse");
    expect(textOf(events)).toBe("A1");
    expect(events.at(-1)).toEqual({ type: "reply-end", finishReason: "stop", continuation });
  });

  test.each([...qwenStreams])("says the same of %s wherever its bytes are cut [R0-010]", (recording) => {
    const bytes = readRecording(recording);
    const whole = decodeAll(decoder(), [bytes]);
    for (let at = 1; at < bytes.length; at++) {
      expect(decodeAll(decoder(), cutAt(bytes, at))).toEqual(whole);
    }
  });

  test.each([...qwenStreams])("says the same of %s byte by byte", (recording) => {
    const bytes = readRecording(recording);
    const single = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
    expect(decodeAll(decoder(), single)).toEqual(decodeAll(decoder(), [bytes]));
  });

  test("ends at the finish mark without waiting for the body to end [R0-019]", () => {
    const types: string[] = [];
    decoder().feed(new TextEncoder().encode(created + delta("Hi") + finished), (event) => void types.push(event.type));
    expect(types).toEqual(["reply-start", "text-delta", "reply-end"]);
  });

  test("continues on parent_id where that is configured [R0-017]", () => {
    const events = decodeText(created + finished, { chainOn: "parent_id" });
    expect(events.at(-1)?.["continuation"]).toEqual({ ...continuation, nodeId: userNode });
  });

  test("skips a broken line, says so once, and goes on [R1-004]", () => {
    const skipped: string[] = [];
    const events = decodeText(`${created}data: {broken\n\ndata: 7\n\n${delta("still here")}${finished}`, {
      onSkipped: (reason) => void skipped.push(reason),
    });
    expect(textOf(events)).toBe("still here");
    expect(skipped).toHaveLength(1);
  });

  test("skips a broken string among deltas whose shape it knows already [R1-004]", () => {
    const bad = delta("@").replace("@", "a\\qb");
    const events = decodeText(created + delta("one ") + delta("two ") + bad + delta("three") + finished);
    expect(textOf(events)).toBe("one two three");
    expect(events.at(-1)?.type).toBe("reply-end");
  });

  test("tolerates an injected [DONE] and does not take it for the end", () => {
    const events = decodeText(`${created}${delta("a")}data: [DONE]\n\n${delta("b")}${finished}`);
    expect(textOf(events)).toBe("ab");
    expect(decodeText(`${created}${delta("a")}data: [DONE]\n\n`).at(-1)?.type).toBe("reply-error");
  });

  test("understands streams of 2025, without phases and response ids", () => {
    const events = decodeText(
      `data: {"response.created":{"chat_id": "c", "parent_id": "p", "response_id":"r"}} \n\n` +
        `data: {"choices": [{"delta": {"role": "assistant", "content": "Hi"}}], "usage": {"input_tokens": 33, "output_tokens": 1, "total_tokens": 34, "cached_tokens": 3}}\n\n` +
        `data: {"choices": [{"delta": {"content": "", "status": "finished"}}]}\n\n`,
    );
    expect(textOf(events)).toBe("Hi");
    expect(events.at(-2)?.["usage"]).toEqual({ inputTokens: 33, outputTokens: 1, totalTokens: 34, cachedTokens: 3 });
    expect(events.at(-1)?.type).toBe("reply-end");
  });

  test("knows whether the backend itself ended the reply", () => {
    const whole = decoder();
    const cut = decoder();
    decodeAll(whole, [readRecording("syn-01-answer.sse")]);
    decodeAll(cut, [readRecording("syn-11-truncated-no-finish.sse")]);
    expect([whole.isOver, cut.isOver]).toEqual([true, false]);
  });

  test("says cumulative deltas once, in answer and thoughts, wherever their bytes are cut", () => {
    const pieces = "The sky looks blue because of the scattering of short waves.".match(/\s*\S+/g) ?? [];
    const grown = pieces.map((_, index) => pieces.slice(0, index + 1).join(""));
    const whole = grown.at(-1) ?? "";
    // The last ones repeat, as they do to carry the final usage.
    const stream = [...grown, whole, whole];
    const text =
      created +
      stream.map((content) => delta(content, "think")).join("") +
      delta("", "think", "finished") +
      stream.map((content) => delta(content)).join("") +
      delta(whole, "answer", "finished");
    const events = decodeText(text);
    expect(textOf(events, "reasoning-delta")).toBe(whole);
    expect(textOf(events)).toBe(whole);
    const bytes = new TextEncoder().encode(text);
    for (let at = 1; at < bytes.length; at += 7) expect(decodeAll(decoder(), cutAt(bytes, at))).toEqual(events);
  });

  test("loses nothing of pieces that repeat one another, also when the stream breaks off", () => {
    expect(textOf(decodeText(created + delta("ha") + delta("ha") + finished))).toBe("haha");
    expect(textOf(decodeText(created + delta("ha") + delta("haha") + delta("ha") + finished))).toBe("hahahaha");
    const cut = decodeText(created + delta("I") + delta("I am"));
    expect(textOf(cut)).toBe("II am");
    expect(cut.at(-1)).toMatchObject({ type: "reply-error", kind: "upstream-failed" });
  });

  test("says any pieces as they are, whatever they are", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary", minLength: 1 }),
      fc.constantFrom('"', "\\", "\n", "\u0001", "ha"),
    );
    fc.assert(
      fc.property(fc.array(piece, { minLength: 2, maxLength: 20 }), (pieces) => {
        // A second piece that does not begin with the first tells that these are pieces.
        const [first = "", second = ""] = pieces;
        fc.pre(!second.startsWith(first));
        const events = decodeText(created + pieces.map((content) => delta(content)).join("") + finished);
        expect(textOf(events)).toBe(pieces.join(""));
      }),
    );
  });

  const oddities: readonly (readonly [string, string])[] = [
    ["a content that is a number", '{"choices": [{"delta": {"content": 7, "phase": "answer", "status": "typing"}}]}'],
    ["a content that is an object", '{"choices": [{"delta": {"content": {}, "phase": "answer", "status": "typing"}}]}'],
    ["choices that are text", '{"choices": "none"}'],
    ["choices that are empty", '{"choices": []}'],
    ["a delta that is null", '{"choices": [{"delta": null}]}'],
    ["an array", "[1, 2]"],
    ["broken JSON", '{"choices": [{"delta": {"role": "assist'],
    ["an event of another kind", '{"response.notice": {"level": "info"}}'],
    ["a created that is null", '{"response.created": null}'],
    ["an output text that is null", '{"response.output_text.delta": null}'],
  ];
  test.each([...oddities])("skips %s, says so once and goes on [R0-027, R0-055]", (_name, data) => {
    const skipped: string[] = [];
    const line = `data: ${data}\n\n`;
    const events = decodeText(created + delta("one ") + line + delta("two ") + line + delta("three") + finished, {
      onSkipped: (reason) => void skipped.push(reason),
    });
    expect(textOf(events)).toBe("one two three");
    expect(events.at(-1)?.type).toBe("reply-end");
    expect(skipped).toHaveLength(1);
  });

  const harmless: readonly (readonly [string, string])[] = [
    [
      "thoughts of another shape",
      '{"choices": [{"delta": {"content": "", "phase": "thinking_summary", "extra": {"summary_title": {"content": "text"}, "summary_thought": {"content": [7, null]}}, "status": "typing"}}]}',
    ],
    [
      "results of another shape",
      '{"choices": [{"delta": {"role": "function", "phase": "web_search", "extra": {"web_search_info": [null, 7, {"url": 5}]}, "status": "finished"}}]}',
    ],
    [
      "a usage of another shape",
      '{"choices": [{"delta": {"content": "", "phase": "answer", "status": "typing"}}], "usage": 7}',
    ],
    [
      "an error that is null",
      '{"choices": [{"delta": {"content": "", "phase": "answer", "status": "typing"}}], "error": null}',
    ],
    [
      "a response id that is a number",
      '{"response_id": 7, "choices": [{"delta": {"content": "", "phase": "answer", "status": "typing"}}]}',
    ],
  ];
  test.each([...harmless])("is not upset by %s [R0-027]", (_name, data) => {
    const events = decodeText(`${created}${delta("one ")}data: ${data}\n\n${delta("two")}${finished}`);
    expect(textOf(events)).toBe("one two");
    expect(events.at(-1)?.type).toBe("reply-end");
  });

  test("does not fail by the error of a second reply that runs interleaved", () => {
    const other =
      '{"error": {"code": "internal_error", "details": "x"}, "response_id": "00000000-0000-4000-8000-0000000000ff"}';
    const events = decodeText(`${created}${delta("one ")}data: ${other}\n\n${delta("two")}${finished}`);
    expect(textOf(events)).toBe("one two");
    expect(events.at(-1)?.type).toBe("reply-end");
  });

  test("learns its node from a delta where response.created is missing", () => {
    const events = decodeText(delta("Hi") + finished);
    expect(events[0]).toEqual({
      type: "reply-start",
      model: "qwen3-max",
      continuation: { chatId, nodeId: answerNode, responseId: answerNode, parentId: null },
    });
  });

  test.each([
    ["the message alone", `"parent_id": "${userNode}"`],
    ["another id of the answer", `"parent_id": "${userNode}", "message_id": "m"`],
  ])("learns its node from a delta where response.created tells %s [R0-015]", (_what, ids) => {
    const text = `data: {"response.created": {"chat_id": "c", ${ids}}}\n\n${delta("Hi")}${finished}`;
    expect(textOf(decodeText(text))).toBe("Hi");
    expect(decodeText(text).at(-1)).toEqual({ type: "reply-end", finishReason: "stop", continuation });
    const onParent = { ...continuation, nodeId: userNode };
    expect(decodeText(text, { chainOn: "parent_id" }).at(-1)).toMatchObject({ continuation: onParent });
  });

  test("takes the envelope of a refusal for one, though it comes as an event", () => {
    const data = '{"success": false, "request_id": "r", "data": {"code": "RateLimited", "details": "limit", "num": 3}}';
    expect(decodeText(`${created}data: ${data}\n\n`).at(-1)).toMatchObject({
      type: "reply-error",
      kind: "upstream-quota",
    });
    const flat = '{"success": false, "code": "Unauthorized", "details": "x"}';
    expect(decodeText(`data: ${flat}\n\n`).at(-1)).toMatchObject({ type: "reply-error", kind: "upstream-auth" });
  });

  const limit = { success: false, data: { code: "RateLimited", details: "limit", num: 3 } };
  test.each([
    [
      "a piece of the firewall's JSON",
      '{"ret":["FAIL_SYS_USER_VALIDATE","RGV587_ERROR::SM::x"]}',
      "upstream-challenge",
    ],
    ["the same as an event", 'data: {"ret":["FAIL_SYS_USER_VALIDATE"]}\n\n', "upstream-challenge"],
    ["a page of the firewall", '<!doctype html>\n<meta name="aliyun_waf_aa" content="f">\n', "upstream-challenge"],
    ["an envelope", JSON.stringify(limit), "upstream-quota"],
    ["an envelope in lines", JSON.stringify(limit, null, 2), "upstream-quota"],
    ["an envelope without `success`", 'data: {"code":"RateLimited","detail":"limit","num":3}\n\n', "upstream-quota"],
    ["nothing that is known", "Service is coming up\n", "upstream-failed"],
  ])("takes what stands in place of events, %s, for what it is", (_what, text, kind) => {
    for (const before of ["", created]) {
      const refusals: string[] = [];
      const onRefusal = (refusal: GatewayError): GatewayError => {
        refusals.push(refusal.kind);
        return refusal;
      };
      expect(decodeText(before + text, { onRefusal }).at(-1)).toMatchObject({ type: "reply-error", kind });
      expect(refusals).toEqual(kind === "upstream-failed" ? [] : [kind]);
    }
  });

  test("takes nothing for a refusal once something was said, or when the reply ends well", () => {
    const strange = 'data: {"ret":["FAIL_SYS_USER_VALIDATE"]}\n\n';
    expect(decodeText(created + delta("Hi") + strange).at(-1)).toMatchObject({ kind: "upstream-failed" });
    expect(decodeText(created + strange + delta("Hi") + finished).at(-1)).toMatchObject({ type: "reply-end" });
  });

  test("never throws, whatever bytes it is fed", () => {
    const line = fc.oneof(
      fc.json().map((value) => `data: ${value}\n\n`),
      fc.string().map((value) => `data: ${value}\n\n`),
      fc.constantFrom(created, delta("x"), delta("y", "think"), delta("", "think", "finished"), "\r\n", ": c\n"),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const events = decodeText(lines.join(""));
        expect(events.filter(({ type }) => type === "reply-end" || type === "reply-error")).toHaveLength(1);
      }),
      { numRuns: 2000 },
    );
  });
});
