// The `ai` package with `@ai-sdk/openai-compatible` against the compiled executable.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, isStepCount, Output, RetryError, streamText, tool } from "ai";
import { z } from "zod";
import { type ClientStage, onePixel, startClientStage } from "../support/client-stage.ts";

setDefaultTimeout(20_000);

const cityTool = (said: string) =>
  tool({
    description: said,
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `${said} in ${city}`,
  });
const tools = { get_weather: cityTool("rain"), get_time: cityTool("noon") };
const callBoth = "Call get_weather with city=Paris and get_time with city=Rome";

describe.each(["dashscope", "vllm", "ollama", "llama-cpp"] as const)("ai with %s", (dialect) => {
  let stage: ClientStage;
  beforeAll(async () => {
    stage = await startClientStage(dialect);
  });
  beforeEach(() => stage.emulator.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  const model = () =>
    createOpenAICompatible({
      name: "gateway",
      baseURL: stage.baseUrl,
      includeUsage: true,
      supportsStructuredOutputs: true,
    })(stage.model);

  test("streamText: words, thoughts, usage, finish [R1-025]", async () => {
    stage.emulator.script({
      reply: { reasoning: ["I count."], text: "1 2 3", usage: { promptTokens: 4, completionTokens: 6 } },
    });
    const result = streamText({ model: model(), prompt: "Count" });
    const pieces = await Array.fromAsync(result.textStream);

    expect(pieces.join("")).toBe("1 2 3");
    expect(pieces.length).toBeGreaterThan(1);
    expect((await result.reasoningText)?.trim()).toBe("I count.");
    expect(await result.finishReason).toBe("stop");
    expect(await result.usage).toMatchObject({ inputTokens: 4, outputTokens: 6 });
  });

  test("streamText: parallel tools, and an answer from their results", async () => {
    const result = streamText({ model: model(), tools, stopWhen: isStepCount(3), prompt: callBoth });
    const text = await result.text;
    const steps = await result.steps;

    expect(steps[0]?.toolCalls.map(({ toolName, input }) => [toolName, input])).toEqual([
      ["get_weather", { city: "Paris" }],
      ["get_time", { city: "Rome" }],
    ]);
    expect(text).toBe("get_weather says: rain in Paris\nget_time says: noon in Rome");
    expect(steps).toHaveLength(2);
  });

  test("generateText: an answer, and tools", async () => {
    const plain = await generateText({ model: model(), prompt: "Say hello there" });
    const told = await generateText({ model: model(), tools, stopWhen: isStepCount(3), prompt: callBoth });

    expect([plain.text, plain.finishReason]).toEqual(["hello there", "stop"]);
    expect(told.text).toContain("noon in Rome");
  });

  test("Output.object: what the schema says", async () => {
    const schema = z.object({ city: z.string(), degrees: z.number() });
    const { output } = await generateText({
      model: model(),
      output: Output.object({ schema }),
      prompt: "As JSON: where?",
    });
    const streamed = streamText({ model: model(), output: Output.object({ schema }), prompt: "As JSON: where?" });

    expect(Object.keys(output)).toEqual(["city", "degrees"]);
    expect(await streamed.output).toEqual(output);
  });

  test("a picture", async () => {
    const image = { type: "file" as const, data: Buffer.from(onePixel, "base64"), mediaType: "image/png" };
    const content = [{ type: "text" as const, text: "What is this?" }, image];
    const { text } = await generateText({ model: model(), messages: [{ role: "user", content }] });

    expect(text).toContain("image 1");
  });

  test("abort ends the request behind the gateway", async () => {
    stage.emulator.script({ reply: { text: "word ", repeat: 10_000, paceMs: 5 } });
    const controller = new AbortController();
    const result = streamText({ model: model(), prompt: "Go on", abortSignal: controller.signal, onError: () => {} });
    for await (const _ of result.textStream) controller.abort();
    await stage.emulator.until((requests) => requests.some(({ aborted }) => aborted));

    expect(stage.completions()[0]?.finished).toBe(false);
  });

  test("a passing failure is asked again, by the client", async () => {
    stage.emulator.script({ refuse: "internal-error" });
    const { text } = await generateText({ model: model(), prompt: "Say hello there", maxRetries: 1 });

    expect(text).toBe("hello there");
    expect(stage.completions()).toHaveLength(2);
  });

  test.each([
    ["invalid-parameter", 400, false],
    ["model-not-found", 404, false],
    ["in-debt", 429, true],
    ["access-denied", 502, true],
  ] as const)("%s is an APICallError with %d", async (refuse, statusCode, isRetryable) => {
    stage.emulator.script({ refuse });
    const error: unknown = await generateText({ model: model(), prompt: "Hi", maxRetries: 0 }).catch((cause) => cause);

    expect(APICallError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ statusCode, isRetryable });
  });

  test("what never works is a RetryError", async () => {
    stage.emulator.script({ times: "always", refuse: "internal-error" });
    const error: unknown = await generateText({ model: model(), prompt: "Hi", maxRetries: 1 }).catch((cause) => cause);

    expect(RetryError.isInstance(error)).toBe(true);
  });

  test("a stream that breaks off is an error behind its words", async () => {
    stage.emulator.script({ reply: { text: "one two three four", faults: [{ kind: "drop", after: 2 }] } });
    const errors: unknown[] = [];
    const result = streamText({ model: model(), prompt: "Go", onError: ({ error }) => void errors.push(error) });
    const parts = await Array.fromAsync(result.fullStream);

    expect(parts.some(({ type }) => type === "error")).toBe(true);
    expect(parts.some(({ type }) => type === "text-delta")).toBe(true);
    expect(errors).toHaveLength(1);
  });
});
