// Answers that have to be JSON: bare, checked, asked for once more, on each surface, streamed and whole, over a backend that
// knows no such form. Over servers that do: structured-compatible.test.ts.

import { describe, expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import { acceptedTurns, lastTurn } from "./client.ts";
import { askJson, jsonSurfaces, rome } from "./json-client.ts";

const cases = jsonSurfaces.flatMap((surface) =>
  [true, false].map((stream) => ({ surface, stream, name: surface.name })),
);

describe.each(cases)("$name, streamed: $stream", ({ surface, stream }) => {
  const wrapped: readonly (readonly [string, string])[] = [
    ["bare", rome],
    ["in a fence", `\`\`\`json\n${rome}\n\`\`\``],
    ["behind words", `Here is the JSON you asked for {as agreed}:\n\n${rome}`],
    ["in a fence between words", `Sure!\n\n\`\`\`json\n${rome}\n\`\`\`\nAnything else?`],
    ["with white space around", `\n\n  ${rome}\n`],
  ];

  test.each(wrapped)("JSON %s is bare for the client", async (_, text) => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text, deltaChars: 3 } });
    const answer = await askJson(harness, surface, [surface.ask("Where?")], { stream });

    expect(answer.text).toBe(rome);
    expect(lastTurn(harness).content).toContain('"required":["city","people"]');
    expect(acceptedTurns(harness)).toHaveLength(1);
  });

  test("the next turn continues the same chat, with what is new alone", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ times: 2, reply: { text: `Sure:\n\`\`\`json\n${rome}\n\`\`\`` } });
    const first = await askJson(harness, surface, [surface.ask("Where?")], { stream });
    const history = [surface.ask("Where?"), ...first.kept, surface.ask("And now?")];
    await askJson(harness, surface, history, { stream });

    const [one, two] = acceptedTurns(harness);
    expect(two).toMatchObject({ chatId: one?.chatId ?? "", parentId: one?.responseId ?? "" });
    expect(two?.content).toStartWith("And now?");
    expect(two?.content).not.toContain("Where?");
  });

  test("what does not fit is asked for once more, in the same chat, and the next turn continues from there", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: '{"city": "Rome"}' } });
    harness.emulator.script({ reply: { text: rome } });
    const answer = await askJson(harness, surface, [surface.ask("Where?")], { stream });
    expect(answer.text).toBe(rome);

    const [missed, mended] = acceptedTurns(harness);
    expect(mended).toMatchObject({ chatId: missed?.chatId ?? "", parentId: missed?.responseId ?? "" });
    expect(mended?.content).toContain('"people" is missing');
    expect(mended?.content).not.toContain("Where?");

    await askJson(harness, surface, [surface.ask("Where?"), ...answer.kept, surface.ask("Why?")], { stream }).catch(
      () => undefined,
    );
    const next = acceptedTurns(harness)[2];
    expect(next).toMatchObject({ chatId: missed?.chatId ?? "", parentId: mended?.responseId ?? "" });
    expect(next?.content).toStartWith("Why?");
  });

  test("what does not fit then either is an error of the surface, and no text of it is told", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ times: 2, reply: { text: '{"city": "secret-town"}' } });
    const response = await harness.post(surface.path, surface.body([surface.ask("Where?")], { stream }));

    const body = await response.text();
    expect(response.status).toBe(502);
    expect(response.headers.get("x-should-retry")).toBe("false");
    const { error } = JSON.parse(body) as { error: { message: string; type: string } };
    expect(error.message).toContain('"people" is missing');
    expect(body).not.toContain("secret-town");
    expect(acceptedTurns(harness)).toHaveLength(2);
  });

  if (stream) {
    test("behind a head that is out, an answer that does not fit is the surface's error frame", async () => {
      await using harness = await startHarness({ environment: { HOLD_HEADERS_MS: "0" } });
      harness.emulator.script({ times: 2, gate: "step", reply: { text: '{"city": "secret-town"}' } });
      const response = await harness.post(surface.path, surface.body([surface.ask("Where?")], { stream }));
      expect(response.status).toBe(200);
      harness.emulator.release("step", "all");
      const body = await response.text();
      expect(body).toContain('\\"people\\" is missing');
      expect(body).not.toContain("secret-town");
      const frames = { chat: "data: [DONE]", responses: "event: response.failed", messages: "event: error" } as const;
      expect(body).toContain(frames[surface.name as keyof typeof frames]);
      expect(body).not.toMatch(/"finish_reason":"stop"|response\.completed|message_stop/);
    });
  }

  test("a refusal is one, where it is all that the model says", async () => {
    await using harness = await startHarness();
    const text = "I'm sorry, but I can't help with that.";
    harness.emulator.script({ times: 2, reply: { text } });
    const answer = await askJson(harness, surface, [surface.ask("Where?")], { stream });
    expect(answer).toMatchObject({ text: "", refusal: text });

    harness.emulator.script({ reply: { text: rome } });
    await askJson(harness, surface, [surface.ask("Where?"), ...answer.kept, surface.ask("Please")], { stream });
    const turns = acceptedTurns(harness);
    expect(turns).toHaveLength(3);
    expect(turns[2]).toMatchObject({ chatId: turns[0]?.chatId ?? "", parentId: turns[1]?.responseId ?? "" });
  });

  test("a schema that nothing can be checked against is refused before anybody is asked", async () => {
    await using harness = await startHarness();
    const broken = { type: "object", properties: { a: { type: "string", pattern: "(" } } };
    const response = await harness.post(surface.path, surface.body([surface.ask("Hi")], { stream, schema: broken }));
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(surface.param);
    expect(acceptedTurns(harness)).toHaveLength(0);
  });

  test("a schema that is none is named", async () => {
    await using harness = await startHarness();
    const response = await harness.post(surface.path, surface.body([surface.ask("Hi")], { stream, schema: "none" }));
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(surface.param);
  });
});

describe("an answer in JSON", () => {
  const [chat, , messages] = jsonSurfaces;
  const anyObject = (stream: boolean, content = "Where?") => ({
    model: "qwen3-max",
    stream,
    messages: [{ role: "user", content }],
    response_format: { type: "json_object" },
  });

  test.each([true, false])("is any object for json_object, streamed: %p", async (stream) => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: 'Here: {"a": [1, {"b": "}"}]} and so on' } });
    expect((await chat.read(await harness.chat(anyObject(stream)))).text).toBe('{"a": [1, {"b": "}"}]}');
  });

  test("of a schema that is left open is any object", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: 'So: {"a": 1}' } });
    const format = { type: "json_schema", json_schema: { name: "thing" } };
    expect((await chat.read(await harness.chat({ ...anyObject(true), response_format: format }))).text).toBe(
      '{"a": 1}',
    );
  });

  test("of json_object is no array: it is asked for once more", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: "[1, 2]" } });
    harness.emulator.script({ reply: { text: '{"a": 1}' } });
    expect((await chat.read(await harness.chat(anyObject(true)))).text).toBe('{"a": 1}');
    expect(acceptedTurns(harness)).toHaveLength(2);
  });

  test("with small mistakes is mended without asking", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: "```json\n{'a': True, \"b\": [1, 2,],}\n```" } });
    const answer = await chat.read(await harness.chat(anyObject(false)));
    expect(JSON.parse(answer.text)).toEqual({ a: true, b: [1, 2] });
    expect(acceptedTurns(harness)).toHaveLength(1);
  });

  test("that fits no schema is told where the schema is a wish, after it was asked for once more", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ times: 2, reply: { text: '{"city": "Rome"}' } });
    const answer = await askJson(harness, chat, [chat.ask("Where?")], { stream: true, strict: false });
    expect(answer.text).toBe('{"city": "Rome"}');
    expect(acceptedTurns(harness)).toHaveLength(2);
  });

  test("keeps its thoughts apart, before it", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { thinking: "Rome {it} is.", text: rome } });
    const body = chat.body([chat.ask("Where?")], { stream: true });
    const text = await (await harness.chat({ ...body, enable_thinking: true })).text();
    expect(text).toContain('"reasoning_content":"Rome {it} is."');
    expect(text.indexOf("reasoning_content")).toBeLessThan(text.indexOf('\\"city\\"'));
  });

  test("may be a call instead: the words beside it are not told, since clients parse them", async () => {
    await using harness = await startHarness();
    const tool = { type: "function", function: { name: "look_up", parameters: { type: "object", properties: {} } } };
    harness.emulator.script({ reply: { text: "One moment.", calls: [{ name: "look_up", arguments: {} }] } });
    const body = { ...chat.body([chat.ask("Where?")], { stream: false }), tools: [tool] };
    const { choices } = JSON.parse(await (await harness.chat(body)).text());
    expect(choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: null } });
    expect(choices[0].message.tool_calls[0].function.name).toBe("look_up");
  });

  test("beside a demanded call is asked for as often as each of them allows, and no oftener", async () => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "9" } });
    const tool = { type: "function", function: { name: "look_up", parameters: { type: "object", properties: {} } } };
    harness.emulator.script({ times: "always", reply: { text: "I would rather talk." } });
    const body = { ...chat.body([chat.ask("Where?")], { stream: false }), tools: [tool], tool_choice: "required" };
    const response = await harness.chat(body);
    expect(response.status).toBe(502);
    expect(await response.text()).toContain("answer_unfit");
    // Without its call, without its form, and the same once more of the question that mends it.
    expect(acceptedTurns(harness).length).toBeLessThanOrEqual(4);
  });

  test("is mended once, whichever upstream is asked", async () => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "9" } });
    harness.emulator.script({ times: "always", reply: { text: "{}" } });
    const response = await harness.chat(chat.body([chat.ask("Where?")], { stream: true }));
    expect(response.status).toBe(502);
    expect(acceptedTurns(harness)).toHaveLength(2);
  });

  test("is not mended where one attempt is all that is allowed", async () => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
    harness.emulator.script({ times: "always", reply: { text: "{}" } });
    const response = await harness.chat(chat.body([chat.ask("Where?")], { stream: true }));
    expect(response.status).toBe(502);
    expect(acceptedTurns(harness)).toHaveLength(1);
  });

  test("is asked for anew when its stream breaks off, since nothing of it was sent", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: rome, deltaChars: 4, faults: [{ kind: "end", after: 5 }] } });
    harness.emulator.script({ reply: { text: rome } });
    expect((await askJson(harness, chat, [chat.ask("Where?")], { stream: true })).text).toBe(rome);
  });

  test("is asked for anew when what was to mend it has no word, while an attempt is left", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: "Rome." } }, { reply: { text: "" } }, { reply: { text: rome } });
    expect((await askJson(harness, chat, [chat.ask("Where?")], { stream: true })).text).toBe(rome);
    const [missed, empty, mended] = acceptedTurns(harness);
    expect(mended).toMatchObject({ chatId: missed?.chatId, parentId: missed?.responseId, content: empty?.content });
  });

  test("is asked for anew once when what was to mend it has no word", async () => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "9" } });
    harness.emulator.script({ reply: { text: "Rome." } }, { times: "always", reply: { text: "" } });
    const response = await harness.chat(chat.body([chat.ask("Where?")], { stream: true }));
    expect([response.status, acceptedTurns(harness).length]).toEqual([502, 3]);
    expect(await response.text()).toContain("answer_unfit");
  });

  test("of a thin client, which sends its newest message alone, is mended in its chat as well", async () => {
    await using harness = await startHarness();
    const thin = (content: string) => ({ ...chat.body([chat.ask(content)], { stream: false }), session_id: "s" });
    harness.emulator.script({ reply: { text: rome } });
    await chat.read(await harness.chat(thin("Where?")));
    harness.emulator.script({ reply: { text: "Rome." } });
    harness.emulator.script({ reply: { text: rome } });
    expect((await chat.read(await harness.chat(thin("Sure?")))).text).toBe(rome);
    harness.emulator.script({ reply: { text: rome } });
    await chat.read(await harness.chat(thin("Really?")));
    const turns = acceptedTurns(harness);
    expect(new Set(turns.map(({ chatId }) => chatId)).size).toBe(1);
    expect(turns.map(({ parentId }) => parentId)).toEqual([
      null,
      ...turns.slice(0, -1).map(({ responseId }) => responseId),
    ]);
  });

  test("in a conversation that is folded into a new chat is asked for there, and mended there", async () => {
    await using harness = await startHarness();
    const history = [chat.ask("My name is Ada."), { role: "assistant", content: "Hello Ada." }, chat.ask("Where?")];
    harness.emulator.script({ reply: { text: "Rome." } });
    harness.emulator.script({ reply: { text: rome } });
    expect((await askJson(harness, chat, history, { stream: true })).text).toBe(rome);
    const [first, second] = acceptedTurns(harness);
    expect(first?.content).toContain("My name is Ada.");
    expect(second).toMatchObject({ chatId: first?.chatId, parentId: first?.responseId });
    expect(second?.content).not.toContain("Ada");
  });

  test("whose chat is gone when it is to be mended is asked for in a new one, which is told everything", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: "Rome." } });
    harness.emulator.script({ refuse: "chat-not-exist" });
    harness.emulator.script({ reply: { text: rome } });
    expect((await askJson(harness, chat, [chat.ask("Where?")], { stream: true })).text).toBe(rome);
    const [first, second] = acceptedTurns(harness);
    expect(second?.chatId).not.toBe(first?.chatId);
    expect(second?.content).toContain("Where?");
    expect(second?.content).toContain("That is not the answer that was asked for");
  });

  test("is asked for by the older name of Anthropic's field, too", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: `So: ${rome}` } });
    const { output_config: config, ...body } = messages.body([messages.ask("Where?")], { stream: true }) as {
      output_config: { format: object };
    };
    const response = await harness.post("/v1/messages?beta=true", { ...body, output_format: config.format });
    expect((await messages.read(response)).text).toBe(rome);
  });

  test("costs nothing where it is not asked for: the words go out as they come", async () => {
    await using harness = await startHarness();
    const text = `Sure:\n\`\`\`json\n${rome}\n\`\`\``;
    harness.emulator.script({ reply: { text } });
    const body = { model: "qwen3-max", messages: [{ role: "user", content: "Where?" }] };
    const answer = await chat.read(await harness.chat({ ...body, response_format: { type: "text" } }));
    expect(answer.text).toBe(text);
    expect(lastTurn(harness).content).toBe("Where?");
  });

  test("hears heartbeats while it is held back", async () => {
    await using harness = await startHarness({ environment: { HOLD_HEADERS_MS: "20", SSE_KEEPALIVE_MS: "20" } });
    harness.emulator.script({ gate: "step", reply: { text: rome } });
    harness.emulator.release("step", 3);
    const response = await harness.chat(chat.body([chat.ask("Where?")], { stream: true }));
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let seen = "";
    while (seen.split(": keepalive").length < 4) seen += (await reader.read()).value ?? "";
    expect(seen).not.toContain("city");
    harness.emulator.release("step", "all");
    for (let next = await reader.read(); !next.done; next = await reader.read()) seen += next.value;
    expect(seen).toContain("Rome");
    expect(seen).toContain("[DONE]");
  });
});
