// Anthropic's official client against the compiled executable: what its helpers make of replies and failures.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { z } from "zod";
import { type ClientStage, onePixel, startClientStage } from "../support/client-stage.ts";

setDefaultTimeout(20_000);

const callBoth = [{ role: "user" as const, content: "Call get_weather with city=Paris and get_time with city=Rome" }];
const hello = [{ role: "user" as const, content: "Say hello there" }];

/** Most models of these servers think unless they are told not to. */
function textOf({ content }: { readonly content: readonly { readonly type: string }[] }): string {
  return content.map((block) => ("text" in block ? String(block.text) : "")).join("");
}

describe.each(["dashscope", "vllm", "ollama", "llama-cpp"] as const)("@anthropic-ai/sdk with %s", (dialect) => {
  let stage: ClientStage;
  beforeAll(async () => {
    stage = await startClientStage(dialect);
  });
  beforeEach(() => stage.emulator.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  // Its addresses begin with /v1 themselves.
  const client = (maxRetries = 0) =>
    new Anthropic({ baseURL: stage.baseUrl.replace(/\/v1$/, ""), apiKey: "none", maxRetries });
  const body = (fields: object = {}) => ({ model: stage.model, max_tokens: 1000, messages: hello, ...fields });
  const create = (fields: object = {}) => client().messages.create({ ...body(fields), stream: false });
  const failure = (work: PromiseLike<unknown>) =>
    Promise.resolve(work).then(
      () => undefined,
      (error: unknown) => error,
    );

  const named = (name: string, said: string) =>
    betaZodTool({
      name,
      description: said,
      inputSchema: z.object({ city: z.string() }),
      run: ({ city }) => `${said} in ${city}`,
    });

  test("messages.stream: thoughts, words and usage [R1-025]", async () => {
    stage.emulator.script({
      reply: { reasoning: ["I count."], text: "1 2 3", usage: { promptTokens: 40, completionTokens: 6 } },
    });
    const stream = client().messages.stream(body({ thinking: { type: "enabled", budget_tokens: 1024 } }));
    const pieces: string[] = [];
    let thoughts = "";
    stream.on("text", (piece) => pieces.push(piece));
    stream.on("thinking", (piece) => {
      thoughts += piece;
    });
    const message = await stream.finalMessage();

    expect(pieces.join("")).toBe("1 2 3");
    expect(pieces.length).toBeGreaterThan(1);
    expect(thoughts.trim()).toBe("I count.");
    expect(message).toMatchObject({ stop_reason: "end_turn", role: "assistant", usage: { output_tokens: 6 } });
    expect(message.usage.input_tokens + (message.usage.cache_read_input_tokens ?? 0)).toBe(40);
    expect(message.content.map(({ type }) => type)).toEqual(["thinking", "text"]);
    expect(stream.request_id).toMatch(/^req_/);
  });

  test("messages.create: the same as a whole", async () => {
    const message = await create();

    expect(textOf(message)).toBe("hello there");
    expect(message).toMatchObject({ type: "message", model: stage.model, stop_reason: "end_turn" });
    expect(message._request_id).toMatch(/^req_/);
  });

  test.each([true, false])(
    "toolRunner: parallel calls and an answer from their results, stream: %p",
    async (stream) => {
      const tools = [named("get_weather", "rain"), named("get_time", "noon")];
      const runner = client().beta.messages.toolRunner({ ...body(), messages: callBoth, tools, stream });
      const message = await runner.runUntilDone();

      expect(textOf(message)).toBe("get_weather says: rain in Paris\nget_time says: noon in Rome");
      expect(stage.completions()).toHaveLength(2);
    },
  );

  test("a stop sequence is named", async () => {
    stage.emulator.script({ reply: { text: "one two STOP three" } });
    const message = await create({ stop_sequences: ["STOP"] });

    expect(message).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: "STOP" });
    expect(textOf(message)).toBe("one two ");
  });

  test("a picture", async () => {
    const source = { type: "base64", media_type: "image/png", data: onePixel };
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image", source },
    ];
    const message = await create({ messages: [{ role: "user", content }] });

    expect(textOf(message)).toContain("image 1");
  });

  test("abort ends the request behind the gateway", async () => {
    stage.emulator.script({ reply: { text: "word ", repeat: 10_000, paceMs: 5 } });
    const stream = client().messages.stream(body());
    stream.on("text", () => stream.abort());
    const error = await failure(stream.done());
    await stage.emulator.until((requests) => requests.some(({ aborted }) => aborted));

    expect(error).toBeInstanceOf(Anthropic.APIUserAbortError);
  });

  test("a passing failure is asked again by the client, what is final is not", async () => {
    stage.emulator.script({ refuse: "internal-error" });
    const message = await client(2).messages.create(body());
    expect(textOf(message)).toBe("hello there");
    expect(stage.completions()).toHaveLength(2);

    stage.emulator.reset();
    stage.emulator.script({ times: "always", refuse: "access-denied" });
    await failure(client(2).messages.create(body()));
    expect(stage.completions()).toHaveLength(1);
  });

  test.each([
    ["invalid-parameter", Anthropic.BadRequestError],
    ["model-not-found", Anthropic.NotFoundError],
    ["in-debt", Anthropic.RateLimitError],
    ["rate-limited", Anthropic.RateLimitError],
    ["access-denied", Anthropic.InternalServerError],
    ["internal-error", Anthropic.InternalServerError],
  ] as const)("%s has its class, streamed or whole", async (refuse, errorClass) => {
    stage.emulator.script({ times: 2, refuse });

    expect(await failure(create())).toBeInstanceOf(errorClass);
    expect(await failure(client().messages.create({ ...body(), stream: true }))).toBeInstanceOf(errorClass);
  });

  test("a stream that breaks off throws behind its words", async () => {
    stage.emulator.script({ reply: { text: "one two three four", faults: [{ kind: "drop", after: 2 }] } });
    const stream = client().messages.stream(body());
    let text = "";
    stream.on("text", (piece) => {
      text += piece;
    });
    const error = await failure(stream.finalMessage());

    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(error).toMatchObject({ type: "api_error" });
    expect(text).toStartWith("one");
  });

  test("countTokens counts, models lists", async () => {
    const { input_tokens } = await client().messages.countTokens({ model: stage.model, messages: hello });
    const models = await Array.fromAsync(client().models.list());

    expect(input_tokens).toBeGreaterThan(0);
    expect(models.map(({ id }) => id)).toContain(stage.model);
    expect(await client().models.retrieve(stage.model)).toMatchObject({ type: "model", id: stage.model });
  });
});
