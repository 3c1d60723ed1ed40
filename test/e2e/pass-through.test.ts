// The official client against the compiled executable, with a server of its own protocol behind: what passes through.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import OpenAI from "openai";
import { type BinaryProcess, createPlace, type Place, startBinary } from "../support/binary.ts";
import { readCompatible } from "../support/compatible-recordings.ts";
import { type FakeServer, type Play, serveCompatible } from "../support/fake-compatible-server.ts";
import { createClient } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const model = "qwen3.6-plus";
const messages = [{ role: "user" as const, content: "Hi" }];
const weather = { type: "function" as const, function: { name: "get_weather", parameters: { type: "object" } } };
const whole = {
  id: "chatcmpl-whole",
  object: "chat.completion",
  created: 1,
  model,
  choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
};
const recorded = (name: string): Play => ({ body: readCompatible(name) });
const plays = new Map<string, Play>([
  ["thoughts", recorded("dashscope-01-thinking-qwen3.6-plus.sse")],
  ["calls", recorded("dashscope-04-toolcalls-parallel-empty-id.sse")],
  ["whole", { body: JSON.stringify(whole) }],
  ["broken", { body: new TextDecoder().decode(readCompatible("dashscope-03-plain-qwen-plus.sse")).slice(0, 800) }],
  ["filtered", { status: 400, body: readCompatible("dashscope-err-400-data_inspection_failed.json") }],
  [
    "open",
    {
      body: `data: ${JSON.stringify({ ...whole, choices: [{ index: 0, delta: { content: "a" } }] })}\n\n`,
      after: "open",
    },
  ],
]);

let place: Place;
let gateway: BinaryProcess;
let client: OpenAI;
let server: FakeServer;
/** What the next requests are answered with. */
const next: Play[] = [];

beforeAll(async () => {
  place = createPlace();
  server = serveCompatible(next);
  gateway = await startBinary(
    [],
    { PORT: "0", UPSTREAM_BASE_URL: server.url, UPSTREAM_DIALECT: "generic", TRANSPORT: "socket" },
    place,
  );
  client = createClient(gateway.url);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  place[Symbol.dispose]();
});

function play(name: string): void {
  const found = plays.get(name);
  if (found === undefined) throw new Error(`no play "${name}"`);
  next.length = 0;
  for (let count = 0; count <= server.completions.length; count++) next.push(found);
}

describe("chat.completions.create", () => {
  test("a stream comes with the server's own ids, fields and usage", async () => {
    play("thoughts");
    const stream = await client.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);

    expect(new Set(chunks.map(({ id }) => id))).toEqual(new Set(["chatcmpl-11111111-1111-9111-8111-111111111111"]));
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("2 + 2 equals 4.");
    expect(chunks.at(-1)?.usage?.total_tokens).toBe(1247);
    expect(chunks[0]).toHaveProperty("system_fingerprint", null);
  });

  test("an alias is what chunks and answers name, and usage that nobody asked for stays away", async () => {
    play("thoughts");
    const stream = await client.chat.completions.create({ model: "my-own", messages, stream: true });
    const chunks = await Array.fromAsync(stream);

    expect(new Set(chunks.map(({ model: told }) => told))).toEqual(new Set(["my-own"]));
    expect(chunks.some(({ usage }) => usage != null)).toBe(false);
  });

  test("parallel calls reach the helper whole, although the server tells empty ids", async () => {
    play("calls");
    const stream = client.chat.completions.stream({ model, messages, tools: [weather] });
    const { choices } = await stream.finalChatCompletion();

    const calls = choices[0]?.message.tool_calls?.map((call) => call.type === "function" && call.function.arguments);
    expect(calls).toEqual([
      '{"location": "Hangzhou", "unit": "celsius"}',
      '{"location": "Shanghai", "unit": "celsius"}',
    ]);
    expect(choices[0]?.finish_reason).toBe("tool_calls");
  });

  test("a whole answer is the server's own", async () => {
    play("whole");
    // The client adds a field of its own to what it received.
    expect(await client.chat.completions.create({ model, messages })).toMatchObject(whole);
    expect(server.completions.at(-1)?.body).toEqual({ model, messages, stream: false });
  });

  test("a stream that breaks off is thrown, never a short answer", async () => {
    play("broken");
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    const failure: unknown = await Array.fromAsync(stream).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OpenAI.APIError);
  });

  test("a refusal has its class and code", async () => {
    play("filtered");
    const failure: unknown = await client.chat.completions.create({ model, messages }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OpenAI.BadRequestError);
    expect(failure).toMatchObject({ code: "content_filter" });
  });

  test("an abort frees the server", async () => {
    play("open");
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    for await (const { choices } of stream) if (choices[0]?.delta.content === "a") break;
    await server.untilIdle();
  });
});
