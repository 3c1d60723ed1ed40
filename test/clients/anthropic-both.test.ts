// Anthropic's official client, over either kind of upstream: stream helper, tools, tool runner, counts, models.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { betaMemoryTool } from "@anthropic-ai/sdk/helpers/beta/memory";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { type ModelStage, startModelStage, upstreamKinds } from "../support/model-stage.ts";
import {
  askBoth,
  callsInTurn,
  citySchema,
  saysBoth,
  saysLast,
  tellTime,
  tellWeather,
  zoneSchema,
} from "./city-tools.ts";

setDefaultTimeout(20_000);

const hello = [{ role: "user" as const, content: "Say hello there" }];
const runnable = [
  betaZodTool({ name: "get_weather", description: "weather", inputSchema: citySchema, run: tellWeather }),
  betaZodTool({ name: "get_time", description: "time", inputSchema: zoneSchema, run: tellTime }),
];
const tools: Anthropic.Tool[] = [
  { name: "get_weather", input_schema: { type: "object", properties: { city: { type: "string" } } } },
  { name: "get_time", input_schema: { type: "object", properties: { zone: { type: "string" } } } },
];

function textOf({ content }: { readonly content: readonly { readonly type: string }[] }): string {
  return content.map((block) => ("text" in block ? String(block.text) : "")).join("");
}

describe.each(upstreamKinds)("@anthropic-ai/sdk over %s", (kind) => {
  let stage: ModelStage;
  beforeAll(async () => {
    stage = await startModelStage(kind);
  });
  beforeEach(() => stage.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  const client = (key: object = { apiKey: "none" }) => new Anthropic({ baseURL: stage.url, maxRetries: 0, ...key });
  const body = () => ({ model: stage.model, max_tokens: 1000, messages: hello });

  test("messages.stream: words as they come, and the message with both counts", async () => {
    const stream = client().messages.stream({ ...body(), messages: [{ role: "user", content: "Count from 1 to 9" }] });
    const pieces: string[] = [];
    stream.on("text", (piece) => pieces.push(piece));
    const message = await stream.finalMessage();

    expect(pieces.join("")).toBe("1 2 3 4 5 6 7 8 9");
    expect(pieces.length).toBeGreaterThan(1);
    expect(message).toMatchObject({ stop_reason: "end_turn", stop_sequence: null });
    expect(message.usage.input_tokens).toBeGreaterThan(0);
    expect(message.usage.output_tokens).toBeGreaterThan(0);
  });

  test("messages.stream: parallel tools as blocks one after the other, and the answer from their results", async () => {
    const asked: Anthropic.MessageParam = { role: "user", content: askBoth };
    const first = await client()
      .messages.stream({ ...body(), messages: [asked], tools })
      .finalMessage();
    const calls = first.content.flatMap((block) => (block.type === "tool_use" ? [block] : []));
    const content: Anthropic.ToolResultBlockParam[] = calls.map(({ id, name }) => ({
      type: "tool_result",
      tool_use_id: id,
      content: [{ type: "text", text: `${name} done` }],
    }));
    const second = await client().messages.create({
      ...body(),
      tools,
      messages: [asked, { role: "assistant", content: first.content }, { role: "user", content }],
    });

    expect(first.stop_reason).toBe("tool_use");
    expect(calls.map(({ name, input }) => [name, input])).toEqual([
      ["get_weather", { city: "Paris" }],
      ["get_time", { zone: "CET" }],
    ]);
    expect(textOf(second)).toBe("get_weather says: get_weather done\nget_time says: get_time done");
  });

  test.each([true, false])("toolRunner: two calls at once, stream: %p", async (stream) => {
    const messages = [{ role: "user" as const, content: askBoth }];
    const runner = client().beta.messages.toolRunner({ ...body(), messages, tools: runnable, stream });

    expect(textOf(await runner.runUntilDone())).toBe(saysBoth);
    expect(stage.asked()).toHaveLength(2);
  });

  test("toolRunner: one call in each of two turns", async () => {
    for (const call of callsInTurn) stage.script({ calls: [call] });
    const messages = [{ role: "user" as const, content: "What is it like in Paris, and how late?" }];
    const runner = client().beta.messages.toolRunner({ ...body(), messages, tools: runnable });

    expect(textOf(await runner.runUntilDone())).toContain(saysLast);
    expect(stage.asked()).toHaveLength(3);
  });

  test("toolRunner: tools that are added and removed while it runs", async () => {
    for (const call of callsInTurn) stage.script({ calls: [call] });
    const messages = [{ role: "user" as const, content: "What is it like in Paris, and how late?" }];
    const [first, second] = runnable;
    const runner = client().beta.messages.toolRunner({ ...body(), messages, tools: [first!] });
    let turns = 0;
    for await (const _ of runner) {
      turns++;
      if (turns === 1) runner.addTools(second!);
      if (turns === 2) runner.removeTools("get_weather");
    }

    expect(textOf(await runner.done())).toContain(saysLast);
    expect(stage.asked()[0]).not.toContain("get_time");
    expect(stage.asked()).toHaveLength(3);
  });

  test("toolRunner: a memory, whose schema it does not send", async () => {
    stage.script({ calls: [{ name: "memory", arguments: { command: "view", path: "/memories" } }] });
    stage.script({ text: "Nothing yet." });
    const seen: unknown[] = [];
    const see = (command: unknown) => {
      seen.push(command);
      return "The folder is empty.";
    };
    const memory = betaMemoryTool({ view: see, create: see, str_replace: see, insert: see, delete: see, rename: see });
    const messages = [{ role: "user" as const, content: "What do you know of me?" }];
    const runner = client().beta.messages.toolRunner({ ...body(), messages, tools: [memory] });

    expect(textOf(await runner.runUntilDone())).toBe("Nothing yet.");
    expect(seen).toEqual([{ command: "view", path: "/memories" }]);
    expect(stage.asked()[1]).toContain("The folder is empty.");
  });

  test.each([true, false])(
    "toolRunner: goes on from a summary that takes the place of what was said, stream: %p",
    async (on) => {
      stage.script({ calls: callsInTurn.slice(0, 1) });
      stage.script({ text: "It rains in Paris." }, "Summarize this conversation");
      stage.script({ text: "An umbrella." });
      const messages = [{ role: "user" as const, content: "What do I need in Paris?" }];
      const runner = client().beta.messages.toolRunner({ ...body(), messages, tools: runnable, stream: on });
      const reasons: unknown[] = [];
      for await (const turn of runner) {
        const message = "finalMessage" in turn ? await turn.finalMessage() : turn;
        reasons.push(message.stop_reason);
        if (reasons.length === 1) runner.compactBeforeNextTurn();
      }

      expect(reasons).toEqual(["tool_use", "compaction", "end_turn"]);
      expect(textOf(await runner.done())).toBe("An umbrella.");
      expect(stage.asked()).toHaveLength(3);
      expect(stage.asked()[2]).toContain("It rains in Paris.");
      expect(stage.asked()[2]).not.toContain("What do I need");
    },
  );

  test("countTokens grows with text and with tools, under both kinds of key", async () => {
    const count = async (fields: object, key?: object) =>
      (await client(key).messages.countTokens({ model: stage.model, messages: hello, ...fields })).input_tokens;
    const plain = await count({});

    expect(await count({}, { apiKey: null, authToken: "none" })).toBe(plain);
    expect(await count({ system: "Be brief and kind." })).toBeGreaterThan(plain);
    expect(await count({ tools })).toBeGreaterThan(plain);
  });

  test("models.list and models.retrieve", async () => {
    const models = await Array.fromAsync(client().models.list());

    expect(models.map(({ id }) => id)).toContain(stage.model);
    expect(await client().models.retrieve(stage.model)).toMatchObject({ type: "model", id: stage.model });
  });

  test("abort ends the request behind the gateway", async () => {
    stage.script({ text: "word ", isEndless: true });
    const stream = client().messages.stream(body());
    stream.on("text", () => stream.abort());
    await stream.done().catch(() => {});

    await stage.aborted();
  });
});
