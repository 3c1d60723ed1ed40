// Conversations that a client has shortened: what a summary in a history says, and the block that one is asked for in.

import { describe, expect, test } from "bun:test";
import type { ChatReply } from "../../../../src/contract/chat-reply.ts";
import type { ChatEvent, FinishReason } from "../../../../src/contract/events.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { jsonText } from "../../../../src/contract/json.ts";
import { parseBody } from "../../../../src/conversation/parse-body.ts";
import { parseCountRequest, parseRequest } from "../../../../src/surfaces/anthropic-messages/parse-request.ts";
import { anthropicMessages, encodeReply } from "../../../../src/surfaces/anthropic-messages/surface.ts";
import { parseFrames } from "../../../support/sse-frames.ts";

const hello = { role: "user", content: "Hello" };
const said = { role: "assistant", content: "Hello, Mira." };
const look = { name: "look", input_schema: { type: "object" } };
const addition = { type: "tool_addition", tool: { type: "tool_definition", definition: look } };
const removal = { type: "tool_removal", tool: { type: "tool_reference", name: "look" } };
const summarize = { type: "summarize" };

const parse = (fields: object = {}) => parseRequest({ max_tokens: 9, messages: [hello, said], ...fields });
const after = (...content: object[]) => parse({ messages: [{ role: "assistant", content }, hello] });
const summary = (fields: object = {}) => ({ type: "compaction", content: "The user is Mira.", ...fields });
const textOf = ({ messages }: ReturnType<typeof parse>) =>
  messages.map(({ role, content }) => [role, content.map((part) => (part.type === "text" ? part.text : "")).join("")]);

const told = ["user", "Summary of the conversation so far:\nThe user is Mira."];

describe("a summary in a history", () => {
  test("stands in the place of what was said", () => {
    expect(textOf(after(summary()))).toEqual([told, ["user", "Hello"]]);
  });

  test("is what the model goes on from when nothing follows", () => {
    expect(textOf(parse({ messages: [{ role: "assistant", content: [summary()] }] }))).toEqual([told]);
  });

  test("stands before the rest of its message", () => {
    const rest = { type: "text", text: "Go on." };

    expect(textOf(after(summary(), rest))).toEqual([told, ["assistant", "Go on."], ["user", "Hello"]]);
  });

  test.each([null, ""])("says nothing where there is none: %p", (content) => {
    expect(textOf(after(summary({ content })))).toEqual([["user", "Hello"]]);
  });

  test("may be long", () => {
    const content = "Mira likes trains. ".repeat(100);
    const messages = [{ role: "assistant", content: [summary({ content })] }, hello];
    const body = parseBody(Buffer.from(JSON.stringify({ max_tokens: 9, messages })));

    expect(textOf(parseRequest(body))[0]?.[1]).toEndWith(content);
  });

  test("keeps the changes of tools that were told before", () => {
    expect(after(summary({ tool_changes: [addition] })).tools).toMatchObject([{ name: "look" }]);
    expect(after(summary({ tool_changes: [addition, removal] })).tools).toEqual([]);
  });
});

describe("a request for a summary", () => {
  test("asks for one behind the conversation, and for nothing else", () => {
    const request = parse({
      compaction: summarize,
      tools: [look, { type: "web_search_20250305", name: "web_search" }],
      stop_sequences: ["END"],
      output_config: { format: { type: "json_schema", schema: {} } },
    });

    expect(textOf(request).slice(0, 2)).toEqual(textOf(parse()));
    expect(textOf(request)[2]).toEqual(["user", expect.stringContaining("Summarize this conversation")]);
    expect(request).toMatchObject({ toolChoice: "none", webSearch: undefined });
    expect(request.stopSequences ?? request.format).toBeUndefined();
  });

  test("is asked in the client's own words", () => {
    const ask = (instructions: unknown) => textOf(parse({ compaction: { ...summarize, instructions } })).at(-1)?.[1];

    expect(ask("Three words, please.")).toBe("Three words, please.");
    expect(ask(" ")).toBe(ask(null)!);
  });

  test("is no part of what is counted", () => {
    const messages = [hello, said];

    expect(parseCountRequest({ messages, compaction: summarize }).messages).toHaveLength(2);
    expect(parse({ compaction: null }).messages).toHaveLength(2);
  });

  test.each([
    [{ type: "forget" }, "compaction.type"],
    ["summarize", "compaction"],
  ])("%p is refused by its name", (compaction, param) => {
    const error = (() => {
      try {
        return parse({ compaction });
      } catch (thrown) {
        return thrown;
      }
    })();

    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ kind: "invalid-request", param });
  });
});

describe("a summary that was asked for", () => {
  const identity = { replyId: "r1", model: "m", createdAtMs: 0 };
  const usage = { inputTokens: 5, outputTokens: 7, totalTokens: 12 };

  function whole(text: string, finishReason: FinishReason, fields: object = {}): unknown {
    const reply: ChatReply = { identity, text, reasoning: "Hm.", toolCalls: [], sources: [], finishReason, usage };
    return encodeReply(parse({ compaction: summarize, ...fields }), reply);
  }

  function streamed(text: string, finishReason: FinishReason, fields: object = {}) {
    const encoder = anthropicMessages.createEncoder(parse({ compaction: summarize, ...fields }), identity);
    const events: readonly ChatEvent[] = [
      { type: "reply-start" },
      { type: "block-start", index: 0, block: "reasoning" },
      { type: "reasoning-delta", index: 0, text: jsonText("Hm.") },
      { type: "block-end", index: 0, block: "reasoning" },
      { type: "block-start", index: 1, block: "text" },
      ...Array.from(text, (sign) => ({ type: "text-delta" as const, index: 1, text: jsonText(sign) })),
      { type: "block-end", index: 1, block: "text" },
      { type: "reply-end", finishReason, usage },
    ];
    for (const event of events) encoder.write(event);
    return parseFrames(new TextDecoder().decode(encoder.take())).map(({ data }) => JSON.parse(data) as object);
  }

  test("is the only block, whole and streamed", () => {
    const block = { type: "compaction", content: "Mira.", encrypted_content: null, tool_changes: [] };
    const delta = { type: "compaction_delta", content: "Mira.", encrypted_content: null };

    expect(whole("Mira.", "stop")).toMatchObject({ content: [block], stop_reason: "compaction" });
    expect(streamed("Mira.", "stop")).toMatchObject([
      { type: "message_start" },
      { type: "content_block_start", index: 0, content_block: { ...block, content: null } },
      { type: "content_block_delta", index: 0, delta },
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: "compaction" }, usage: { output_tokens: 7 } },
      { type: "message_stop" },
    ]);
  });

  test.each([
    ["cut off", "length", "max_tokens"],
    ["", "stop", "end_turn"],
  ] as const)("is none when it is %p and ended by %p: the client keeps its messages", (text, reason, stopReason) => {
    const none = { content: [{ type: "compaction", content: null }], stop_reason: stopReason };

    expect(whole(text, reason)).toMatchObject(none);
    expect(streamed(text, reason)).toMatchObject({
      2: { delta: { type: "compaction_delta", content: null } },
      4: { delta: { stop_reason: stopReason } },
    });
  });

  test("brings the changes of tools that it takes the place of", () => {
    const messages = [hello, { role: "system", content: [addition] }, said];

    expect(whole("Mira.", "stop", { messages })).toMatchObject({ content: [{ tool_changes: [addition] }] });
    expect(streamed("Mira.", "stop", { messages })[1]).toMatchObject({ content_block: { tool_changes: [addition] } });
  });
});
