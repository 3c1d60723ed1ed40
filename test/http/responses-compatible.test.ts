// POST /v1/responses over a server that speaks chat completions: it is told everything in its own words.

import { describe, expect, test } from "bun:test";
import { startDialectStage } from "../support/dialect-stage.ts";
import { parseResponseStream } from "../support/response-frames.ts";
import { bodyOf, readError } from "./client.ts";
import { clock, outputOf, respond, user, weather } from "./responses-client.ts";

const start = () => startDialectStage({ dialect: "vllm" });
/** Whatever the server has. */
const own = { model: undefined, store: false };

describe.each([true, false])("stream %p", (stream) => {
  test("text and thoughts", async () => {
    await using stage = await start();
    stage.emulator.script({ reply: { reasoning: ["I think ", "about it."], chunks: ["Hello ", "friend."] } });
    const { items, text, response } = await respond(stage.harness, { ...own, stream, input: "Hi" });

    expect(text).toBe("Hello friend.");
    expect(items).toMatchObject([
      { type: "reasoning", summary: [{ type: "summary_text", text: "I think about it." }] },
      { type: "message", status: "completed" },
    ]);
    expect(response).toMatchObject({ status: "completed", usage: { output_tokens: expect.any(Number) } });
  });

  test("tools, native ones and calls in text, and their results", async () => {
    await using stage = await start();
    for (const quirks of [[], ["calls-as-json-text"]] as const) {
      stage.emulator.script({ reply: { quirks: [...quirks] } });
      const input: object[] = [user("Call get_weather with city=Paris and days=2, and get_time with zone=CET")];
      const body = { ...own, stream, tools: [weather, clock], parallel_tool_calls: true };
      const { items } = await respond(stage.harness, { ...body, input });
      const calls = items.filter(({ type }) => type === "function_call");

      expect(calls.map((item) => [item["name"], JSON.parse(String(item["arguments"]))])).toEqual([
        ["get_weather", { city: "Paris", days: 2 }],
        ["get_time", { zone: "CET" }],
      ]);
      input.push(...items, ...calls.map((call, index) => outputOf(call, `result ${index}`)));
      expect((await respond(stage.harness, { ...body, input })).text).toContain("get_time says: result 1");
      expect(stage.lastBody()["messages"]).toMatchObject([
        { role: "user" },
        { role: "assistant", tool_calls: [{ function: { name: "get_weather" } }, { function: { name: "get_time" } }] },
        { role: "tool", content: "result 0" },
        { role: "tool", content: "result 1" },
      ]);
    }
  });

  test("an answer that was cut at its length is incomplete", async () => {
    await using stage = await start();
    stage.emulator.script({ reply: { chunks: ["one ", "two"], finishReason: "length" } });
    const { response } = await respond(stage.harness, { ...own, stream, input: "Hi", max_output_tokens: 2 });

    expect(response).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
    expect(stage.lastBody()["max_tokens"]).toBe(2);
  });
});

test("what steers the reply is told in the server's words, and nothing else", async () => {
  await using stage = await start();
  const schema = { type: "object", properties: { a: { type: "string" } } };
  await respond(stage.harness, {
    ...own,
    input: [{ role: "developer", content: "Be brief." }, user("Hi")],
    instructions: "Be kind.",
    temperature: 0.3,
    top_p: 0.9,
    text: { format: { type: "json_schema", name: "answer", strict: true, schema }, verbosity: "low" },
    metadata: { a: "b" },
    include: ["reasoning.encrypted_content"],
    truncation: "auto",
    client_metadata: { x: "y" },
  });
  const { model: _model, ...sent } = stage.lastBody();

  expect(sent).toEqual({
    messages: [
      { role: "system", content: "Be kind.\n\nBe brief." },
      { role: "user", content: "Hi" },
    ],
    stream: true,
    stream_options: { include_usage: true },
    temperature: 0.3,
    top_p: 0.9,
    response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema } },
  });
});

test("pictures and files are parts", async () => {
  await using stage = await start();
  const picture =
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const content = [
    { type: "input_text", text: "See" },
    { type: "input_image", image_url: picture },
    { type: "input_file", filename: "a.txt", file_data: "data:text/plain;base64,aGVsbG8=" },
  ];
  await respond(stage.harness, { ...own, input: [{ role: "user", content }] });

  expect(stage.lastBody()["messages"]).toMatchObject([
    { content: [{ type: "text", text: "See" }, { type: "image_url" }, { type: "text", text: "a.txt:\nhello" }] },
  ]);
});

test("a refusal is a status, a failure within the answer is response.failed", async () => {
  await using stage = await start();
  stage.emulator.script({ refuse: "invalid-parameter" });
  expect((await readError(await stage.harness.post("/v1/responses", { input: "Hi", store: false }))).status).toBe(400);

  stage.emulator.script({ reply: { chunks: ["one ", "two ", "three"], faults: [{ kind: "drop", after: 2 }] } });
  const failed = await stage.harness.post("/v1/responses", { input: "Hi", stream: true, store: false });
  expect(parseResponseStream(await bodyOf(failed))).toMatchObject({
    response: { status: "failed", error: { code: "upstream_failed" } },
  });
});
