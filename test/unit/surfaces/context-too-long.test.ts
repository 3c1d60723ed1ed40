// Each client protocol, whichever there are, tells a prompt that is too long in words by which agents compact their history.

import { expect, test } from "bun:test";
import { contextTooLong, type PromptLengths } from "../../../src/contract/context-too-long.ts";
import { GatewayError, httpStatus } from "../../../src/contract/gateway-error.ts";
import type { ChatRequest } from "../../../src/contract/chat-request.ts";
import type { Surface } from "../../../src/contract/surface.ts";
import { surfaces } from "../../../src/surfaces/index.ts";

const request: ChatRequest = {
  surface: "any",
  model: "m",
  messages: [],
  tools: [],
  toolChoice: undefined,
  stream: true,
  includeUsage: false,
  maxTokens: undefined,
  reasoning: {},
  webSearch: undefined,
  session: {},
  body: {},
};

const errorOf = (lengths: PromptLengths = {}) => new GatewayError("context-too-long", contextTooLong(lengths));

function frameOf(surface: Surface, error: GatewayError): string {
  const encoder = surface.createEncoder(request, { replyId: "r", model: "m", createdAtMs: 0 });
  encoder.write({ type: "reply-error", error });
  return new TextDecoder().decode(encoder.take());
}

/** What clients look for: patterns of Claude Code, pi, OpenClaw, opencode, Cline and LiteLLM (2026-09). */
const clients = [
  /prompt is too long[^0-9]*(\d+)\s*tokens?\s*>\s*(\d+)/i,
  /prompt is too long/i,
  /maximum context length is \d+ tokens/i,
  /maximum context length/i,
];

test.each(surfaces.map((surface) => [surface.name, surface] as const))(
  "%s, as an answer and as a frame",
  (_, surface) => {
    const error = errorOf({ promptTokens: 140_000, contextTokens: 131_072 });

    for (const text of [JSON.stringify(surface.encodeError(error, "req")), frameOf(surface, error)]) {
      for (const pattern of clients) expect(text).toMatch(pattern);
      if (surface.name.startsWith("openai-")) expect(text).toContain('"code":"context_length_exceeded"');
    }
    expect(httpStatus[error.kind]).toBe(400);
  },
);

test.each(surfaces.map((surface) => [surface.name, surface] as const))("%s, where no number was told", (_, surface) => {
  const text = JSON.stringify(surface.encodeError(errorOf(), "req"));

  expect(text).toMatch(/prompt is too long/i);
  expect(text).toMatch(/maximum context length/i);
});

test("contextTooLong tells what it knows, and nothing else", () => {
  expect(contextTooLong({ maxPromptTokens: 98_304 })).toBe(
    "The prompt is too long: it does not fit into the maximum context length of 98304 tokens. Shorten the conversation or start a new one",
  );
  expect(contextTooLong({ promptTokens: 9 })).toContain("too long: 9 tokens, it does not fit");
  expect(contextTooLong({}, "the message has 7 characters")).toStartWith(
    "The prompt is too long: the message has 7 characters, it does not fit into the maximum context length.",
  );
});
