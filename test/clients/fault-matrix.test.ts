// The matrix of faults by which real clients break, for the packages that are not at hand elsewhere: each reads our answer
// whole, and misses what it was seen to miss when the fault is planted into it.

import { describe, expect, test } from "bun:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatAnthropic } from "@langchain/anthropic";
import type { AIMessageChunk, UsageMetadata } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { type LanguageModel, streamText, tool } from "ai";
import { z } from "zod";
import { chatFaults, messagesFaults, plantFault, responsesFaults } from "../support/checkers/planted-faults.ts";
import { type AnswerPath, answerOf, streamed } from "../support/surface/answer-of.ts";

const baseURL = "http://gateway.test/v1";
const apiKey = "none";

/** What a client has read. */
interface Read {
  readonly text: string;
  /** Name and input of each call. */
  readonly calls: readonly (readonly [name: string, input: unknown])[];
  readonly outputTokens: number | undefined;
}

const whole: Read = {
  text: "Hello friend.",
  calls: [
    ["get_weather", { city: "Paris", days: 2 }],
    ["get_time", { zone: "CET" }],
  ],
  outputTokens: 9,
};

type Fetch = () => Promise<Response>;
type Reader = (answer: Fetch) => Promise<Read>;

const anything = tool({
  description: "A tool",
  inputSchema: z.object({ city: z.string().optional(), days: z.number().optional(), zone: z.string().optional() }),
  execute: async () => "done",
});

/** The `ai` package over one of its providers. */
const byAi =
  (model: (fetch: typeof globalThis.fetch) => LanguageModel): Reader =>
  async (answer) => {
    const failures: unknown[] = [];
    const result = streamText({
      // Its type wants what no provider calls, such as `preconnect`.
      model: model(answer as unknown as typeof globalThis.fetch),
      prompt: "Hello",
      maxRetries: 0,
      tools: { get_weather: anything, get_time: anything },
      onError: ({ error }) => void failures.push(error),
    });
    const [text, calls, usage] = await Promise.all([result.text, result.toolCalls, result.usage]);
    if (failures.length > 0) throw failures[0];
    return { text, calls: calls.map((call) => [call.toolName, call.input]), outputTokens: usage.outputTokens };
  };

/** LangChain, by the sum of its chunks. */
async function sumOf(stream: AsyncIterable<AIMessageChunk>): Promise<Read> {
  const chunks = await Array.fromAsync(stream);
  const sum = chunks.length === 0 ? undefined : chunks.reduce((before, chunk) => before.concat(chunk));
  // Its type follows from what the chunks are declared to hold, which is nothing.
  const usage = sum?.usage_metadata as UsageMetadata | undefined;
  return {
    text: sum?.text ?? "",
    calls: (sum?.tool_calls ?? []).map(({ name, args }) => [name, args]),
    outputTokens: usage?.output_tokens,
  };
}

const readers = {
  "ai, openai-compatible": byAi((fetch) =>
    createOpenAICompatible({ name: "gateway", baseURL, includeUsage: true, fetch })("m"),
  ),
  "ai, openai chat": byAi((fetch) => createOpenAI({ baseURL, apiKey, fetch }).chat("m")),
  "ai, openai responses": byAi((fetch) => createOpenAI({ baseURL, apiKey, fetch }).responses("m")),
  "ai, anthropic": byAi((fetch) => createAnthropic({ baseURL, apiKey, fetch })("m")),
  "langchain, openai": async (answer: Fetch) =>
    sumOf(
      await new ChatOpenAI({ model: "m", apiKey, maxRetries: 0, configuration: { baseURL, fetch: answer } }).stream(
        "Hello",
      ),
    ),
  "langchain, anthropic": async (answer: Fetch) =>
    sumOf(
      await new ChatAnthropic({
        model: "m",
        apiKey,
        maxRetries: 0,
        anthropicApiUrl: "http://gateway.test",
        clientOptions: { fetch: answer },
      }).stream("Hello"),
    ),
} satisfies Record<string, Reader>;

/** What is missed: the whole answer, its calls, its usage. Nothing: a later version than the matrix's copes with it. */
type Missed = "answer" | "calls" | "usage" | "nothing";

const matrix: Readonly<
  Record<keyof typeof readers, { readonly path: AnswerPath; readonly faults: Readonly<Record<string, Missed>> }>
> = {
  "ai, openai-compatible": {
    path: "chat",
    // Calls that follow one another it tells apart by their ids.
    faults: {
      "no finish_reason": "answer",
      "no tool index": "nothing",
      "index always 0": "nothing",
      "no usage": "usage",
    },
  },
  "ai, openai chat": {
    path: "chat",
    faults: { "no tool index": "calls", "index always 0": "nothing", "no usage": "usage" },
  },
  "langchain, openai": {
    path: "chat",
    faults: { "no delta.role": "calls", "no tool index": "calls", "index always 0": "calls", "no usage": "usage" },
  },
  "ai, anthropic": {
    path: "messages",
    faults: { "no content_block_stop": "calls", "no message_stop": "answer", "no usage": "answer" },
  },
  "langchain, anthropic": { path: "messages", faults: { "no event: line": "answer", "no usage": "answer" } },
  "ai, openai responses": {
    path: "responses",
    faults: { "no output_item.done": "calls", "no completed": "answer", "no call_id": "calls", "no usage": "usage" },
  },
};

const faultsOf = { chat: chatFaults, messages: messagesFaults, responses: responsesFaults } as const;

describe.each(Object.entries(matrix))("%s", (name, { path, faults }) => {
  // A key of the table, which `entries` makes a text of.
  const reader = readers[name as keyof typeof readers];
  const read = (body: string): Promise<Read | Error> =>
    reader(async () => streamed(body)).catch((error: unknown) => error as Error);

  test.each(["web", "compatible"] as const)("reads our answer over a %s upstream [R1-025]", async (lane) => {
    expect(await read(await answerOf(path, lane, true))).toEqual(whole);
  });

  test.each(Object.entries(faults))("%s: misses its %s", async (faultName, missed) => {
    const fault = faultsOf[path].find((known) => known.name === faultName)!;
    const answer = await read(plantFault(await answerOf(path, "web", true), fault));

    if (missed === "nothing") return expect(answer).toEqual(whole);
    if (answer instanceof Error) return expect(answer.message).toMatch(/./);
    if (missed === "answer") return expect(answer).not.toEqual(whole);
    if (missed === "calls") return expect(answer.calls).not.toEqual(whole.calls);
    expect(answer.outputTokens ?? 0).toBe(0);
  });
});
