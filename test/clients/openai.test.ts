// The official client against the compiled executable: what its helpers make of replies and failures.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { type ClientStage, onePixel, startClientStage } from "../support/client-stage.ts";

setDefaultTimeout(20_000);

const callBoth = [{ role: "user" as const, content: "Call get_weather with city=Paris and get_time with city=Rome" }];
const hello = [{ role: "user" as const, content: "Say hello there" }];

describe.each(["dashscope", "vllm", "ollama", "llama-cpp"] as const)("openai with %s", (dialect) => {
  let stage: ClientStage;
  beforeAll(async () => {
    stage = await startClientStage(dialect);
  });
  beforeEach(() => stage.emulator.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  const client = (maxRetries = 0) => new OpenAI({ baseURL: stage.baseUrl, apiKey: "none", maxRetries });
  const create = (fields: object = {}) =>
    client().chat.completions.create({ model: stage.model, messages: hello, ...fields });
  const failure = (work: Promise<unknown>) => work.catch((error: unknown) => error);

  const named = (name: string, said: string) => ({
    type: "function" as const,
    function: {
      name,
      description: said,
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
      parse: (text: string) => z.object({ city: z.string() }).parse(JSON.parse(text)),
      function: ({ city }: { city: string }) => `${said} in ${city}`,
    },
  });

  test("stream: thoughts beside the words, usage, one finish [R1-025]", async () => {
    stage.emulator.script({
      reply: { reasoning: ["I count."], text: "1 2 3", usage: { promptTokens: 4, completionTokens: 6 } },
    });
    const runner = client().chat.completions.stream({
      model: stage.model,
      messages: hello,
      stream_options: { include_usage: true },
    });
    let thoughts = "";
    runner.on("chunk", ({ choices }) => {
      const delta = choices[0]?.delta;
      if (delta !== undefined && "reasoning_content" in delta) thoughts += String(delta.reasoning_content ?? "");
    });
    const completion = await runner.finalChatCompletion();

    expect(completion.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: "1 2 3" } });
    expect(thoughts.trim()).toBe("I count.");
    expect(completion.usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 6, total_tokens: 10 });
  });

  test.each([true, false])("runTools: parallel calls and an answer from their results, stream: %p", async (stream) => {
    const tools = [named("get_weather", "rain"), named("get_time", "noon")];
    const body = { model: stage.model, messages: callBoth, tools };
    const answer = stream
      ? await client()
          .chat.completions.runTools({ ...body, stream: true })
          .finalContent()
      : await client()
          .chat.completions.runTools({ ...body, stream: false })
          .finalContent();

    expect(answer).toBe("get_weather says: rain in Paris\nget_time says: noon in Rome");
    expect(stage.completions()).toHaveLength(2);
  });

  test("parse: what the schema says", async () => {
    const schema = z.object({ city: z.string(), degrees: z.number() });
    const completion = await client().chat.completions.parse({
      model: stage.model,
      messages: [{ role: "user", content: "As JSON: where?" }],
      response_format: zodResponseFormat(schema, "place"),
    });

    expect(Object.keys(completion.choices[0]?.message.parsed ?? {})).toEqual(["city", "degrees"]);
  });

  test("a picture", async () => {
    const url = `data:image/png;base64,${onePixel}`;
    const content = [
      { type: "text" as const, text: "What is this?" },
      { type: "image_url" as const, image_url: { url } },
    ];
    const completion = await client().chat.completions.create({
      model: stage.model,
      messages: [{ role: "user", content }],
    });

    expect(completion.choices[0]?.message.content).toContain("image 1");
  });

  test("abort ends the request behind the gateway, streamed or whole", async () => {
    stage.emulator.script({ times: 2, reply: { text: "word ", repeat: 10_000, paceMs: 5 } });
    const stream = await client().chat.completions.create({ model: stage.model, messages: hello, stream: true });
    for await (const _ of stream) stream.controller.abort();
    await stage.emulator.until((requests) => requests.filter(({ aborted }) => aborted).length === 1);
    const controller = new AbortController();
    const whole = failure(
      client().chat.completions.create({ model: stage.model, messages: hello }, { signal: controller.signal }),
    );
    await stage.emulator.until((requests) => requests.filter(({ on }) => on === "completions").length === 2);
    controller.abort();
    await stage.emulator.until((requests) => requests.filter(({ aborted }) => aborted).length === 2);

    expect(await whole).toBeInstanceOf(OpenAI.APIUserAbortError);
  });

  test("a passing failure is asked again by the client, what is final is not", async () => {
    stage.emulator.script({ refuse: "internal-error" });
    const completion = await client(2).chat.completions.create({ model: stage.model, messages: hello });
    expect(completion.choices[0]?.message.content).toBe("hello there");
    expect(stage.completions()).toHaveLength(2);

    stage.emulator.reset();
    stage.emulator.script({ times: "always", refuse: "access-denied" });
    await failure(client(2).chat.completions.create({ model: stage.model, messages: hello }));
    expect(stage.completions()).toHaveLength(1);
  });

  test.each([
    ["invalid-parameter", OpenAI.BadRequestError],
    ["model-not-found", OpenAI.NotFoundError],
    ["in-debt", OpenAI.RateLimitError],
    ["rate-limited", OpenAI.RateLimitError],
    ["access-denied", OpenAI.InternalServerError],
    ["internal-error", OpenAI.InternalServerError],
  ] as const)("%s has its class, streamed or whole", async (refuse, errorClass) => {
    stage.emulator.script({ times: 2, refuse });

    expect(await failure(create())).toBeInstanceOf(errorClass);
    expect(await failure(create({ stream: true }))).toBeInstanceOf(errorClass);
  });

  test("a stream that breaks off throws behind its words", async () => {
    stage.emulator.script({ reply: { text: "one two three four", faults: [{ kind: "drop", after: 2 }] } });
    const stream = await client().chat.completions.create({ model: stage.model, messages: hello, stream: true });
    let text = "";
    const reading = (async () => {
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
    })();

    expect(await failure(reading)).toBeInstanceOf(OpenAI.APIError);
    expect(text).toStartWith("one");
  });
});
