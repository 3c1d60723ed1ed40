// Calls that a server's own parser missed, and structured ones that it garbled: whole for the client.

import { describe, expect, test } from "bun:test";
import {
  type Quirk,
  type ServedCompatibleEmulator,
  serveOpenAICompatibleEmulator,
} from "../../src/emulator/openai-compatible-emulator.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { user } from "./client.ts";
import { askWithTools, resultOf } from "./tool-client.ts";

interface Stage extends AsyncDisposable {
  readonly harness: Harness;
  readonly server: ServedCompatibleEmulator;
  readonly model: string;
}

async function start(dialect: "vllm" | "generic" = "vllm"): Promise<Stage> {
  const server = serveOpenAICompatibleEmulator({ dialect, hostname: "127.0.0.1", port: 0, seed: 1, tokenDelayMs: 0 });
  const upstreams = JSON.stringify([{ name: "mine", dialect, base_url: `${server.url}/v1` }]);
  const harness = await startHarness({ environment: { UPSTREAMS: upstreams } });
  // The shape is the protocol's.
  const list = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] };
  return {
    harness,
    server,
    model: `mine/${list.data[0]?.id}`,
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

const ask = [user("Call get_weather with city=Paris and days=2, and get_time with zone=CET")];
const expected = [
  ["get_weather", { city: "Paris", days: 2 }],
  ["get_time", { zone: "CET" }],
];

describe.each(["vllm", "generic"] as const)("%s", (dialect) => {
  const quirks: readonly (readonly Quirk[])[] = [
    [],
    ["calls-as-json-text"],
    ["calls-as-xml-text"],
    ["calls-in-reasoning"],
    ["repeated-ids"],
    ["empty-call-ids", "same-index"],
    ["cumulative-arguments"],
    ["object-arguments"],
  ];

  const named = quirks.map((kinds) => [kinds.join(", ") || "nothing odd", kinds] as const);

  test.each(named)("calls are calls, whatever the server does: %s", async (_name, kinds) => {
    await using stage = await start(dialect);
    for (const stream of [true, false]) {
      stage.server.emulator.script({ reply: { quirks: [...kinds] } });
      const body = { model: stage.model, stream, parallel_tool_calls: true };
      const answer = await askWithTools(stage.harness, ask, body);

      expect(answer.calls.map((call) => [call.name, JSON.parse(call.arguments)])).toEqual(expected);
      expect(answer).toMatchObject({ content: "", finishReason: "tool_calls" });
      expect(new Set(answer.calls.map((call) => call.id)).size).toBe(2);

      const results = answer.calls.map((call, index) => resultOf(call, `result ${index}`));
      const next = await askWithTools(stage.harness, [...ask, answer.message, ...results], body);
      expect(next.content).toContain("get_time says: result 1");
    }
  });
});

test("broken arguments are mended, and values turned into their types", async () => {
  await using stage = await start();
  const calls = [
    { name: "get_weather", pieces: ["{'city': 'Pa", "ris', 'days': '2',}"] },
    { name: "get_time", arguments: '{"zone": "CET"}' },
  ];
  stage.server.emulator.script({ reply: { calls } });
  const answer = await askWithTools(stage.harness, ask, { model: stage.model });

  expect(answer.calls.map((call) => [call.name, JSON.parse(call.arguments)])).toEqual(expected);
});

test("calls and results that are parts of messages reach the server in its own words", async () => {
  await using stage = await start();
  const use = { type: "tool_use", id: "call_1", name: "get_time", input: { zone: "CET" } };
  const history = [
    user("What time is it?"),
    { role: "assistant", content: [use] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "call_1", content: "noon" }] },
  ];
  await askWithTools(stage.harness, history, { model: stage.model });

  expect(stage.server.emulator.requests.at(-1)?.body).toMatchObject({
    messages: [
      { role: "user" },
      { tool_calls: [{ id: "call_1", function: { name: "get_time", arguments: '{"zone":"CET"}' } }] },
      { role: "tool", tool_call_id: "call_1", content: "noon" },
    ],
  });
});

test.each(["content", "reasoning"])("%s between the pieces of a call's arguments costs none of them", async (field) => {
  await using stage = await start();
  const head = { index: 0, id: "c1", type: "function", function: { name: "get_time", arguments: "" } };
  const piece = (text: string) => ({ tool_calls: [{ index: 0, function: { arguments: text } }] });
  const deltas = [{ tool_calls: [head] }, piece('{"zone":'), { [field]: "Meanwhile" }, piece('"CET"}')];
  const frames = [...deltas.map((delta) => ({ delta })), { delta: {}, finish_reason: "tool_calls" }];
  const raw = frames.map((choice) => `data: ${JSON.stringify({ choices: [{ index: 0, ...choice }] })}\n\n`).join("");
  for (const stream of [true, false]) {
    stage.server.emulator.script({ reply: { raw: `${raw}data: [DONE]\n\n`, contentType: "text/event-stream" } });
    const answer = await askWithTools(stage.harness, ask, { model: stage.model, stream });
    expect(answer.calls.map((call) => [call.name, JSON.parse(call.arguments)])).toEqual([
      ["get_time", { zone: "CET" }],
    ]);
    expect(answer.content).toBe(field === "content" ? "Meanwhile" : "");
  }
});
