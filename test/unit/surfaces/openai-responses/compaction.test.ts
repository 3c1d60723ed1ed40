import { describe, expect, test } from "bun:test";
import type { ChatReply } from "../../../../src/contract/chat-reply.ts";
import type { ContentPart } from "../../../../src/contract/chat-request.ts";
import type { ChatEvent, FinishReason } from "../../../../src/contract/events.ts";
import { jsonText } from "../../../../src/contract/json.ts";
import { parseBody } from "../../../../src/conversation/parse-body.ts";
import { isKeptWhole, summaryOutput, withoutCompacted } from "../../../../src/surfaces/openai-responses/compaction.ts";
import { parseCountRequest, parseRequest } from "../../../../src/surfaces/openai-responses/parse-request.ts";
import { encodeCompacted, encodeReply } from "../../../../src/surfaces/openai-responses/response-object.ts";
import { createEncoder } from "../../../../src/surfaces/openai-responses/create-encoder.ts";
import { parseResponseStream } from "../../../support/response-frames.ts";
import { nothingKnown } from "../../../../src/surfaces/openai-responses/parse-input.ts";

const identity = { replyId: "0".repeat(32), model: "m", createdAtMs: 1_790_000_000_999 };
const trigger = { type: "compaction_trigger" };
const hello = { role: "user", content: "Hello" };
const said = { role: "assistant", content: "Hello, Mira." };

const holding = (text: string) => summaryOutput(identity, text, "stop")[0]!;
const sealed = (text: string) => String(holding(text)["encrypted_content"]);

function textsOf(input: readonly unknown[]): string[] {
  const wordsOf = (part: ContentPart) => (part.type === "text" ? part.text : part.type);
  return parseRequest({ input }).messages.map(({ role, content }) => `${role}: ${content.map(wordsOf).join("")}`);
}

describe("a summary in an input", () => {
  test.each(["The user is Mira.", "Привет, Мира 🚆", "a\nb.c\u0000", "Mira likes trains. ".repeat(500)])(
    "is told in its place: %#",
    (text) => {
      const items = [hello, holding(text), hello];
      const told = ["user: Hello", `user: Summary of the conversation so far:\n${text}`, "user: Hello"];

      expect(textsOf(items)).toEqual(told);
      const { input } = parseBody(Buffer.from(JSON.stringify({ input: items }))) as { input: unknown[] };
      expect(textsOf(input)).toEqual(told);
    },
  );

  test("does not show what it holds", () => {
    expect(sealed("The user is Mira.")).not.toContain("Mira");
  });

  test.each([
    ["of OpenAI", "gAAAAABpJ1"],
    ["that was cut", sealed("The user is Mira.").slice(0, -3)],
    ["with something behind it", `${sealed("The user is Mira.")}.x`],
    ["that is empty", ""],
    ["that is missing", undefined],
    ["that is no text", 7],
  ])("one %s is refused by its field", (_name, encrypted_content) => {
    const input = [hello, { type: "compaction", encrypted_content }];

    expect(() => parseRequest({ input })).toThrow(
      '"input[1].encrypted_content" was not made by a gateway of this kind',
    );
  });
});

describe("a trigger", () => {
  test("asks for a summary behind the conversation, and for nothing else", () => {
    const look = { type: "function", name: "look", parameters: {} };
    const input = [hello, said, trigger];
    const text = { format: { type: "json_object" } };
    const steering = { stop: ["\n"], temperature: 0.2 };
    const request = parseRequest({ input, text, tools: [look, { type: "web_search" }], ...steering });

    expect(textsOf(input)[2]).toStartWith("user: Summarize this conversation.");
    expect(request).toMatchObject({ isBare: true, toolChoice: "none", webSearch: undefined });
    expect(request.messages).toHaveLength(3);
    expect(request.format).toBeUndefined();
    expect(request.steering).toEqual({ temperature: 0.2 });
  });

  test("is no part of what is counted", () => {
    expect(parseCountRequest({ input: [hello, trigger] }, nothingKnown).messages).toHaveLength(1);
  });

  test("that something follows is refused by its place", () => {
    expect(() => parseRequest({ input: [hello, trigger, hello] })).toThrow('"input[1]" must be the last item');
  });

  test("that nobody has said anything before is refused", () => {
    expect(() => parseRequest({ input: [trigger] })).toThrow('"input" must hold a message with role "user"');
  });
});

describe("what is gone on from", () => {
  const rules = { type: "message", role: "developer", content: "Be kind." };
  const summary = { type: "compaction", encrypted_content: "x" };

  test("begins with the newest summary that was asked for, beside what users and developers said", () => {
    const call = { type: "function_call", call_id: "c1", name: "look", arguments: "{}" };
    const older = { ...summary, encrypted_content: "y" };

    expect(withoutCompacted([rules, older, hello, said, call, trigger, summary, said])).toEqual([
      rules,
      hello,
      summary,
      said,
    ]);
  });

  test.each([
    ["a summary that was sent", [hello, said, summary, hello]],
    ["a question that nobody answered", [hello, said, trigger, hello]],
  ])("is all of it after %s", (_name, items) => {
    expect(withoutCompacted(items)).toEqual(items);
  });

  test("keeps the words of everybody but the model", () => {
    expect([hello, rules, said, trigger, summary, null, { type: "item_reference", id: "x" }].map(isKeptWhole)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("a summary that was asked for", () => {
  const usage = { inputTokens: 5, outputTokens: 7, totalTokens: 12 };
  const request = parseRequest({ input: [hello, trigger] });

  function replyOf(text: string, finishReason: FinishReason): ChatReply {
    return { identity, text, reasoning: "Hm.", toolCalls: [], sources: [], finishReason, usage };
  }

  function words(block: "text" | "reasoning", index: number, text: string): ChatEvent[] {
    const type = block === "text" ? "text-delta" : "reasoning-delta";
    const deltas = Array.from(text, (sign): ChatEvent => ({ type, index, text: jsonText(sign) }));
    return [{ type: "block-start", index, block }, ...deltas, { type: "block-end", index, block }];
  }

  function streamed(text: string, finishReason: FinishReason) {
    const encoder = createEncoder(request, identity);
    const said = [...words("reasoning", 0, "Hm."), ...words("text", 1, text), ...words("text", 2, text)];
    for (const event of [
      { type: "reply-start" } as const,
      ...said,
      { type: "reply-end", finishReason, usage } as const,
    ]) {
      encoder.write(event);
    }
    return parseResponseStream(new TextDecoder().decode(encoder.take()));
  }

  test("is the only item, whole and streamed", () => {
    expect(encodeReply(request, replyOf("Mira.", "stop"))).toMatchObject({
      status: "completed",
      output: [holding("Mira.")],
      usage: { total_tokens: 12 },
    });
    const { response, types } = streamed("Mira.", "stop");
    expect(response).toMatchObject({
      status: "completed",
      output: [holding("Mira.Mira.")],
      usage: { total_tokens: 12 },
    });
    expect(types.map((type) => type.slice("response.".length))).toEqual([
      "created",
      "in_progress",
      "output_item.added",
      "output_item.done",
      "completed",
    ]);
  });

  test.each([
    ["cut off", "length", "incomplete"],
    ["filtered", "content_filter", "incomplete"],
    ["", "stop", "failed"],
    ["calls", "tool_calls", "failed"],
  ] as const)("is none when it is %p and ended by %p", (text, reason, status) => {
    expect(encodeReply(request, replyOf(text, reason))).toMatchObject({ status, output: [] });
    expect(streamed(text, reason).response).toMatchObject({ status, output: [] });
    expect(encodeCompacted(replyOf(text, reason), [])).toBeUndefined();
  });
});
