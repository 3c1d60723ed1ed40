// The compiled executable in front of a server of one's own: a short part of `bun run test:clients`, with the official client.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import OpenAI from "openai";
import { makeParseableResponseFormat } from "openai/lib/parser";
import { type ClientStage, startClientStage } from "../support/client-stage.ts";

setDefaultTimeout(20_000);

const hello = [{ role: "user" as const, content: "Say hello there" }];
const tool = (name: string) => ({
  type: "function" as const,
  function: { name, parameters: { type: "object", properties: { city: { type: "string" } } } },
});

describe.each(["dashscope", "vllm"] as const)("%s behind the executable", (dialect) => {
  let stage: ClientStage;
  beforeAll(async () => {
    stage = await startClientStage(dialect);
  });
  beforeEach(() => stage.emulator.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  const client = () => new OpenAI({ baseURL: stage.baseUrl, apiKey: "none", maxRetries: 0 });

  test("streams words, usage and one finish [R1-015] [R1-025]", async () => {
    const usage = { promptTokens: 4, completionTokens: 6 };
    stage.emulator.script({ reply: { reasoning: ["I count."], text: "1 2 3", usage } });
    const completion = await client()
      .chat.completions.stream({ model: stage.model, messages: hello, stream_options: { include_usage: true } })
      .finalChatCompletion();

    expect(completion.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: "1 2 3" } });
    expect(completion.usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 6, total_tokens: 10 });
  });

  test("calls tools in parallel", async () => {
    const content = "Call get_weather with city=Paris and get_time with city=Rome";
    const completion = await client().chat.completions.create({
      model: stage.model,
      messages: [{ role: "user", content }],
      tools: [tool("get_weather"), tool("get_time")],
    });

    expect(completion.choices[0]?.finish_reason).toBe("tool_calls");
    expect(completion.choices[0]?.message.tool_calls).toHaveLength(2);
  });

  test("holds its model to a schema: bare JSON as it comes, strict tools, thoughts as tags", async () => {
    const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const format = makeParseableResponseFormat(
      { type: "json_schema", json_schema: { name: "place", strict: true, schema } },
      JSON.parse,
    );
    const messages = [{ role: "user" as const, content: "Where? In JSON" }];
    const parsed = await client().chat.completions.parse({ model: stage.model, messages, response_format: format });
    expect(Object.keys(parsed.choices[0]?.message.parsed ?? {})).toEqual(["city"]);
    stage.emulator.script({ reply: { chunks: ["```json\n{", '"city": "Rome"', "}\n```"] } });
    const streamed = await client()
      .chat.completions.stream({ model: stage.model, messages, response_format: format })
      .finalChatCompletion();
    expect(streamed.choices[0]?.message).toMatchObject({ content: '{"city": "Rome"}', parsed: { city: "Rome" } });
    expect(stage.completions().at(-1)?.body).toMatchObject({ response_format: { type: "json_schema" } });

    stage.emulator.script({ reply: { reasoning: ["I see."], text: "Rome." } });
    const tagged = await client().chat.completions.create(
      { model: stage.model, messages: hello },
      { headers: { "x-reasoning-display": "tags" } },
    );
    expect(tagged.choices[0]?.message.content).toBe("<think>\nI see.\n</think>\n\nRome.");
  });

  test("stops the server when the client leaves", async () => {
    stage.emulator.script({ reply: { text: "word ", repeat: 10_000, paceMs: 5 } });
    const stream = await client().chat.completions.create({ model: stage.model, messages: hello, stream: true });
    for await (const _ of stream) stream.controller.abort();
    await stage.emulator.until((requests) => requests.some(({ aborted }) => aborted));

    expect(stage.completions().map(({ finished }) => finished)).toEqual([false]);
  });

  test("gives refusals their classes, and a broken stream an error behind its words", async () => {
    stage.emulator.script(
      { refuse: "model-not-found" },
      { reply: { text: "one two three four", faults: [{ kind: "drop", after: 2 }] } },
    );
    const refused: unknown = await client()
      .chat.completions.create({ model: stage.model, messages: hello })
      .catch((error: unknown) => error);
    const stream = await client().chat.completions.create({ model: stage.model, messages: hello, stream: true });
    let text = "";
    const reading = (async () => {
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
    })();

    expect(refused).toBeInstanceOf(OpenAI.NotFoundError);
    expect(await reading.catch((error: unknown) => error)).toBeInstanceOf(OpenAI.APIError);
    expect(text).toStartWith("one");
  });
});
