// A call of one named tool, which is how clients ask for data in a form: its arguments are checked before they are told.

import { describe, expect, test } from "bun:test";
import { startDialectStage } from "../support/dialect-stage.ts";
import { startHarness } from "../support/harness.ts";
import { acceptedTurns, user } from "./client.ts";
import { answered, resultOf as blockOf, says, send } from "./message-client.ts";
import { askWithTools, resultOf } from "./tool-client.ts";

const parameters = {
  type: "object",
  properties: { city: { type: "string" }, people: { type: "integer" } },
  required: ["city", "people"],
};
const place = { name: "tell_place", description: "Tells a place." };
const chatTool = (strict?: boolean) => ({
  type: "function",
  function: { ...place, parameters, ...(strict === undefined ? {} : { strict }) },
});
const choice = { type: "function", function: { name: "tell_place" } };
const rome = { city: "Rome", people: 1 };
const call = (values: object) => ({ name: "tell_place", arguments: JSON.parse(JSON.stringify(values)) });

describe.each([true, false])("streamed: %p", (stream) => {
  test("arguments that do not fit are asked for once more, in the same chat, and the next turn goes on there", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { calls: [call({ city: "Rome" })] } });
    harness.emulator.script({ reply: { calls: [call(rome)] } });
    const body = { stream, tools: [chatTool()], tool_choice: choice };
    const answer = await askWithTools(harness, [user("Where?")], body);
    expect(answer.calls.map((one) => JSON.parse(one.arguments))).toEqual([rome]);

    const [missed, mended] = acceptedTurns(harness);
    expect(mended).toMatchObject({ chatId: missed?.chatId, parentId: missed?.responseId });
    expect(mended?.content).toContain('"people" is missing');
    expect(mended?.content).not.toContain("Where?");

    const history = [user("Where?"), answer.message, resultOf(answer.calls[0], "noted")];
    await askWithTools(harness, history, { stream, tools: [chatTool()] });
    expect(acceptedTurns(harness)[2]).toMatchObject({ chatId: missed?.chatId, parentId: mended?.responseId });
  });

  test("data in words that fits the tool is its call, and the next turn goes on in its chat", async () => {
    await using harness = await startHarness();
    const text = `Sure:\n\`\`\`json\n${JSON.stringify(rome)}\n\`\`\``;
    harness.emulator.script({ times: 2, reply: { text } });
    const answer = await askWithTools(harness, [user("Where?")], { stream, tools: [chatTool()], tool_choice: choice });
    expect(answer).toMatchObject({ content: "", finishReason: "tool_calls" });
    expect(answer.calls.map((one) => [one.name, JSON.parse(one.arguments)])).toEqual([["tell_place", rome]]);

    const before = acceptedTurns(harness).at(-1);
    const history = [user("Where?"), answer.message, resultOf(answer.calls[0], "noted")];
    await askWithTools(harness, history, { stream, tools: [chatTool()] });
    expect(acceptedTurns(harness).at(-1)).toMatchObject({ chatId: before?.chatId, parentId: before?.responseId });
  });

  test("words beside the call are not told, and the next turn goes on in its chat", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: "Let me look that up.", calls: [call(rome)] } });
    const answer = await askWithTools(harness, [user("Where?")], { stream, tools: [chatTool()], tool_choice: choice });
    expect(answer.content).toBe("");
    expect(answer.calls.map((one) => JSON.parse(one.arguments))).toEqual([rome]);

    const [before] = acceptedTurns(harness);
    const history = [user("Where?"), answer.message, resultOf(answer.calls[0], "noted")];
    await askWithTools(harness, history, { stream, tools: [chatTool()] });
    expect(acceptedTurns(harness)[1]).toMatchObject({ chatId: before?.chatId, parentId: before?.responseId });
  });

  test("the only tool that there is needs no name", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ times: 2, reply: { text: JSON.stringify(rome) } });
    const body = { stream, tools: [chatTool()], tool_choice: "required" };
    expect((await askWithTools(harness, [user("Where?")], body)).calls).toMatchObject([{ name: "tell_place" }]);
  });

  test("data in words that does not fit the tool stays words", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ times: 2, reply: { text: 'It is {"city": "Rome"}.' } });
    const answer = await askWithTools(harness, [user("Where?")], { stream, tools: [chatTool()], tool_choice: choice });
    expect(answer).toMatchObject({ content: 'It is {"city": "Rome"}.', calls: [] });
  });

  test("on messages as well", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { calls: [call({ people: 1 })] } });
    harness.emulator.script({ reply: { calls: [call(rome)] } });
    const tools = [{ ...place, input_schema: parameters }];
    const body = { stream, tools, tool_choice: { type: "tool", name: "tell_place" } };
    const message = await send(harness, [says("Where?")], body);
    expect(message.calls).toMatchObject([{ name: "tell_place", input: rome }]);
    const history = [says("Where?"), answered(message), says([blockOf(message.calls[0], "noted")])];
    await send(harness, history, { stream, tools });
    const turns = acceptedTurns(harness);
    expect(turns).toHaveLength(3);
    expect(turns[2]).toMatchObject({ chatId: turns[0]?.chatId, parentId: turns[1]?.responseId });
  });

  test("what does not fit then either is passed on: an agent can tell its model so", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ times: 2, reply: { calls: [call({ city: "Rome" })] } });
    const answer = await askWithTools(harness, [user("Where?")], { stream, tools: [chatTool()], tool_choice: choice });
    expect(answer.calls.map((one) => JSON.parse(one.arguments))).toEqual([{ city: "Rome" }]);
    expect(acceptedTurns(harness)).toHaveLength(2);
  });

  test("and is an error of a strict tool", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ times: 2, reply: { calls: [call({ city: "Rome" })] } });
    const body = { messages: [user("Where?")], stream, tools: [chatTool(true)], tool_choice: choice };
    const response = await harness.chat(body);
    expect(response.status).toBe(502);
    expect(await response.text()).toContain('\\"people\\" is missing');
  });

  test("a tool that may be called freely is not held back or asked for again", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { calls: [call({ city: "Rome" })] } });
    const answer = await askWithTools(harness, [user("Where?")], { stream, tools: [chatTool(true)] });
    expect(answer.calls.map((one) => JSON.parse(one.arguments))).toEqual([{ city: "Rome" }]);
    expect(acceptedTurns(harness)).toHaveLength(1);
  });
});

test("a whole answer of a server with tools of its own is checked, too; its stream goes out as it comes", async () => {
  await using stage = await startDialectStage({ dialect: "dashscope" });
  // DashScope forces no tool on a model that thinks.
  const off = { enable_thinking: false };
  const body = { messages: [user("Where?")], tools: [chatTool()], tool_choice: choice, ...off };
  stage.emulator.script({ reply: { calls: [call({ city: "Rome" })] } });
  stage.emulator.script({ reply: { calls: [call(rome)] } });
  const whole = JSON.parse(await (await stage.chat(body)).text());
  expect(JSON.parse(whole.choices[0].message.tool_calls[0].function.arguments)).toEqual(rome);
  const messages = stage.lastBody()["messages"] as { role: string; content: string }[];
  expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool"]);
  expect(messages[2]?.content).toContain('"people" is missing');

  stage.emulator.script({ reply: { calls: [call({ city: "Rome" })] } });
  const streamed = await (await stage.chat({ ...body, stream: true })).text();
  expect(streamed).toContain("Rome");
  expect(stage.completions()).toHaveLength(3);
});
