// LangChain's ChatOpenAI (chat and responses) and ChatAnthropic, over either kind of upstream.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { ChatAnthropic } from "@langchain/anthropic";
import {
  type AIMessage,
  type AIMessageChunk,
  type BaseMessage,
  HumanMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { type ModelStage, startModelStage, upstreamKinds } from "../support/model-stage.ts";
import { askBoth, citySchema, saysBoth, tellTime, tellWeather, zoneSchema } from "./city-tools.ts";

setDefaultTimeout(20_000);

const getWeather = tool(tellWeather, { name: "get_weather", description: "weather", schema: citySchema });
const getTime = tool(tellTime, { name: "get_time", description: "time", schema: zoneSchema });

const chats: Readonly<Record<string, (stage: ModelStage) => ChatOpenAI | ChatAnthropic>> = {
  "ChatOpenAI, chat": (stage) => openai(stage, false),
  "ChatOpenAI, responses": (stage) => openai(stage, true),
  ChatAnthropic: ({ url, model }) =>
    new ChatAnthropic({ model, anthropicApiUrl: url, apiKey: "none", maxRetries: 0, maxTokens: 1000 }),
};

function openai({ baseUrl, model }: ModelStage, useResponsesApi: boolean): ChatOpenAI {
  return new ChatOpenAI({ model, apiKey: "none", maxRetries: 0, useResponsesApi, configuration: { baseURL: baseUrl } });
}

async function gather(stream: AsyncIterable<AIMessageChunk>): Promise<AIMessageChunk> {
  let whole: AIMessageChunk | undefined;
  for await (const chunk of stream) whole = whole === undefined ? chunk : whole.concat(chunk);
  if (whole === undefined) throw new Error("Nothing came");
  return whole;
}

function run({ tool_calls: calls = [] }: AIMessage): ToolMessage[] {
  return calls.map(({ id, name, args }) => {
    const content = name === "get_weather" ? tellWeather(citySchema.parse(args)) : tellTime(zoneSchema.parse(args));
    return new ToolMessage({ tool_call_id: id ?? "", content });
  });
}

describe.each(upstreamKinds)("LangChain over %s", (kind) => {
  let stage: ModelStage;
  beforeAll(async () => {
    stage = await startModelStage(kind);
  });
  beforeEach(() => stage.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  describe.each(Object.entries(chats))("%s", (_, create) => {
    test("invoke and stream: words and usage", async () => {
      const whole: AIMessage = await create(stage).invoke("Say hello there");
      const streamed: AIMessage = await gather(await create(stage).stream("Say hello there"));

      expect([whole.text, streamed.text]).toEqual(["hello there", "hello there"]);
      for (const { usage_metadata: usage } of [whole, streamed]) {
        // Their own type of it is never, since its generics meet none of these chats.
        const { input_tokens: input, output_tokens: output } = usage as unknown as Record<string, number>;
        expect(input).toBeGreaterThan(0);
        expect(output).toBeGreaterThan(0);
      }
    });

    test.each(["invoke", "stream"] as const)(
      "bindTools, %s: two calls, and the answer from their results",
      async (how) => {
        const bound = create(stage).bindTools([getWeather, getTime]);
        const ask = async (messages: BaseMessage[]): Promise<AIMessage> =>
          how === "invoke" ? bound.invoke(messages) : gather(await bound.stream(messages));
        const question = new HumanMessage(askBoth);
        const called = await ask([question]);
        const told = await ask([question, called, ...run(called)]);

        expect(called.tool_calls?.map(({ name, args }) => [name, args])).toEqual([
          ["get_weather", { city: "Paris" }],
          ["get_time", { zone: "CET" }],
        ]);
        expect(told.text).toBe(saysBoth);
      },
    );

    test("a stream that breaks off throws with the sentence", async () => {
      await stage.script({ text: "one ", isEndless: true, breaksAfter: 20 });
      const read = async (): Promise<unknown> => gather(await create(stage).stream("Go on"));

      await expect(read()).rejects.toThrow("broke off before the answer was complete");
    });
  });
});
