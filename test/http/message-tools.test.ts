// Tools over POST /v1/messages: calls and results, and one conversation on two surfaces in one chat.

import { describe, expect, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import type { ReadMessage } from "../support/read-message.ts";
import { acceptedTurns, answerTo, assistant, type ClientMessage, lastTurn, user } from "./client.ts";
import { answered, clock, type MessageTurn, resultOf, says, send, weather } from "./message-client.ts";
import { askWithTools, tools as chatTools } from "./tool-client.ts";

const tools = [weather, clock];
const inputs = ({ calls }: ReadMessage) => calls.map(({ name, input }) => [name, input]);

/** Sends a turn and checks that it continues the one before in the one chat. */
async function goOn(harness: Harness, history: readonly MessageTurn[], body: object = {}): Promise<ReadMessage> {
  const before = acceptedTurns(harness).at(-1);
  const message = await send(harness, history, { tools, ...body });
  expect(lastTurn(harness)).toMatchObject({
    parentId: before?.responseId ?? null,
    chatId: before?.chatId ?? lastTurn(harness).chatId,
  });
  return message;
}

describe("a call", () => {
  test.each([true, false])("is a block with whole arguments, streamed: %p", async (stream) => {
    await using harness = await startHarness();
    const message = await send(harness, [says("Call get_weather with city=Paris and days=2")], { stream, tools });

    expect(inputs(message)).toEqual([["get_weather", { city: "Paris", days: 2 }]]);
    expect(message.calls[0]?.id).toMatch(/^toolu_[\w-]+$/);
    expect(message.stopReason).toBe("tool_use");
  });

  test.each([true, false])("may be one of several, one block after the other, streamed: %p", async (stream) => {
    await using harness = await startHarness();
    const calls = [
      { name: "get_weather", arguments: { city: "Rome" } },
      { name: "get_time", arguments: { zone: "CET" } },
    ];
    harness.emulator.script({ reply: { text: "Both at once.", calls, deltaChars: 3 } });
    const message = await send(harness, [says("Weather and time?")], { stream, tools });

    expect(message.content.map(({ type }) => type)).toEqual(["text", "tool_use", "tool_use"]);
    expect(inputs(message)).toEqual([
      ["get_weather", { city: "Rome" }],
      ["get_time", { zone: "CET" }],
    ]);
    expect(new Set(message.calls.map(({ id }) => id)).size).toBe(2);
    expect(message.text).toBe("Both at once.");
  });

  test("is demanded by any, forbidden by none, and one at most where the client wants that", async () => {
    await using harness = await startHarness();
    await send(harness, [says("Say a")], { tools, tool_choice: { type: "any", disable_parallel_tool_use: true } });
    const demanded = lastTurn(harness).content;
    await send(harness, [says("Say b")], { tools, tool_choice: { type: "none" } });
    const forbidden = lastTurn(harness).content;
    await send(harness, [says("Say c")], { tools, tool_choice: { type: "tool", name: "get_time" } });

    expect(demanded).toContain("Call one tool at most.");
    expect(forbidden).not.toContain("get_weather");
    expect(lastTurn(harness).content).toContain("get_time");
  });
});

/** More than a double holds, as ids of 64 bits are. */
const longId = "1234567890123456789";

describe("numbers of 64 bits", () => {
  test.each([true, false])("reach the client as the model wrote them, streamed: %p", async (stream) => {
    await using harness = await startHarness();
    harness.emulator.script({
      reply: { text: `<tool_call>\n{"name": "get_weather", "arguments": {"days": ${longId}}}\n</tool_call>` },
    });
    const body = { model: "qwen3-max", max_tokens: 1000, stream, tools, messages: [says("How is it?")] };
    const answer = await (await harness.post("/v1/messages", body)).text();

    expect(answer).toMatch(new RegExp(`"days\\\\?": ?${longId}}`));
  });

  test.each(["short", "long".repeat(1000)])("come back to the model as they were (%#)", async (word) => {
    await using harness = await startHarness();
    const call = { type: "tool_use", id: "toolu_a", name: "get_time", input: { zone: "ID" } };
    const messages = [
      says(word),
      { role: "assistant", content: [call] },
      says([{ type: "tool_result", tool_use_id: "toolu_a", content: "noon" }]),
    ];
    const body = JSON.stringify({ model: "qwen3-max", max_tokens: 1000, tools, messages }).replace('"ID"', longId);
    await (await fetch(`${harness.url}/v1/messages`, { method: "POST", body })).text();

    expect(lastTurn(harness).content).toContain(`{"zone":${longId}}`);
  });
});

describe("a loop of tools", () => {
  test.each([true, false])("stays in one chat, each message the results alone, streamed: %p", async (stream) => {
    await using harness = await startHarness();
    const ask = says("Call get_weather with city=Paris and get_time with zone=CET");
    const first = await goOn(harness, [ask], { stream });
    const [rain, noon] = first.calls;
    const results = says([
      resultOf(noon, [{ type: "text", text: "noon" }]),
      resultOf(rain, "no such city", true),
      { type: "text", text: "Say what you found.", cache_control: { type: "ephemeral" } },
    ]);
    const second = await goOn(harness, [ask, answered(first), results], { stream });
    const sent = lastTurn(harness).content;

    expect(sent).toContain('<tool_response name="get_weather" error="true">\nno such city\n</tool_response>');
    expect(sent).toContain('<tool_response name="get_time">\nnoon\n</tool_response>');
    expect(sent).toContain("Say what you found.");
    expect(sent).not.toContain("# Tools");
    expect(second.stopReason).toBe("end_turn");
  });

  test("stays in one chat whatever agents change of what was said", async () => {
    await using harness = await startHarness();
    harness.emulator.script({
      reply: {
        thinking: "I should look.",
        text: "A moment.",
        calls: [{ name: "get_time", arguments: { zone: "CET" } }],
      },
    });
    const thinking = { type: "enabled", budget_tokens: 1000 };
    const first = await goOn(harness, [says("What time is it?")], { thinking });
    expect(first.content.map(({ type }) => type)).toEqual(["thinking", "text", "tool_use"]);
    // What Claude Code and others do: markers move, thoughts go or are sealed, ids are their own, texts become blocks.
    const changed = [
      { type: "redacted_thinking", data: "sealed" },
      { type: "text", text: "A moment.", cache_control: { type: "ephemeral" } },
      { type: "tool_use", id: "toolu_other", name: "get_time", input: { zone: "CET" } },
    ];
    await goOn(harness, [
      says([{ type: "text", text: "What time is it?" }]),
      { role: "assistant", content: changed },
      says([{ type: "tool_result", tool_use_id: "toolu_other", content: "noon" }]),
    ]);

    expect(lastTurn(harness).content).toContain("noon");
  });
});

describe("one conversation on two surfaces", () => {
  test("begins with chat completions and goes on with messages, in one chat", async () => {
    await using harness = await startHarness();
    const history: ClientMessage[] = [user("My name is Mira."), assistant("")];
    history[1] = assistant(await answerTo(harness, [history[0]!]));
    const before = lastTurn(harness);
    const message = await send(harness, [...(history as MessageTurn[]), says("What is my name?")]);

    expect(message.text).toContain("Mira");
    expect(lastTurn(harness)).toMatchObject({
      chatId: before.chatId,
      parentId: before.responseId,
      content: "What is my name?",
    });
  });

  test("begins with messages and goes on with chat completions, calls and results included", async () => {
    await using harness = await startHarness();
    const ask = "Call get_weather with city=Paris and days=2";
    const first = await goOn(harness, [says(ask)]);
    const before = lastTurn(harness);
    const [call] = first.calls;
    const history: ClientMessage[] = [
      user(ask),
      {
        role: "assistant",
        content: first.text,
        tool_calls: [
          { id: call?.id, type: "function", function: { name: call?.name, arguments: JSON.stringify(call?.input) } },
        ],
      },
      { role: "tool", tool_call_id: call?.id, content: "rain" },
    ];
    const answer = await askWithTools(harness, history, { tools: chatTools });
    const turn = lastTurn(harness);
    expect([turn.chatId, turn.parentId]).toEqual([before.chatId, before.responseId]);
    await goOn(harness, [
      says(ask),
      answered(first),
      says([resultOf(call, "rain")]),
      { role: "assistant", content: answer.content },
      says("Say hello"),
    ]);

    expect(lastTurn(harness).content).toEndWith("Say hello");
  });
});
