// The `ai` package with its three providers, four protocols' worth, over either kind of upstream.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, isStepCount, type LanguageModel, Output, streamText, tool } from "ai";
import { z } from "zod";
import { type ModelStage, startModelStage, upstreamKinds } from "../support/model-stage.ts";
import {
  askBoth,
  callsInTurn,
  citySchema,
  saysBoth,
  saysLast,
  tellTime,
  tellWeather,
  zoneSchema,
} from "./city-tools.ts";

setDefaultTimeout(20_000);

const tools = {
  get_weather: tool({ description: "weather", inputSchema: citySchema, execute: async (input) => tellWeather(input) }),
  get_time: tool({ description: "time", inputSchema: zoneSchema, execute: async (input) => tellTime(input) }),
};

const providers: Readonly<Record<string, (stage: ModelStage) => LanguageModel>> = {
  "@ai-sdk/openai, responses": ({ baseUrl, model }) => createOpenAI({ baseURL: baseUrl, apiKey: "none" })(model),
  "@ai-sdk/openai, chat": ({ baseUrl, model }) => createOpenAI({ baseURL: baseUrl, apiKey: "none" }).chat(model),
  "@ai-sdk/openai-compatible": ({ baseUrl, model }) =>
    createOpenAICompatible({ name: "gateway", baseURL: baseUrl, includeUsage: true, supportsStructuredOutputs: true })(
      model,
    ),
  "@ai-sdk/anthropic": ({ baseUrl, model }) => createAnthropic({ baseURL: baseUrl, apiKey: "none" })(model),
};

describe.each(upstreamKinds)("ai over %s", (kind) => {
  let stage: ModelStage;
  beforeAll(async () => {
    stage = await startModelStage(kind);
  });
  beforeEach(() => stage.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  describe.each(Object.entries(providers))("%s", (_, provide) => {
    test("generateText: words, finish, usage", async () => {
      const result = await generateText({ model: provide(stage), prompt: "Say hello there" });

      expect([result.text, result.finishReason]).toEqual(["hello there", "stop"]);
      expect(result.usage.inputTokens).toBeGreaterThan(0);
      expect(result.usage.outputTokens).toBeGreaterThan(0);
    });

    test("streamText: words as they come, finish, usage", async () => {
      const result = streamText({ model: provide(stage), prompt: "Count from 1 to 9" });
      const pieces = await Array.fromAsync(result.textStream);

      expect(pieces.join("")).toBe("1 2 3 4 5 6 7 8 9");
      expect(pieces.length).toBeGreaterThan(1);
      expect(await result.finishReason).toBe("stop");
      expect((await result.usage).outputTokens).toBeGreaterThan(0);
    });

    test("generateText: a tool in each of two steps, then the answer", async () => {
      for (const call of callsInTurn) stage.script({ calls: [call] });
      const { text, steps } = await generateText({
        model: provide(stage),
        tools,
        stopWhen: isStepCount(4),
        prompt: "What is it like in Paris, and how late?",
      });

      expect(steps.map(({ toolCalls }) => toolCalls.map(({ toolName, input }) => [toolName, input]))).toEqual([
        [["get_weather", { city: "Paris" }]],
        [["get_time", { zone: "CET" }]],
        [],
      ]);
      expect(text).toContain(saysLast);
      expect(stage.asked()).toHaveLength(3);
    });

    test("streamText: two tools in one step", async () => {
      const result = streamText({ model: provide(stage), tools, stopWhen: isStepCount(3), prompt: askBoth });

      expect(await result.text).toBe(saysBoth);
      expect((await result.steps).map(({ finishReason }) => finishReason)).toEqual(["tool-calls", "stop"]);
      expect(stage.asked()[1]).toContain("rain in Paris");
    });

    test("abort ends the request behind the gateway", async () => {
      const controller = new AbortController();
      const { signal: abortSignal } = controller;
      stage.script({ text: "word ", isEndless: true });
      const result = streamText({ model: provide(stage), prompt: "Go on", abortSignal, onError: () => {} });
      for await (const _piece of result.textStream) controller.abort();

      await stage.aborted();
    });

    test("Output.object: what the schema says", async () => {
      const schema = z.object({ city: z.string(), degrees: z.number() });
      const output = Output.object({ schema });
      const whole = await generateText({ model: provide(stage), output, prompt: "As JSON: where?" });
      const streamed = streamText({ model: provide(stage), output, prompt: "As JSON: where?" });

      expect(Object.keys(whole.output)).toEqual(["city", "degrees"]);
      expect(await streamed.output).toEqual(whole.output);
    });
  });
});
