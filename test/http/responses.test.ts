// POST /v1/responses over the Qwen web backend: text, thoughts, tools, refusals before and within the stream, hang-ups.

import { describe, expect, test } from "bun:test";
import { endings } from "../support/fault-tables.ts";
import { startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { parseResponseStream } from "../support/response-frames.ts";
import { acceptedTurns, allTurns, bodyOf, callsOf, createTalk, lastTurn, readError, untilIdle } from "./client.ts";
import { clock, functionTool, outputOf, readAnswer, respond, user, weather } from "./responses-client.ts";

const stateless = { store: false };

describe.each([true, false])("stream %p", (stream) => {
  test("answers a text", async () => {
    await using harness = await startHarness();
    const answer = await respond(harness, {
      ...stateless,
      stream,
      input: "Count from 1 to 5",
      instructions: "Be brief.",
    });

    expect(answer.text).toBe("1 2 3 4 5");
    expect(answer.id).toMatch(/^resp_[0-9a-f]{32}$/);
    expect(answer.response).toMatchObject({
      object: "response",
      status: "completed",
      model: "qwen3-max",
      store: false,
    });
    expect(answer.response["usage"]).toMatchObject({
      input_tokens: expect.any(Number),
      total_tokens: expect.any(Number),
    });
    expect(lastTurn(harness).content).toContain("Be brief.");
  });

  test("thoughts are an item of their own, before the text", async () => {
    await using harness = await startHarness();
    const { items, text } = await respond(harness, {
      ...stateless,
      stream,
      input: [user("Count from 6 to 9")],
      reasoning: { effort: "high", summary: "auto" },
      include: ["reasoning.encrypted_content"],
    });

    expect(text).toBe("6 7 8 9");
    expect(items.map(({ type }) => type)).toEqual(["reasoning", "message"]);
    expect(items[0]).toMatchObject({ id: expect.stringMatching(/^rs_/), encrypted_content: null });
    expect(JSON.stringify(items[0]?.["summary"])).toContain("emulator");
  });

  test("tools are called and answered within one chat", async () => {
    await using harness = await startHarness();
    const tools = [weather, clock, { type: "web_search" }, { type: "namespace", name: "n", tools: [] }];
    const input: object[] = [user("Call get_weather with city=Paris and days=2, call get_time with zone=CET")];
    const first = await respond(harness, { ...stateless, stream, tools, input });

    const calls = first.items.filter(({ type }) => type === "function_call");

    expect(calls.map((item) => [item.type, item["name"], JSON.parse(String(item["arguments"]))])).toEqual([
      ["function_call", "get_weather", { city: "Paris", days: 2 }],
      ["function_call", "get_time", { zone: "CET" }],
    ]);
    expect(new Set(calls.flatMap((item) => [item.id, item["call_id"]])).size).toBe(4);

    input.push(...first.items, outputOf(calls[0], "sunny"), outputOf(calls[1], [{ type: "input_text", text: "noon" }]));
    const second = await respond(harness, { ...stateless, stream, tools, input });

    expect(second.text).toBe("get_weather says: sunny\nget_time says: noon");
    const [one, other] = acceptedTurns(harness);
    expect(other).toMatchObject({ chatId: one!.chatId, parentId: one!.responseId });
    expect(other!.content).not.toContain("Paris");
  });

  test.each([
    ['{"input":"abc"}', "abc"],
    ['{"input":"abc","note":"more"}', "abc"],
    ['{"patch":"abc"}', '{"patch":"abc"}'],
    ["{}", "{}"],
    [String.raw`"*** Begin\n+ \"x\""`, '*** Begin\n+ "x"'],
  ])("a call of a custom tool with %s goes on in its chat", async (json, input) => {
    await using harness = await startHarness();
    harness.emulator.script({
      reply: { text: `<tool_call>\n{"name": "patch", "arguments": ${json}}\n</tool_call>` },
    });
    const asked = { ...stateless, stream, tools: [{ type: "custom", name: "patch" }] };
    const first = await respond(harness, { ...asked, input: [user("Patch it")] });
    const before = lastTurn(harness);
    const [call] = first.items;
    const output = { type: "custom_tool_call_output", call_id: call?.["call_id"], output: "done" };
    await respond(harness, { ...asked, input: [user("Patch it"), ...first.items, output] });

    expect(call).toMatchObject({ type: "custom_tool_call", input });
    expect(lastTurn(harness)).toMatchObject({ chatId: before.chatId, parentId: before.responseId });
  });

  test("a tool that an item of the input brings is called as it was declared", async () => {
    await using harness = await startHarness();
    const calls = [{ name: "exec", arguments: { input: "text(1)" } }];
    harness.emulator.script({ reply: { calls } });
    harness.emulator.script({ reply: { text: "One." } });
    const functions = { type: "namespace", name: "functions", tools: [{ type: "custom", name: "exec" }] };
    const input: object[] = [{ type: "additional_tools", role: "developer", tools: [functions] }, user("Run it")];
    const first = await respond(harness, { ...stateless, stream, input });
    const before = lastTurn(harness);
    const [call] = first.items;
    input.push(...first.items, { type: "custom_tool_call_output", call_id: call?.["call_id"], output: "1" });
    const second = await respond(harness, { ...stateless, stream, input });

    expect(call).toMatchObject({ type: "custom_tool_call", name: "exec", namespace: "functions", input: "text(1)" });
    expect(second.text).toBe("One.");
    expect(lastTurn(harness)).toMatchObject({ chatId: before.chatId, parentId: before.responseId });
    expect(lastTurn(harness).content).not.toContain("# Tools");
  });

  test("a search for tools that its client does finds tools that are called then", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { calls: [{ name: "tool_search", arguments: { query: "words", limit: 2 } }] } });
    harness.emulator.script({ reply: { calls: [{ name: "lookup", arguments: { word: "x" } }] } });
    const parameters = { type: "object", properties: { query: { type: "string" }, limit: { type: "number" } } };
    const search = { type: "tool_search", execution: "client", description: "Finds tools.", parameters };
    const input: object[] = [user("Look it up")];
    const first = await respond(harness, { ...stateless, stream, tools: [search], input });
    const [searched] = first.items;
    const found = {
      type: "namespace",
      name: "mcp__tiny",
      tools: [functionTool("lookup", { word: { type: "string" } })],
    };
    const output = { type: "tool_search_output", call_id: searched?.["call_id"], execution: "client", tools: [found] };
    const before = lastTurn(harness);
    input.push(...first.items, output);
    const second = await respond(harness, { ...stateless, stream, tools: [search], input });

    expect(searched).toMatchObject({
      type: "tool_search_call",
      id: expect.stringMatching(/^tsc_/),
      status: "completed",
      execution: "client",
      arguments: { query: "words", limit: 2 },
    });
    expect(lastTurn(harness)).toMatchObject({ chatId: before.chatId, parentId: before.responseId });
    expect(lastTurn(harness).content).toContain('<tool_response name="tool_search">\nlookup\n</tool_response>');
    expect(second.items).toMatchObject([{ type: "function_call", name: "lookup", namespace: "mcp__tiny" }]);
  });

  test("schemas keep their numbers: for the model, and where the answer repeats them", async () => {
    await using harness = await startHarness();
    const ids = '{"type":"integer","enum":[9007199254740993,1]}';
    const fits = `{"type":"object","properties":{"id":${ids}}}`;
    const tool = `{"type":"function","name":"f","description":"${"Long. ".repeat(300)}","parameters":${fits}}`;
    const format = `{"type":"json_schema","name":"r","schema":${fits}}`;
    const asked = `{"model":"qwen3-max","stream":${stream},"input":"Hi","tools":[${tool}],"text":{"format":${format}}}`;
    const told = await bodyOf(await fetch(`${harness.url}/v1/responses`, { method: "POST", body: asked }));

    expect(lastTurn(harness).content.split(ids)).toHaveLength(3);
    expect(told.split(ids).length).toBe(stream ? 7 : 3);
  });

  test("a search keeps its numbers, and goes on in its chat", async () => {
    await using harness = await startHarness();
    harness.emulator.script({
      reply: { text: '<tool_call>\n{"name": "tool_search", "arguments": {"id": 9007199254740993}}\n</tool_call>' },
    });
    const tools = [{ type: "tool_search", execution: "client", parameters: { type: "object" } }];
    const body = { model: "qwen3-max", stream, tools, input: "Look it up" };
    const told = await bodyOf(await harness.post("/v1/responses", body));
    const callId = /"call_id":"([^"]+)"/.exec(told)?.[1];
    const previousId = /"id":"(resp_[0-9a-f]+)"/.exec(told)?.[1];
    const before = lastTurn(harness);
    const output = { type: "tool_search_output", call_id: callId, execution: "client", tools: [] };
    await respond(harness, { ...body, previous_response_id: previousId, input: [output] });

    const arguments_ = told.match(/"arguments":\{[^}]*\}/g) ?? [];
    expect(arguments_.filter((text) => text !== '"arguments":{}')).toEqual(
      Array.from({ length: stream ? 2 : 1 }, () => '"arguments":{"id":9007199254740993}'),
    );
    expect(lastTurn(harness)).toMatchObject({ chatId: before.chatId, parentId: before.responseId });
    const kept = await harness.get(`/v1/responses/${previousId}`);
    expect(await kept.text()).toContain('"arguments":{"id":9007199254740993}');
  });

  test("a custom tool is given its free text", async () => {
    await using harness = await startHarness();
    const tools = [{ type: "custom", name: "patch", description: "Patches." }];
    const { items } = await respond(harness, { ...stateless, stream, tools, input: "Call patch with input=abc" });

    expect(items.filter(({ type }) => type !== "message")).toMatchObject([
      { type: "custom_tool_call", name: "patch", input: "abc", id: expect.stringMatching(/^ctc_/) },
    ]);
  });

  test("a refusal before the first word is a status in OpenAI's shape", async () => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
    harness.emulator.script({ refuse: "rate-limited" });
    const error = await readError(
      await harness.post("/v1/responses", { model: "qwen3-max", stream, input: "Hi", store: false }),
    );

    expect(error.status).toBe(429);
    expect(error.error).toMatchObject({ code: "upstream_quota" });
    expect(error.contentType).toStartWith("application/json");
  });
});

test("what a client echoes goes on in its chat, whichever shape the items have by then", async () => {
  await using harness = await startHarness();
  const input: object[] = [user("My name is Ada.")];
  const first = await respond(harness, { ...stateless, input, reasoning: { effort: "high" } });
  input.push(...first.items, user("What is my name?"));
  const second = await respond(harness, { ...stateless, input });
  // qwen-code has a string without an id.
  const echoed = { type: "message", role: "assistant", content: second.text };
  const third = await respond(harness, {
    ...stateless,
    stream: false,
    input: [...input, echoed, user("Say it again")],
  });

  expect(second.text).toContain("Ada");
  expect(third.response["status"]).toBe("completed");
  const turns = acceptedTurns(harness);
  expect(turns.map(({ chatId }) => chatId)).toEqual(turns.map(() => turns[0]!.chatId));
  expect(turns.slice(1).map(({ parentId }) => parentId)).toEqual(
    turns.slice(0, -1).map(({ responseId }) => responseId),
  );
  expect(turns.slice(1).map(({ content }) => content)).toEqual(["What is my name?", "Say it again"]);
});

test("a conversation that was begun with chat completions goes on here in its chat, and back", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const input = [...talk.messages, user("What is my name?")];
  const here = await respond(harness, { ...stateless, input });
  talk.messages.push({ role: "user", content: "What is my name?" }, { role: "assistant", content: here.text });
  await talk.say("And again?");

  expect(here.text).toContain("Ada");
  const turns = acceptedTurns(harness);
  expect(turns).toHaveLength(3);
  for (const [index, turn] of turns.entries()) {
    expect(turn.chatId).toBe(turns[0]!.chatId);
    expect(turn.parentId).toBe(turns[index - 1]?.responseId ?? null);
  }
});

describe.each([...endings])("$name in the middle of an answer", ({ fault, code, environment = {} }) => {
  test("is an error and response.failed, and the end", async () => {
    await using harness = await startHarness({ environment });
    harness.emulator.script({ reply: { chunks: ["one ", "two ", "three"], faults: [fault] } });
    const body = await bodyOf(
      await harness.post("/v1/responses", { model: "qwen3-max", stream: true, input: "Hello", ...stateless }),
    );
    const stream = parseResponseStream(body);

    expect(stream.types.slice(-2)).toEqual(["error", "response.failed"]);
    expect(stream.types).not.toContain("response.output_item.done");
    expect(stream.response).toMatchObject({ status: "failed", error: { code }, output: [] });
    expect(body).not.toContain("[DONE]");
    expect(allTurns(harness)).toHaveLength(1);
    await untilIdle(harness);
  });
});

test("the head waits for the first word: a failure behind the wait is told in the stream", async () => {
  await using harness = await startHarness({
    environment: { HOLD_HEADERS_MS: "20", FIRST_BYTE_TIMEOUT_MS: "200", RETRY_MAX_ATTEMPTS: "1" },
  });
  harness.emulator.script({ gate: "held", reply: { text: "never" } });
  const response = await harness.post("/v1/responses", {
    model: "qwen3-max",
    stream: true,
    input: "Hello",
    ...stateless,
  });
  expect(response.status).toBe(200);
  const { types, response: told } = parseResponseStream(await bodyOf(response));

  expect(types).toEqual(["response.created", "response.in_progress", "error", "response.failed"]);
  expect(told).toMatchObject({ error: { code: "upstream_timeout" } });
});

test("a hang-up stops the answer at Qwen", async () => {
  await using harness = await startHarness();
  const controller = new AbortController();
  harness.emulator.script({ gate: "held", reply: { text: "one two three four five six seven eight" } });
  harness.emulator.release("held", 2);
  const body = { model: "qwen3-max", stream: true, input: "Hello", ...stateless };
  const live = readLive(await harness.post("/v1/responses", body, { signal: controller.signal }));
  while (!(await live.nextBlock())?.includes("response.output_text.delta"));
  controller.abort();
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop" && request.status !== 0));
  await untilIdle(harness);

  expect(callsOf(harness, "stop")).toHaveLength(1);
});

test("wrong requests are told in OpenAI's shape, with the field", async () => {
  await using harness = await startHarness();
  const error = await readError(await harness.post("/v1/responses", { input: [{ role: "robot", content: "x" }] }));

  expect(error.status).toBe(400);
  expect(error.error).toMatchObject({ type: "invalid_request_error", param: "input[0].role", code: "invalid_request" });
  expect((await readError(await harness.post("/v1/responses", "{"))).status).toBe(400);
});

test("what an upstream cannot be given is named in this protocol's words", async () => {
  await using harness = await startHarness();
  const picture = { type: "input_image", image_url: "https://10.0.0.1/a.png" };
  const input = [
    { role: "developer", content: "Be brief." },
    { role: "user", content: [picture] },
  ];
  const { status, error } = await readError(await harness.post("/v1/responses", { input, ...stateless }));

  expect([status, error.param]).toEqual([400, "input[1].content[0].image_url"]);
  expect(error.message).toStartWith('Cannot use "input[1].content[0].image_url": ');
  const orphan = { type: "function_call_output", call_id: "c", output: "x" };
  const refused = await readError(await harness.post("/v1/responses", { input: [orphan], ...stateless }));
  expect(refused.error).toMatchObject({ param: "input", message: expect.stringContaining('"input" has no message') });
});

test("one that ends in the middle by its own finish has every event", async () => {
  await using harness = await startHarness();
  const answer = await readAnswer(
    await harness.post("/v1/responses", {
      model: "qwen3-max",
      stream: true,
      input: "Count from 1 to 40",
      ...stateless,
    }),
  );
  expect(answer.text.split(" ")).toHaveLength(40);
});

test("what a service did by itself in a history is told, and its conversation goes on in its chat", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { text: "It rains." } });
  harness.emulator.script({ reply: { text: "Still." } });
  const call = { type: "mcp_call", id: "mcp_1", server_label: "docs", name: "look", arguments: '{"q":"rain"}' };
  const input: object[] = [
    user("Look it up"),
    { ...call, output: "Rain in Paris. ".repeat(50), error: null },
    { role: "assistant", content: [{ type: "output_text", text: "I looked." }] },
    user("And?"),
  ];
  const first = await respond(harness, { store: false, input });
  const before = lastTurn(harness);
  await respond(harness, { store: false, input: [...input, ...first.items, user("Still?")] });

  expect(before.content).toContain('The tool "look" of the MCP server "docs" was called with {"q":"rain"}.');
  expect(before.content).toContain("Rain in Paris.");
  expect(lastTurn(harness)).toMatchObject({ chatId: before.chatId, parentId: before.responseId });
});
