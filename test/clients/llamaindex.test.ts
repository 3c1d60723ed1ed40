// LlamaIndex's OpenAI model and its agent, over either kind of upstream.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { OpenAI } from "@llamaindex/openai";
import { tool } from "llamaindex";
import { type ModelStage, startModelStage, upstreamKinds } from "../support/model-stage.ts";
import { askBoth, citySchema, saysBoth, tellTime, tellWeather, zoneSchema } from "./city-tools.ts";

setDefaultTimeout(20_000);

const tools = [
  tool({ name: "get_weather", description: "weather", parameters: citySchema, execute: tellWeather }),
  tool({ name: "get_time", description: "time", parameters: zoneSchema, execute: tellTime }),
];

describe.each(upstreamKinds)("LlamaIndex over %s", (kind) => {
  let stage: ModelStage;
  beforeAll(async () => {
    stage = await startModelStage(kind);
  });
  beforeEach(() => stage.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  const model = () => new OpenAI({ model: stage.model, apiKey: "none", baseURL: stage.baseUrl, maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "Count from 1 to 9" }];

  test("chat: an answer, and its stream", async () => {
    const whole = await model().chat({ messages });
    const pieces: string[] = [];
    for await (const { delta } of await model().chat({ messages, stream: true })) pieces.push(delta);

    expect(whole.message.content).toBe("1 2 3 4 5 6 7 8 9");
    expect(pieces.join("")).toBe("1 2 3 4 5 6 7 8 9");
    expect(pieces.length).toBeGreaterThan(1);
  });

  test("exec: two calls at once, and the answer from their results", async () => {
    const asked = [{ role: "user" as const, content: askBoth }];
    const { newMessages, toolCalls } = await model().exec({ messages: asked, tools });
    const { newMessages: told } = await model().exec({ messages: [...asked, ...newMessages], tools });

    expect(toolCalls.map(({ name }) => name)).toEqual(["get_weather", "get_time"]);
    expect(told.at(-1)?.content).toBe(saysBoth);
  });

  test("streamExec: the same as a stream", async () => {
    const asked = [{ role: "user" as const, content: askBoth }];
    const first = await model().streamExec({ stream: true, messages: asked, tools });
    for await (const _chunk of first.stream);
    const second = await model().streamExec({ stream: true, messages: [...asked, ...first.newMessages()], tools });
    let words = "";
    for await (const { delta } of second.stream) words += delta;

    expect(words).toBe(saysBoth);
    expect(stage.asked()).toHaveLength(2);
  });
});
