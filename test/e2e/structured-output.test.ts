// Answers in JSON by the official clients against the compiled executable, over a backend that knows no such form and over
// a server that does; and what besides changes an answer's text on its way: thoughts as tags, answers for Roo Code.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { jsonSchemaOutputFormat } from "@anthropic-ai/sdk/helpers/json-schema";
import { APIError } from "openai";
import { makeParseableResponseFormat, makeParseableTextFormat } from "openai/lib/parser";
import { type ChatMessage, startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

const schema = {
  type: "object",
  properties: { city: { type: "string" }, people: { type: "integer" } },
  required: ["city", "people"],
  additionalProperties: false,
} as const;
const rome = { city: "Rome", people: 2_800_000 };
const fenced = `Here you are:\n\n\`\`\`json\n${JSON.stringify(rome)}\n\`\`\`\n\nAnything else?`;
const format = makeParseableResponseFormat(
  { type: "json_schema", json_schema: { name: "place", strict: true, schema } },
  JSON.parse,
);
const model = "qwen3-max";
const anthropic = () => new Anthropic({ baseURL: stage.gateway.url, apiKey: "none", maxRetries: 0 });

/** The turns since then. */
async function turnsSince(count: number) {
  return (await stage.emulator.turns()).slice(count);
}

describe("chat.completions", () => {
  test("parse reads what the model wrote within words and a fence, and the next turn goes on in its chat", async () => {
    const before = (await stage.emulator.turns()).length;
    await stage.emulator.script({ times: 2, reply: { text: fenced } });
    const messages: ChatMessage[] = [{ role: "user", content: "Where is it? (parse)" }];
    const completion = await stage.client.chat.completions.parse({ model, messages, response_format: format });
    const message = completion.choices[0]!.message;
    expect(message.parsed).toEqual(rome);
    expect(message.content).toBe(JSON.stringify(rome));

    messages.push(message, { role: "user", content: "And now?" });
    const next = await stage.client.chat.completions.parse({ model, messages, response_format: format });
    expect(next.choices[0]?.message.parsed).toEqual(rome);
    const [first, second] = await turnsSince(before);
    expect(second).toMatchObject({ chatId: first?.chatId ?? "", parentId: first?.responseId ?? "" });
    expect(second?.content).toStartWith("And now?");
  });

  test("the stream helper reads it as it comes, after it was asked for once more", async () => {
    const before = (await stage.emulator.turns()).length;
    await stage.emulator.script({ reply: { text: "It is Rome." } }, { reply: { text: fenced } });
    const stream = stage.client.chat.completions.stream({
      model,
      messages: [{ role: "user", content: "Where is it? (stream)" }],
      response_format: format,
    });
    const completion = await stream.finalChatCompletion();
    expect(completion.choices[0]?.message.parsed).toEqual(rome);
    const [first, second] = await turnsSince(before);
    expect(second).toMatchObject({ chatId: first?.chatId ?? "", parentId: first?.responseId ?? "" });
  });

  test("an answer that does not fit is an error that says why, and no third answer", async () => {
    const before = (await stage.emulator.turns()).length;
    await stage.emulator.script({ times: 2, reply: { text: '{"city": "Rome"}' } });
    const messages: ChatMessage[] = [{ role: "user", content: "Where is it? (unfit)" }];
    const error: unknown = await stage.client.chat.completions
      .parse({ model, messages, response_format: format }, { maxRetries: 2 })
      .catch((reason: unknown) => reason);
    if (!(error instanceof APIError)) throw new Error("it was taken for an answer");
    expect(error).toMatchObject({ status: 502, code: "answer_unfit" });
    expect(error.message).toContain('"people" is missing');
    expect(await turnsSince(before)).toHaveLength(2);
  });

  test("a refusal is told in its own place", async () => {
    const text = "I'm sorry, but I can't help with that.";
    await stage.emulator.script({ times: 4, reply: { text } });
    const messages: ChatMessage[] = [{ role: "user", content: "Where is it? (refused)" }];
    const completion = await stage.client.chat.completions.parse({ model, messages, response_format: format });
    expect(completion.choices[0]?.message).toMatchObject({ refusal: text, parsed: null, content: null });
    const stream = stage.client.chat.completions.stream({ model, messages, response_format: format });
    expect((await stream.finalChatCompletion()).choices[0]?.message.refusal).toBe(text);
  });
});

test("responses.parse reads the output, streamed as well", async () => {
  await stage.emulator.script({ times: 2, reply: { text: fenced } });
  const text = {
    format: makeParseableTextFormat({ type: "json_schema", name: "place", strict: true, schema }, JSON.parse),
  };
  const response = await stage.client.responses.parse({ model, input: "Where? (responses)", text });
  expect(response.output_parsed).toEqual(rome);
  const stream = stage.client.responses.stream({ model, input: "Where? (responses, streamed)", text });
  expect((await stream.finalResponse()).output_parsed).toEqual(rome);
});

test("messages.parse reads it by output_config, and a forced tool by its input", async () => {
  await stage.emulator.script({ reply: { text: fenced } });
  const message = await anthropic().messages.parse({
    model,
    max_tokens: 1000,
    messages: [{ role: "user", content: "Where? (messages)" }],
    output_config: { format: jsonSchemaOutputFormat(schema) },
  });
  expect(message.parsed_output).toEqual(rome);

  await stage.emulator.script({ reply: { text: "I would say Rome." } });
  await stage.emulator.script({ reply: { calls: [{ name: "tell_place", arguments: rome }] } });
  const forced = await anthropic().messages.create({
    model,
    max_tokens: 1000,
    messages: [{ role: "user", content: "Where? (forced)" }],
    tools: [{ name: "tell_place", input_schema: { ...schema, required: [...schema.required] } }],
    tool_choice: { type: "tool", name: "tell_place" },
  });
  expect(forced.content).toMatchObject([{ type: "tool_use", name: "tell_place", input: rome }]);
});

test("without any order the emulated model answers in the form, so that a first try works", async () => {
  const messages: ChatMessage[] = [{ role: "user", content: "Where is it? (first try)" }];
  const completion = await stage.client.chat.completions.parse({ model, messages, response_format: format });
  expect(completion.choices[0]?.message.parsed).toEqual({ city: "example", people: 1 });
});

test("thoughts are tags where the client wants that, and the next turn goes on in its chat", async () => {
  const before = (await stage.emulator.turns()).length;
  const headers = { "x-reasoning-display": "tags" };
  await stage.emulator.script({ reply: { thinking: "Two and two.", text: "Four." } });
  const messages: ChatMessage[] = [{ role: "user", content: "2+2?" }];
  const first = await stage.client.chat.completions.create({ model, messages, reasoning_effort: "high" }, { headers });
  const message = first.choices[0]!.message;
  expect(message.content).toBe("<think>\nTwo and two.\n</think>\n\nFour.");
  messages.push(message, { role: "user", content: "Say: sure" });
  await stage.client.chat.completions.create({ model, messages }, { headers });
  const turns = await turnsSince(before);
  expect(turns[1]).toMatchObject({ parentId: turns[0]?.responseId, content: "Say: sure" });
});

test("words alone are wrapped for Roo Code, and the next turn goes on in its chat [R0-062]", async () => {
  const before = (await stage.emulator.turns()).length;
  const headers = { "x-wrap-answer": "attempt_completion" };
  await stage.emulator.script({ reply: { text: "Done." } });
  const messages: ChatMessage[] = [{ role: "user", content: "Do it" }];
  let text = "";
  const stream = await stage.client.chat.completions.create({ model, messages, stream: true }, { headers });
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  expect(text).toBe("<attempt_completion>\n<result>\nDone.\n</result>\n</attempt_completion>");
  messages.push({ role: "assistant", content: text }, { role: "user", content: "Say: more" });
  await stage.client.chat.completions.create({ model, messages }, { headers });
  const turns = await turnsSince(before);
  expect(turns[1]).toMatchObject({ parentId: turns[0]?.responseId, content: "Say: more" });
});
