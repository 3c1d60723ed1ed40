// The official client's tool loop against the compiled executable: it runs the calls and comes back with their results.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type OpenAI from "openai";
import { startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

interface Ran {
  readonly name: string;
  readonly values: unknown;
}

/** Tools that note what they were called with. */
function createTools(ran: Ran[]) {
  const define = (name: string, property: string, answer: string) => ({
    type: "function" as const,
    function: {
      name,
      description: `Tells the ${name}.`,
      parameters: { type: "object", properties: { [property]: { type: "string" } }, required: [property] },
      parse: JSON.parse,
      function(values: unknown) {
        ran.push({ name, values });
        return answer;
      },
    },
  });
  return [define("get_weather", "city", "21 degrees"), define("get_time", "zone", "noon")];
}

const ask = "Call get_weather with city=Paris, then call get_time with zone=CET, then call get_weather with city=Rome";
const expected = [
  { name: "get_weather", values: { city: "Paris" } },
  { name: "get_time", values: { zone: "CET" } },
  { name: "get_weather", values: { city: "Rome" } },
];

describe("chat.completions.runTools", () => {
  test.each([true, false])("runs three rounds in one chat, streamed: %p", async (stream) => {
    const before = (await stage.emulator.turns()).length;
    const ran: Ran[] = [];
    const body = {
      model: "qwen3-max",
      messages: [{ role: "user" as const, content: ask }],
      tools: createTools(ran),
    };
    const runner = stream
      ? stage.client.chat.completions.runTools({ ...body, stream })
      : stage.client.chat.completions.runTools(body);

    expect(await runner.finalContent()).toBe("get_weather says: 21 degrees");
    expect(ran).toEqual(expected);
    const turns = (await stage.emulator.turns()).slice(before);
    expect(turns).toHaveLength(4);
    for (const [index, turn] of turns.slice(1).entries()) {
      expect(turn).toMatchObject({ chatId: turns[0]!.chatId, parentId: turns[index]!.responseId! });
      expect(turn.content).toMatch(/^<tool_response name="get_\w+">\n.*\n<\/tool_response>$/);
    }
  });

  test("goes on behind kill -9 between a call and its result", async () => {
    const ran: Ran[] = [];
    const tools = createTools(ran).map(({ type, function: { name, parameters } }) => ({
      type,
      function: { name, parameters },
    }));
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "Call get_time with zone=CET" }];
    const first = await stage.client.chat.completions.create({ model: "qwen3-max", messages, tools });
    const message = first.choices[0]!.message;
    const turn = (await stage.emulator.turns()).at(-1)!;
    await stage.crashAndRestart();

    messages.push(message, { role: "tool", tool_call_id: message.tool_calls![0]!.id, content: "noon" });
    const second = await stage.client.chat.completions.create({ model: "qwen3-max", messages, tools });

    expect(second.choices[0]?.message.content).toBe("get_time says: noon");
    expect((await stage.emulator.turns()).at(-1)).toMatchObject({
      chatId: turn.chatId,
      parentId: turn.responseId!,
      content: '<tool_response name="get_time">\nnoon\n</tool_response>',
    });
  });
});
