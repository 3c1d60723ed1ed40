// Tool turns are turns of one chat: results are the one new message, whatever shape the client's history has by then.

import { describe, expect, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import { acceptedTurns, type ClientMessage, lastTurn, user } from "./client.ts";
import { type AnsweredCall, askWithTools, resultOf, type ToolAnswer } from "./tool-client.ts";

const response = (name: string, text: string): string => `<tool_response name="${name}">\n${text}\n</tool_response>`;

/** Sends a turn and checks that it continues the one before in the one chat. */
async function goOn(harness: Harness, history: ClientMessage[], body: object = {}): Promise<ToolAnswer> {
  const before = acceptedTurns(harness).at(-1);
  const answer = await askWithTools(harness, history, { ...body });
  const turn = lastTurn(harness);
  expect(turn.parentId).toBe(before?.responseId ?? null);
  if (before !== undefined) expect(turn.chatId).toBe(before.chatId);
  return answer;
}

/** What agents do to an answer before they send it back. */
const shapes: readonly (readonly [name: string, change: (answer: ToolAnswer) => ClientMessage])[] = [
  ["as it came", ({ message }) => message],
  ["content null", ({ message, content }) => (content === "" ? { ...message, content: null } : message)],
  [
    "arguments written anew",
    ({ message, calls }) => ({ ...message, tool_calls: calls.map((call) => wire(call, rewrite(call.arguments))) }),
  ],
  [
    "ids rewritten, reasoning added",
    ({ message, calls }) => ({
      ...message,
      reasoning_content: "Hm.",
      tool_calls: calls.map((call, index) => wire({ ...call, id: `fc_${index}` }, call.arguments)),
    }),
  ],
  [
    "content in parts, arguments as an object",
    ({ message, content, calls }) => ({
      ...message,
      content: content === "" ? [] : [{ type: "text", text: content }],
      tool_calls: calls.map((call) => wire(call, JSON.parse(call.arguments))),
    }),
  ],
];

function wire(call: AnsweredCall, argumentsValue: unknown): object {
  return { id: call.id, type: "function", function: { name: call.name, arguments: argumentsValue } };
}

function rewrite(text: string): string {
  const entries = Object.entries(JSON.parse(text)).reverse();
  return JSON.stringify(Object.fromEntries(entries), null, 2);
}

/** As Cursor has it for names that begin with "claude-". */
function inAnthropicsWords({ content, calls }: ToolAnswer): ClientMessage {
  const uses = calls.map(({ id, name, arguments: text }) => ({ type: "tool_use", id, name, input: JSON.parse(text) }));
  return { role: "assistant", content: [...(content === "" ? [] : [{ type: "text", text: content }]), ...uses] };
}

describe("a chain of tool turns", () => {
  const ask =
    "Call get_weather with city=Paris and days=2, then call get_time with zone=CET, then call get_weather with city=Rome";

  test("stays in one chat where calls and results are parts of messages", async () => {
    await using harness = await startHarness();
    const history: ClientMessage[] = [user("Call get_weather with city=Paris, then call get_time with zone=CET")];
    const names: (string | undefined)[] = [];
    for (const text of ["sunny", "noon"]) {
      const answer = await goOn(harness, history);
      names.push(...answer.calls.map(({ name }) => name));
      const results = answer.calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: text }));
      history.push(inAnthropicsWords(answer), { role: "user", content: results });
    }
    await goOn(harness, history);
    expect(names).toEqual(["get_weather", "get_time"]);
    expect(lastTurn(harness).content).toBe(response("get_time", "noon"));
  });

  test.each([...shapes])("stays in one chat, each message the result alone: %s", async (_name, change) => {
    await using harness = await startHarness();
    const history: ClientMessage[] = [user(ask)];
    const expected = [
      ["get_weather", { city: "Paris", days: 2 }],
      ["get_time", { zone: "CET" }],
      ["get_weather", { city: "Rome" }],
    ] as const;
    let answer = await goOn(harness, history);
    for (const [index, [name, values]] of expected.entries()) {
      expect(answer.calls.map((call) => [call.name, JSON.parse(call.arguments)])).toEqual([[name, values]]);
      const message = change(answer);
      // A cast: calls of these tests have ids.
      const [call] = (message["tool_calls"] ?? []) as { id: string }[];
      history.push(message, { role: "tool", tool_call_id: call?.id, content: `result ${index}` });
      answer = await goOn(harness, history, { stream: index % 2 === 0 });
      expect(lastTurn(harness).content).toBe(response(name, `result ${index}`));
    }
    expect(answer).toMatchObject({ calls: [], finishReason: "stop", content: "get_weather says: result 2" });
    history.push(answer.message, user("What did get_time say?"));
    expect((await goOn(harness, history)).content).toBe("get_time said: result 1");
    expect(lastTurn(harness).content).toBe("What did get_time say?");
    expect(acceptedTurns(harness)).toHaveLength(5);
  });

  test("sends parallel results as one message, in the order of the calls", async () => {
    await using harness = await startHarness();
    const history: ClientMessage[] = [user("Call get_weather with city=Paris, call get_time with zone=CET")];
    const { calls, message } = await goOn(harness, history);
    expect(calls).toHaveLength(2);
    history.push(message, resultOf(calls[1], "noon"), resultOf(calls[0], "sunny"));
    const { content } = await goOn(harness, history);
    expect(lastTurn(harness).content).toBe(`${response("get_weather", "sunny")}\n${response("get_time", "noon")}`);
    expect(content).toBe("get_weather says: sunny\nget_time says: noon");
  });

  test("is told by the emulator when a result is missing", async () => {
    await using harness = await startHarness();
    const history: ClientMessage[] = [user("Call get_weather with city=Paris, call get_time with zone=CET")];
    const { calls, message } = await goOn(harness, history);
    history.push(message, resultOf(calls[0], "sunny"));
    expect((await goOn(harness, history)).content).toContain("I made 2 calls and got 1 results");
  });

  test("goes on behind a restart of the gateway between a call and its result", async () => {
    await using harness = await startHarness();
    const history: ClientMessage[] = [user("Call get_time with zone=CET, then call get_weather with city=Rome")];
    for (const text of ["noon", "rainy"]) {
      const { calls, message } = await goOn(harness, history);
      await harness.restart();
      history.push(message, resultOf(calls[0], text));
    }
    expect((await goOn(harness, history)).content).toBe("get_weather says: rainy");
    expect(acceptedTurns(harness).filter((turn) => turn.content.includes("<tools>"))).toHaveLength(1);
  });

  test("tells errors and images in words", async () => {
    await using harness = await startHarness();
    const history: ClientMessage[] = [user("Call get_weather with city=Paris")];
    const { calls, message } = await goOn(harness, history);
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
    const content = [{ type: "text", text: "no network" }, image];
    history.push(message, { ...resultOf(calls[0], content), is_error: true });
    expect((await goOn(harness, history)).content).toContain("get_weather failed: no network");
    expect(lastTurn(harness).content).toContain("It cannot be shown here.");
  });

  test("is told whole, in the same words, to a chat that takes over", async () => {
    await using harness = await startHarness();
    const history: ClientMessage[] = [user("Call get_time with zone=CET")];
    const { calls, message } = await goOn(harness, history);
    history.push(message, resultOf(calls[0], "noon"));
    harness.emulator.script({ refuse: "chat-not-exist" });
    const answer = await askWithTools(harness, history);
    const turn = lastTurn(harness);
    expect(turn.parentId).toBeNull();
    expect(turn.content).toContain("<tools>");
    expect(turn.content).toContain('<tool_call>\n{"name": "get_time", "arguments": {"zone":');
    expect(turn.content).toEndWith(`# Message\n${response("get_time", "noon")}`);
    expect(answer.content).toBe("get_time says: noon");
    await goOn(harness, [...history, answer.message, user("Thanks")]);
    expect(lastTurn(harness).content).toBe("Thanks");
  });
});
