// Streams of responses that are kept, read on, or call tools of other kinds: by the checker of all response streams; and
// their conversations as one chain.

import { describe, expect, test } from "bun:test";
import { checkResponseAnswer } from "../support/checkers/check-answers.ts";
import { checkResponsesStream } from "../support/checkers/check-responses-stream.ts";
import { isOneChain } from "../support/echo/walk-surfaces.ts";
import { startHarness } from "../support/harness.ts";
import { parseResponseStream } from "../support/response-frames.ts";
import { acceptedTurns, bodyOf } from "./client.ts";
import { functionTool, outputOf, readAnswer, respond, user } from "./responses-client.ts";

/** Frames with their ids. */
function blocksOf(body: string): string[] {
  return body.split("\n\n").filter((block) => block !== "");
}

describe("a stream in the background", () => {
  test("is well-formed, and so is what was read of it joined with the rest", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { thinking: "I think.", chunks: ["one ", "two ", "three"] } });
    const body = { model: "qwen3-max", stream: true, background: true, input: "Count" };
    const first = await bodyOf(await harness.post("/v1/responses", body));
    const { response, text } = parseResponseStream(first);

    expect(text).toBe("one two three");
    expect(checkResponsesStream(first)).toEqual([]);
    const blocks = blocksOf(first);
    for (let known = 0; known < blocks.length; known++) {
      const place = `/v1/responses/${String(response["id"])}?stream=true&starting_after=${known}`;
      const rest = await bodyOf(await harness.get(place));
      expect(rest).not.toContain(`id: ${known}\n`);
      expect(checkResponsesStream(`${blocks.slice(0, known + 1).join("\n\n")}\n\n${rest}`)).toEqual([]);
    }
  });

  test("keeps an answer that is whole by the same measure", async () => {
    await using harness = await startHarness();
    const { id } = await respond(harness, { input: "Count from 1 to 3" });
    const kept: unknown = JSON.parse(await bodyOf(await harness.get(`/v1/responses/${id}`)));

    expect(checkResponseAnswer(kept)).toEqual([]);
  });
});

const patch = { type: "custom", name: "patch", description: "Takes a patch." };
const rooms = {
  type: "namespace",
  name: "rooms",
  description: "Rooms of a house.",
  tools: [functionTool("look", { room: { type: "string" } })],
};

describe.each([true, false])("tools of other kinds, stream %p", (stream) => {
  test("are well-formed, and their turns stay in one chat", async () => {
    await using harness = await startHarness();
    const tools = [patch, functionTool("look"), rooms];
    const calls = [
      { name: "patch", arguments: { input: '*** Begin\n+ "é"\n*** End' } },
      { name: "rooms__look", arguments: { room: "hall" } },
    ];
    harness.emulator.script({ reply: { text: "Look.", calls } });
    const input: object[] = [user("Patch it")];
    const response = await harness.post("/v1/responses", { model: "qwen3-max", stream, store: false, tools, input });
    const body = await bodyOf(response);
    const problems = stream ? checkResponsesStream(body) : checkResponseAnswer(JSON.parse(body));
    const { items } = await readAnswer(new Response(body, response));

    expect(problems).toEqual([]);
    expect(items.slice(-2)).toMatchObject([
      { type: "custom_tool_call", name: "patch", input: '*** Begin\n+ "é"\n*** End' },
      { type: "function_call", name: "look", namespace: "rooms", arguments: '{"room": "hall"}' },
    ]);
    input.push(...items, ...items.slice(-2).map((item) => resultOf(item)));
    await respond(harness, { stream, store: false, tools, input });
    expect(isOneChain(acceptedTurns(harness))).toBe(true);
    expect(acceptedTurns(harness)).toHaveLength(2);
  });
});

test.each([true, false])(
  "references in the place of items that are kept are the same conversation, stream %p",
  async (stream) => {
    await using harness = await startHarness();
    const tools = [functionTool("look", { room: { type: "string" } })];
    harness.emulator.script({
      reply: { thinking: "I think.", text: "Look.", calls: [{ name: "look", arguments: { room: "hall" } }] },
    });
    const input: object[] = [user("Look around")];
    // As the ai package does it where `store` is on.
    const refer = (items: readonly { readonly id: string }[]) =>
      items.map(({ id }) => ({ type: "item_reference", id }));
    const first = await respond(harness, { stream, tools, input });
    const call = first.items.find(({ type }) => type === "function_call");
    input.push(...refer(first.items), outputOf(call, "empty"));
    const second = await respond(harness, { stream, tools, input });
    input.push(...refer(second.items), user("And then?"));
    await respond(harness, { stream, tools, input });

    expect(first.items.map(({ type }) => type)).toEqual(["reasoning", "message", "function_call"]);
    expect(acceptedTurns(harness)).toHaveLength(3);
    expect(isOneChain(acceptedTurns(harness))).toBe(true);
  },
);

function resultOf(item: Parameters<typeof outputOf>[0]): object {
  const output = outputOf(item, "done");
  return item?.type === "custom_tool_call" ? { ...output, type: "custom_tool_call_output" } : output;
}
