// Custom tools in chat completions: their calls have free text, on every upstream, and go on in their chat.

import { describe, expect, test } from "bun:test";
import { startDialectStage } from "../support/dialect-stage.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { bodyOf, type ClientMessage, lastTurn, readStream, user } from "./client.ts";
import { weather } from "./tool-client.ts";

const grammar = { type: "grammar", grammar: { syntax: "lark", definition: "start: /x/" } };
const patch = { type: "custom", custom: { name: "patch", description: "Patches.", format: grammar } };

interface CustomCall {
  readonly id: string;
  readonly type: "custom";
  readonly custom: { readonly name: string; readonly input: string };
}

/** As the official package puts the pieces together. */
async function ask(harness: Harness, body: Readonly<Record<string, unknown>>) {
  const response = await harness.chat({ model: "qwen3-max", tools: [weather, patch], ...body });
  // The shapes are what the tests assert.
  if (body["stream"] !== true) {
    const { choices } = JSON.parse(await bodyOf(response)) as {
      choices: { message: ClientMessage; finish_reason: string }[];
    };
    return { message: choices[0]!.message, finishReason: choices[0]!.finish_reason };
  }
  const stream = await readStream(response);
  const calls: { index: number; id: string; custom: { name: string; input: string } }[] = [];
  for (const { choices } of stream.chunks) {
    const delta = choices[0]?.delta as { tool_calls?: ({ index: number } & CustomCall)[] } | undefined;
    for (const piece of delta?.tool_calls ?? []) {
      if (calls[piece.index] === undefined) calls[piece.index] = { ...piece, custom: { ...piece.custom } };
      else calls[piece.index]!.custom.input += piece.custom.input;
    }
  }
  const tool_calls = calls.map(({ index: _index, ...call }) => call);
  const message = { role: "assistant", content: stream.text, ...(calls.length === 0 ? {} : { tool_calls }) };
  return { message, finishReason: stream.finishReasons[0] };
}

function callsOf({ message }: { readonly message: ClientMessage }): readonly CustomCall[] {
  return (message["tool_calls"] ?? []) as CustomCall[];
}

describe.each([true, false])("stream %p", (stream) => {
  test("a call goes on in its chat on the web backend", async () => {
    await using harness = await startHarness();
    const history: ClientMessage[] = [user("Call patch with input=abc")];
    const first = await ask(harness, { stream, messages: history });
    const before = lastTurn(harness);
    const [call] = callsOf(first);
    history.push(first.message, { role: "tool", tool_call_id: call?.id ?? "", content: "done" });
    await ask(harness, { stream, messages: history });

    expect(before.content).toContain("start: /x/");
    expect(callsOf(first)).toEqual([
      { id: expect.stringMatching(/^call_/), type: "custom", custom: { name: "patch", input: "abc" } },
    ]);
    expect(first.finishReason).toBe("tool_calls");
    expect(lastTurn(harness)).toMatchObject({
      chatId: before.chatId,
      parentId: before.responseId,
      content: '<tool_response name="patch">\ndone\n</tool_response>',
    });
  });

  test.each([
    ["more than its text", { input: 'a\n"b"', note: "more" }],
    ["its text alone", 'a\n"b"'],
  ])("a call that has %s goes on in its chat", async (_what, told) => {
    await using harness = await startHarness();
    const written = JSON.stringify({ name: "patch", arguments: told });
    harness.emulator.script({ reply: { text: `<tool_call>\n${written}\n</tool_call>` } });
    const history: ClientMessage[] = [user("Patch it")];
    const first = await ask(harness, { stream, messages: history });
    const before = lastTurn(harness);
    const [call] = callsOf(first);
    history.push(first.message, { role: "tool", tool_call_id: call?.id ?? "", content: "done" });
    await ask(harness, { stream, messages: history });

    expect(call?.custom.input).toBe('a\n"b"');
    expect(lastTurn(harness)).toMatchObject({ chatId: before.chatId, parentId: before.responseId });
  });

  test.each(["vllm", "generic"] as const)("%s knows it as a function, in the history too", async (dialect) => {
    await using stage = await startDialectStage({ dialect });
    const asked = { model: undefined, stream, tool_choice: { type: "custom", custom: { name: "patch" } } };
    stage.emulator.script({ reply: { calls: [{ name: "patch", arguments: { input: "abc" } }] } });
    const history: ClientMessage[] = [user("Patch it")];
    const first = await ask(stage.harness, { ...asked, messages: history });
    const [call] = callsOf(first);

    expect(callsOf(first)).toMatchObject([{ type: "custom", custom: { name: "patch", input: "abc" } }]);
    expect(stage.lastBody()).toMatchObject({
      tools: [{ function: { name: "get_weather" } }, { type: "function", function: { name: "patch" } }],
      tool_choice: { type: "function", function: { name: "patch" } },
    });
    history.push(first.message, { role: "tool", tool_call_id: call?.id ?? "", content: "done" });
    await ask(stage.harness, { ...asked, tool_choice: "auto", messages: history });
    expect(stage.lastBody()["messages"]).toMatchObject([
      { role: "user" },
      { tool_calls: [{ type: "function", function: { name: "patch", arguments: '{"input":"abc"}' } }] },
      { role: "tool", tool_call_id: call?.id, content: "done" },
    ]);
  });

  test("a call that was cut at its length has the text so far", async () => {
    await using stage = await startDialectStage({ dialect: "generic" });
    const pieces = ['{"input": "*** Be', 'gin\\n\\"a'];
    const call = { name: "patch", arguments: { input: "" }, pieces };
    stage.emulator.script({ reply: { calls: [call], finishReason: "length", quirks: ["cut-arguments"] } });
    const answer = await ask(stage.harness, { model: undefined, stream, messages: [user("Patch it")] });

    expect(answer.finishReason).toBe("length");
    expect('*** Begin\n"a'.startsWith(callsOf(answer)[0]?.custom.input ?? "nothing")).toBe(true);
  });
});
