// The official client's responses against the compiled executable, over a Qwen account and over a server of chat completions.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import OpenAI from "openai";
import { type ClientStage, startClientStage } from "../support/client-stage.ts";
import { startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const model = "qwen3-max";
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const weather = { type: "function" as const, name: "get_weather", parameters, strict: false };
const time = { type: "function" as const, name: "get_time", parameters, strict: false };

async function errorOf(work: PromiseLike<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error: unknown = await Promise.resolve(work).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof OpenAI.APIError) return error;
  throw new Error(`Expected an error of the API, got ${String(error)}`);
}

type Responses = OpenAI["responses"];

/** Asks with tools, answers each call, and asks on until there are words. */
async function runTools(responses: Responses, name: string, ask: "create" | "stream"): Promise<string> {
  const input: OpenAI.Responses.ResponseInput = [
    { role: "user", content: "Call get_weather with city=Paris and get_time with city=Rome" },
  ];
  for (;;) {
    const body = { model: name, input, tools: [weather, time], store: false };
    const response = await (ask === "create" ? responses.create(body) : responses.stream(body).finalResponse());
    const calls = response.output.flatMap((item) => (item.type === "function_call" ? [item] : []));
    if (calls.length === 0) return response.output_text;
    input.push(...(response.output as OpenAI.Responses.ResponseInputItem[]));
    for (const call of calls) {
      const { city } = JSON.parse(call.arguments) as { city: string };
      input.push({ type: "function_call_output", call_id: call.call_id, output: `${call.name} of ${city}` });
    }
  }
}

describe("over a Qwen account", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage({ environment: { RETRY_BASE_DELAY_MS: "5", ACCOUNT_COOLDOWN_MAX_MS: "1" } });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  test("responses.create answers whole", async () => {
    const response = await stage.client.responses.create({ model, input: "Count from 1 to 5" });

    expect(response).toMatchObject({ object: "response", status: "completed", output_text: "1 2 3 4 5", model });
    expect(response.usage?.total_tokens).toBeGreaterThan(0);
    expect(response._request_id).toMatch(/^req_/);
  });

  test("responses.create with stream gives every event in order", async () => {
    const stream = await stage.client.responses.create({ model, input: "Count from 1 to 9", stream: true });
    const events = await Array.fromAsync(stream);

    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
    expect(events[0]?.type).toBe("response.created");
    expect(events.at(-1)?.type).toBe("response.completed");
    const text = events.map((event) => (event.type === "response.output_text.delta" ? event.delta : "")).join("");
    expect(text).toBe("1 2 3 4 5 6 7 8 9");
  });

  test("responses.inputTokens counts without asking", async () => {
    const { responses } = stage.client;
    const short = await responses.inputTokens.count({ model, input: "Hi" });
    const long = await responses.inputTokens.count({ model, input: "Hi ".repeat(500), tools: [weather] });

    expect(short).toEqual({ object: "response.input_tokens", input_tokens: expect.any(Number) });
    expect(long.input_tokens).toBeGreaterThan(short.input_tokens + 500);
  });

  test("responses.compact gives what a later input goes on from", async () => {
    const { responses } = stage.client;
    const { object, output } = await responses.compact({ model, input: "My name is Ada." });
    const said = output as OpenAI.Responses.ResponseInputItem[];
    const { output_text: text } = await responses.create({
      model,
      input: [...said, { role: "user", content: "What is my name?" }],
    });

    expect([object, ...output.map(({ type }) => type)]).toEqual(["response.compaction", "message", "compaction"]);
    expect(text).toContain("Ada");
  });

  test("responses.stream puts thoughts and words together", async () => {
    const runner = stage.client.responses.stream({ model, input: "Count from 6 to 9", reasoning: { effort: "high" } });
    let words = "";
    runner.on("response.output_text.delta", ({ delta }) => {
      words += delta;
    });
    const response = await runner.finalResponse();

    expect([words, response.output_text]).toEqual(["6 7 8 9", "6 7 8 9"]);
    expect(response.output.map(({ type }) => type)).toEqual(["reasoning", "message"]);
  });

  test.each(["create", "stream"] as const)("tools are run by responses.%s", async (ask) => {
    expect(await runTools(stage.client.responses, model, ask)).toContain("get_time of Rome");
  });

  test("previous_response_id goes on in the chat behind kill -9; what is kept is read, listed and deleted", async () => {
    const first = await stage.client.responses.create({ model, input: "My name is Ada." });
    await stage.crashAndRestart();
    const { responses } = stage.client;
    const body = { model, input: "What is my name?", previous_response_id: first.id };
    const second = await responses.stream(body).finalResponse();

    expect(second.output_text).toContain("Ada");
    const [one, two] = (await stage.emulator.turns()).slice(-2);
    expect(two).toMatchObject({ chatId: one!.chatId, parentId: one!.responseId!, content: "What is my name?" });

    const { output_text: text, output } = await responses.retrieve(second.id);
    expect(text).toBe(second.output_text);
    expect(second.output).toMatchObject(output as object[]);
    const items = await Array.fromAsync(responses.inputItems.list(second.id));
    expect(items).toMatchObject([{ type: "message", content: [{ type: "input_text", text: "What is my name?" }] }]);
    await responses.delete(second.id);
    expect(await errorOf(responses.retrieve(second.id))).toBeInstanceOf(OpenAI.NotFoundError);
    expect(await errorOf(responses.create({ ...body, previous_response_id: second.id }))).toMatchObject({
      status: 404,
      param: "previous_response_id",
    });
  });

  test("background: polled until it is there, and cancelled", async () => {
    const { responses } = stage.client;
    let response = await responses.create({ model, input: "Count from 1 to 5", background: true });
    while (response.status === "in_progress") response = await responses.retrieve(response.id);
    await stage.emulator.script({ match: "wait for me", gate: "never", reply: { text: "never" } });
    const { id } = await responses.create({ model, input: "wait for me", background: true });

    expect([response.status, response.output_text]).toEqual(["completed", "1 2 3 4 5"]);
    expect((await responses.cancel(id)).status).toBe("cancelled");
  });

  test("background with stream: read on by retrieve, and behind kill -9 up to what had been sent", async () => {
    const script = { match: "count slowly", gate: "slow", reply: { text: "one two three four five" } };
    await stage.emulator.script(script);
    await stage.emulator.release("slow", 2);
    const { responses } = stage.client;
    const stream = await responses.create({ model, input: "count slowly", background: true, stream: true });
    let id = "";
    let last = 0;
    for await (const event of stream) {
      if (event.type === "response.created") id = event.response.id;
      last = event.sequence_number;
      if (event.type === "response.output_text.delta") break;
    }
    await stage.crashAndRestart();
    const rest = await stage.client.responses.retrieve(id, { stream: true, starting_after: last - 1 });
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    const reading = (async () => {
      for await (const event of rest) events.push(event);
    })();

    expect(await errorOf(reading)).toMatchObject({ code: "internal" });
    expect(events).toMatchObject([{ type: "response.output_text.delta", sequence_number: last }]);
    // Behind the error, which the client throws.
    const end = await stage.client.responses.retrieve(id, { stream: true, starting_after: last + 1 });
    expect(await Array.fromAsync(end)).toMatchObject([
      { type: "response.failed", sequence_number: last + 2, response: { id, status: "failed" } },
    ]);
    expect((await stage.client.responses.retrieve(id)).status).toBe("failed");

    const begun = stage.client.responses.stream({ model, input: "Count from 1 to 9", background: true });
    const whole = await begun.finalResponse();
    const again = stage.client.responses.stream({ response_id: whole.id, starting_after: 4 });
    expect((await again.finalResponse()).output_text).toBe("1 2 3 4 5 6 7 8 9");
  });

  test("a wrong field is a BadRequestError that names it", async () => {
    const input = [{ role: "robot", content: "x" }] as never;

    expect(await errorOf(stage.client.responses.create({ model, input }))).toMatchObject({
      status: 400,
      param: "input[0].role",
    });
  });

  test("a stream that breaks off throws behind its words", async () => {
    await stage.emulator.script({
      match: "break off",
      reply: { text: "half an answer", faults: [{ kind: "end", after: 3 }] },
    });
    const stream = await stage.client.responses.create({ model, input: "break off", stream: true });

    expect(await errorOf(Array.fromAsync(stream))).toMatchObject({ code: "upstream_failed", type: "upstream_error" });
  });
});

describe.each(["vllm", "dashscope"] as const)("over %s", (dialect) => {
  let stage: ClientStage;
  beforeAll(async () => {
    stage = await startClientStage(dialect);
  });
  beforeEach(() => stage.emulator.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  const responses = () => new OpenAI({ baseURL: stage.baseUrl, apiKey: "none", maxRetries: 0 }).responses;

  test.each(["create", "stream"] as const)("tools are run by responses.%s", async (ask) => {
    expect(await runTools(responses(), stage.model, ask)).toContain("get_time of Rome");
  });

  test("responses.parse gets the object that it asked for", async () => {
    stage.emulator.script({ reply: { text: '{"city":"Riga"}' } });
    const format = { type: "json_schema" as const, name: "place", schema: parameters, strict: true };
    const response = await responses().parse({ model: stage.model, input: "Where?", text: { format } });

    expect(JSON.parse(response.output_text)).toEqual({ city: "Riga" });
    expect(stage.completions().at(-1)?.body).toMatchObject({ response_format: { type: "json_schema" } });
  });

  test("previous_response_id brings the history along", async () => {
    stage.emulator.script({ reply: { reasoning: ["Hm."], text: "Hello Ada." } });
    const first = await responses().stream({ model: stage.model, input: "I am Ada." }).finalResponse();
    await responses().create({ model: stage.model, input: "Go on", previous_response_id: first.id });

    expect(stage.completions().at(-1)?.body).toMatchObject({
      messages: [{ content: "I am Ada." }, { content: "Hello Ada." }, { content: "Go on" }],
    });
  });
});
