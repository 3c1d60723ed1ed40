// Anthropic's official client against the compiled executable, with the emulated Qwen behind it.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({
    environment: {
      RETRY_BASE_DELAY_MS: "5",
      RETRY_MAX_DELAY_MS: "20",
      // Each case has its own refusal: none may answer the next one's request from memory.
      ACCOUNT_COOLDOWN_MAX_MS: "1",
    },
  });
});
afterAll(() => stage[Symbol.asyncDispose]());

// Its addresses begin with /v1 themselves.
const client = (apiKey = "none") => new Anthropic({ baseURL: stage.gateway.url, apiKey, maxRetries: 0 });
const body = (content: string, fields: object = {}) => ({
  model: "claude-opus-5",
  max_tokens: 1000,
  messages: [{ role: "user" as const, content }],
  ...fields,
});

async function errorOf(work: PromiseLike<unknown>): Promise<InstanceType<typeof Anthropic.APIError>> {
  const error: unknown = await Promise.resolve(work).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Anthropic.APIError) return error;
  throw new Error(`Expected an error of the API, got ${String(error)}`);
}

describe("messages", () => {
  test("create answers whole, under the name that was asked for", async () => {
    const message = await client().messages.create(body("Count from 1 to 5"));

    expect(message).toMatchObject({
      id: expect.stringMatching(/^msg_/),
      type: "message",
      role: "assistant",
      model: "claude-opus-5",
      content: [{ type: "text", text: "1 2 3 4 5" }],
      stop_reason: "end_turn",
    });
    expect(message.usage.output_tokens).toBeGreaterThan(0);
    expect(message._request_id).toMatch(/^req_/);
  });

  test("stream gives thoughts and words in pieces, and the whole in the end [R1-025]", async () => {
    const pieces: string[] = [];
    const stream = client().messages.stream(
      body("Count from 6 to 9", { thinking: { type: "enabled", budget_tokens: 1024 } }),
    );
    stream.on("text", (piece) => pieces.push(piece));
    const message = await stream.finalMessage();

    expect(pieces.join("")).toBe("6 7 8 9");
    expect(pieces.length).toBeGreaterThan(1);
    expect(message.content.map(({ type }) => type)).toEqual(["thinking", "text"]);
    expect(message.stop_reason).toBe("end_turn");
  });

  test("countTokens counts what has been asked, models.list names what there is", async () => {
    const { input_tokens } = await client().messages.countTokens({
      model: "claude-opus-5",
      messages: [{ role: "user", content: "Hello there" }],
    });
    const models = await Array.fromAsync(client().models.list());

    expect(input_tokens).toBeGreaterThan(0);
    expect(models.map(({ id }) => id)).toContain("qwen3-max");
    expect(await client().models.retrieve("qwen3-max")).toMatchObject({ type: "model", display_name: "Qwen3 max" });
  });
});

describe("beta.messages.toolRunner", () => {
  test.each([true, false])("runs three rounds in one chat, streamed: %p", async (stream) => {
    const before = (await stage.emulator.turns()).length;
    const ran: unknown[] = [];
    const define = (name: string, property: string, answer: string) =>
      betaTool({
        name,
        description: `Tells the ${name}.`,
        inputSchema: { type: "object", properties: { [property]: { type: "string" } }, required: [property] },
        run(values: unknown) {
          ran.push({ name, values });
          return answer;
        },
      });
    const tools = [define("get_weather", "city", "21 degrees"), define("get_time", "zone", "noon")];
    const ask =
      "Call get_weather with city=Paris, then call get_time with zone=CET, then call get_weather with city=Rome";
    const runner = client().beta.messages.toolRunner({ ...body(ask), tools, stream });
    const message = await runner.runUntilDone();

    expect(message.content).toEqual([expect.objectContaining({ text: "get_weather says: 21 degrees" })]);
    expect(ran).toEqual([
      { name: "get_weather", values: { city: "Paris" } },
      { name: "get_time", values: { zone: "CET" } },
      { name: "get_weather", values: { city: "Rome" } },
    ]);
    const turns = (await stage.emulator.turns()).slice(before);
    expect(turns).toHaveLength(4);
    expect(new Set(turns.map(({ chatId }) => chatId)).size).toBe(1);
  });
});

describe("errors of the official client", () => {
  test("a wrong field is a BadRequestError that names it", async () => {
    const error = await errorOf(client().messages.create({ ...body("Hello"), messages: [] }));

    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(error).toMatchObject({ status: 400, type: "invalid_request_error" });
    expect(error.apiMessage).toBe('Invalid request: "messages" must not be empty');
    expect(error.requestID).toMatch(/^req_/);
  });

  test("a used-up account is a RateLimitError, a refused one no AuthenticationError", async () => {
    await stage.emulator.script({
      match: "limit please",
      times: "always",
      refuse: { name: "rate-limited", hours: 10 },
    });
    await stage.emulator.script({ match: "who am I to you", times: "always", refuse: "token-expired" });
    const limited = await errorOf(client().messages.create({ ...body("limit please"), stream: true }));
    const refused = await errorOf(client().messages.create(body("who am I to you")));

    expect(limited).toBeInstanceOf(Anthropic.RateLimitError);
    expect(refused).toBeInstanceOf(Anthropic.InternalServerError);
    expect(refused).toMatchObject({ status: 502, type: "api_error" });
  });

  test("a stream that breaks off throws behind the words that came", async () => {
    await stage.emulator.script({
      match: "break off",
      reply: { text: "half an answer", faults: [{ kind: "end", after: 3 }] },
    });
    const stream = client().messages.stream(body("break off"));
    let text = "";
    stream.on("text", (piece) => {
      text += piece;
    });
    const error = await errorOf(stream.finalMessage());

    expect(text).toStartWith("half");
    expect(error.type).toBe("api_error");
  });

  test("a wrong key is an AuthenticationError", async () => {
    await using guarded = await startStage({ environment: { API_KEY: "right-key" } });
    const ask = (apiKey: string) =>
      new Anthropic({ baseURL: guarded.gateway.url, apiKey, maxRetries: 0 }).messages.create(body("Say hello"));

    expect(await errorOf(ask("wrong-key"))).toBeInstanceOf(Anthropic.AuthenticationError);
    expect((await ask("right-key")).stop_reason).toBe("end_turn");
  });
});
