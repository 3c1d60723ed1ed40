// LangChain's ChatOpenAI against the compiled executable.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type AIMessageChunk, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, type ChatOpenAIFields } from "@langchain/openai";
import { z } from "zod";
import { type ClientStage, onePixel, startClientStage } from "../support/client-stage.ts";

setDefaultTimeout(20_000);

const city = z.object({ city: z.string() });
const getWeather = tool(({ city: place }) => `rain in ${place}`, {
  name: "get_weather",
  description: "w",
  schema: city,
});
const getTime = tool(({ city: place }) => `noon in ${place}`, { name: "get_time", description: "t", schema: city });
const callBoth = new HumanMessage("Call get_weather with city=Paris and get_time with city=Rome");
const expectedCalls = [
  ["get_weather", { city: "Paris" }],
  ["get_time", { city: "Rome" }],
];

describe.each(["dashscope", "vllm", "ollama", "llama-cpp"] as const)("LangChain with %s", (dialect) => {
  let stage: ClientStage;
  beforeAll(async () => {
    stage = await startClientStage(dialect);
  });
  beforeEach(() => stage.emulator.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  const chat = (fields: ChatOpenAIFields = {}) =>
    new ChatOpenAI({
      model: stage.model,
      apiKey: "none",
      maxRetries: 0,
      useResponsesApi: false,
      configuration: { baseURL: stage.baseUrl },
      ...fields,
    });

  async function gather(stream: AsyncIterable<AIMessageChunk>): Promise<AIMessageChunk> {
    let whole: AIMessageChunk | undefined;
    for await (const chunk of stream) whole = whole === undefined ? chunk : whole.concat(chunk);
    if (whole === undefined) throw new Error("nothing came");
    return whole;
  }

  test("stream: words without thoughts in them, usage, finish [R1-025]", async () => {
    stage.emulator.script({
      reply: { reasoning: ["I count."], text: "1 2 3", usage: { promptTokens: 4, completionTokens: 6 } },
    });
    const whole = await gather(await chat().stream("Count"));

    expect(whole.content).toBe("1 2 3");
    expect(whole.response_metadata["finish_reason"]).toBe("stop");
    expect(whole.usage_metadata).toMatchObject({ input_tokens: 4, output_tokens: 6, total_tokens: 10 });
  });

  test("invoke: a whole answer", async () => {
    const answer = await chat().invoke("Say hello there");

    expect(answer.content).toBe("hello there");
    expect(answer.usage_metadata).toMatchObject({ output_tokens: expect.any(Number) });
  });

  test("bindTools: parallel calls streamed and whole, and an answer from their results", async () => {
    const bound = chat().bindTools([getWeather, getTime]);
    const streamed = await gather(await bound.stream([callBoth]));
    const whole = await bound.invoke([callBoth]);
    const calls = whole.tool_calls ?? [];
    const results = calls.map(({ id, name }) => new ToolMessage({ tool_call_id: id ?? "", content: `${name} done` }));
    const told = await bound.invoke([callBoth, whole, ...results]);

    expect(streamed.tool_calls?.map(({ name, args }) => [name, args])).toEqual(expectedCalls);
    expect(calls.map(({ name, args }) => [name, args])).toEqual(expectedCalls);
    expect(told.content).toBe("get_weather says: get_weather done\nget_time says: get_time done");
  });

  test("withStructuredOutput: what the schema says", async () => {
    const schema = z.object({ city: z.string(), degrees: z.number() });
    const structured = chat().withStructuredOutput(schema, { method: "jsonSchema" });
    const value = await structured.invoke("As JSON: where?");

    expect(Object.keys(value)).toEqual(["city", "degrees"]);
  });

  test("a picture", async () => {
    const url = `data:image/png;base64,${onePixel}`;
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url } },
    ];
    const answer = await chat().invoke([new HumanMessage({ content })]);

    expect(answer.content).toContain("image 1");
  });

  test("abort ends the request behind the gateway", async () => {
    stage.emulator.script({ reply: { text: "word ", repeat: 10_000, paceMs: 5 } });
    const controller = new AbortController();
    const reading = (async () => {
      for await (const _ of await chat().stream("Go on", { signal: controller.signal })) controller.abort();
    })();
    const failure: unknown = await reading.catch((error: unknown) => error);
    await stage.emulator.until((requests) => requests.some(({ aborted }) => aborted));

    expect(failure).toBeInstanceOf(Error);
    expect(stage.completions()[0]?.finished).toBe(false);
  });

  test("a passing failure is asked again, by the client", async () => {
    stage.emulator.script({ refuse: "internal-error" });
    const answer = await chat({ maxRetries: 1 }).invoke("Say hello there");

    expect(answer.content).toBe("hello there");
    expect(stage.completions()).toHaveLength(2);
  });

  test.each([
    ["invalid-parameter", 400],
    ["model-not-found", 404],
    ["in-debt", 429],
    ["access-denied", 502],
  ] as const)("%s is an error with status %d", async (refuse, status) => {
    stage.emulator.script({ refuse });
    const error: unknown = await chat()
      .invoke("Hi")
      .catch((cause: unknown) => cause);

    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ status });
  });

  test("a stream that breaks off throws behind its words", async () => {
    stage.emulator.script({ reply: { text: "one two three four", faults: [{ kind: "drop", after: 2 }] } });
    let text = "";
    const reading = (async () => {
      for await (const chunk of await chat().stream("Go")) text += String(chunk.content);
    })();

    expect(await reading.catch((error: unknown) => error)).toBeInstanceOf(Error);
    expect(text).toStartWith("one");
  });
});
