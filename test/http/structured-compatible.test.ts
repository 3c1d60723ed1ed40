// Answers in JSON of servers that speak OpenAI's protocol: held to it by themselves where they can, asked in words where
// they cannot, on each surface.

import { describe, expect, test } from "bun:test";
import { startDialectStage } from "../support/dialect-stage.ts";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { startHarness } from "../support/harness.ts";
import { askJson, jsonSurfaces, rome } from "./json-client.ts";

const cases = jsonSurfaces.flatMap((surface) =>
  [true, false].map((stream) => ({ surface, stream, name: surface.name })),
);
const [chat] = jsonSurfaces;

describe.each(["vllm", "dashscope", "ollama", "llama-cpp", "lm-studio", "sglang"] as const)("%s", (dialect) => {
  test.each(cases)("holds its model to the schema, for $name, streamed: $stream", async ({ surface, stream }) => {
    await using stage = await startDialectStage({ dialect });
    const answer = await askJson(stage.harness, surface, [surface.ask("Where? Answer in JSON")], { stream });

    expect(Object.keys(JSON.parse(answer.text))).toEqual(["city", "people"]);
    expect(stage.completions()).toHaveLength(1);
    expect(stage.lastBody()["response_format"]).toMatchObject({
      type: "json_schema",
      json_schema: { schema: { required: ["city", "people"] } },
    });
    expect(JSON.stringify(stage.lastBody()["messages"])).not.toContain("Answer format");
  });
});

describe.each(cases)("$name, streamed: $stream", ({ surface, stream }) => {
  test("a server without such a form is asked in words", async () => {
    await using stage = await startDialectStage({ dialect: "modelscope" });
    stage.emulator.script({ reply: { text: `Sure!\n\`\`\`json\n${rome}\n\`\`\`` } });
    const answer = await askJson(stage.harness, surface, [surface.ask("Where?")], { stream });

    expect(answer.text).toBe(rome);
    expect(stage.lastBody()["response_format"]).toBeUndefined();
    expect(JSON.stringify(stage.lastBody()["messages"])).toContain("Answer format");
  });

  test.each([
    "response_format is not supported by this model",
    "Json mode response is not supported when enable_thinking is true",
    "The provided JSON schema contains features not supported by xgrammar.",
    "failed to parse grammar",
    "Invalid request",
  ])("a server that refuses the form is asked in words: %s", async (message) => {
    await using stage = await startDialectStage({ dialect: "generic" });
    stage.emulator.script({ refuse: { name: "invalid-parameter", message } });
    stage.emulator.script({ reply: { text: `It is:\n${rome}` } });
    const answer = await askJson(stage.harness, surface, [surface.ask("Where?")], { stream });

    expect(answer.text).toBe(rome);
    expect(stage.completions()).toHaveLength(2);
    expect(stage.lastBody()["response_format"]).toBeUndefined();
    expect(JSON.stringify(stage.lastBody()["messages"])).toContain("Answer format");
  });

  test("words around the JSON of a server that should hold its model to it are cut off", async () => {
    await using stage = await startDialectStage({ dialect: "generic" });
    stage.emulator.script({ reply: { chunks: ["```js", "on\n{", '"city": "Ro', 'me", "people": 1}', "\n``", "`"] } });
    const answer = await askJson(stage.harness, surface, [surface.ask("Where?")], { stream });
    expect(answer.text).toBe('{"city": "Rome", "people": 1}');
  });

  test("what does not begin as JSON is asked for once more, with what was wrong", async () => {
    await using stage = await startDialectStage({ dialect: "modelscope" });
    stage.emulator.script({ reply: { text: "Rome, I think." } });
    stage.emulator.script({ reply: { text: rome } });
    const answer = await askJson(stage.harness, surface, [surface.ask("Where?")], { stream });

    expect(answer.text).toBe(rome);
    const messages = stage.lastBody()["messages"] as { role: string; content: string }[];
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(messages[1]?.content).toBe("Rome, I think.");
    expect(messages[2]?.content).toContain("it holds no JSON");
  });

  test("what is cut at its length is told as far as it came", async () => {
    await using stage = await startDialectStage({ dialect: "modelscope" });
    stage.emulator.script({ reply: { text: 'Well: {"city": "Ro', finishReason: "length" } });
    const response = await stage.harness.post(surface.path, surface.body([surface.ask("Where?")], { stream }));
    const body = await response.text();
    expect(response.status).toBe(200);
    expect(body.replaceAll("\\", "")).not.toContain("Well");
    expect(body).toContain("Ro");
    expect(stage.completions()).toHaveLength(1);
  });
});

describe("a model that declines in the server's own field", () => {
  const refused = JSON.stringify({
    choices: [{ index: 0, message: { role: "assistant", refusal: "I won't." }, finish_reason: "stop" }],
  });
  async function start() {
    const server = serveCompatible([{ body: refused }]);
    const harness = await startHarness({
      environment: {
        QWEN_TOKEN: "",
        QWEN_BASE_URL: "https://chat.qwen.ai",
        UPSTREAM_BASE_URL: server.url,
        UPSTREAM_DIALECT: "vllm",
        UPSTREAM_MODELS: "qwen-plus",
      },
    });
    return {
      server,
      harness,
      [Symbol.asyncDispose]: async () => {
        await harness[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  test.each(cases)("is told as such, and asked once, for $name, streamed: $stream", async ({ surface, stream }) => {
    await using stage = await start();
    const answer = await askJson(stage.harness, surface, [surface.ask("Where?")], { stream });

    expect(answer).toMatchObject({ text: "", refusal: "I won't." });
    expect(stage.server.completions).toHaveLength(1);
  });

  test("needs to make no call that was demanded", async () => {
    await using stage = await start();
    const tools = [{ type: "function", function: { name: "add" } }];
    const messages = [{ role: "user", content: "Add" }];
    const response = await stage.harness.chat({ messages, tools, tool_choice: "required" });

    expect(await response.json()).toMatchObject({ choices: [{ message: { content: null, refusal: "I won't." } }] });
    expect(stage.server.completions).toHaveLength(1);
  });
});

describe("a server that holds its model to a schema", () => {
  test("is passed on as it comes: the JSON streams", async () => {
    await using stage = await startDialectStage({ dialect: "vllm" });
    stage.emulator.script({ gate: "step", reply: { chunks: ['{"city": ', '"Rome", ', '"people": 5', "}"] } });
    stage.emulator.release("step", 3);
    const response = await stage.chat(chat.body([chat.ask("Where?")], { stream: true }));
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let seen = "";
    while (!seen.includes("city")) seen += (await reader.read()).value ?? "";
    expect(seen).not.toContain("people");
    stage.emulator.release("step", "all");
    for (let next = await reader.read(); !next.done; next = await reader.read()) seen += next.value;
    expect(seen).toContain("[DONE]");
    expect(seen).not.toContain("error");
  });

  test("and does not keep it to the end is told as an error behind what was sent", async () => {
    await using stage = await startDialectStage({ dialect: "vllm" });
    stage.emulator.script({ reply: { chunks: ['{"city": ', '"Rome"}'] } });
    const response = await stage.chat(chat.body([chat.ask("Where?")], { stream: true }));
    const body = await response.text();
    expect(body).toContain('"code":"answer_unfit"');
    expect(body).toContain("[DONE]");
    expect(body).not.toContain('"finish_reason":"stop"');
    expect(stage.completions()).toHaveLength(1);
  });

  test("and does not keep it is asked once more for a whole answer", async () => {
    await using stage = await startDialectStage({ dialect: "vllm" });
    stage.emulator.script({ reply: { text: '{"city": "Rome"}' } });
    stage.emulator.script({ reply: { text: rome } });
    const answer = await askJson(stage.harness, chat, [chat.ask("Where?")], { stream: false });
    expect(answer.text).toBe(rome);
    expect(stage.completions()).toHaveLength(2);
    expect(stage.lastBody()["response_format"]).toMatchObject({ type: "json_schema" });
  });

  test("that puts the JSON among its thoughts is understood", async () => {
    await using stage = await startDialectStage({ dialect: "lm-studio" });
    stage.emulator.script({ reply: { reasoning: rome, text: "" } });
    const answer = await askJson(stage.harness, chat, [chat.ask("Where?")], { stream: true });
    expect(answer.text).toBe(rome);
  });

  test("and refuses something else of the request is asked once", async () => {
    await using stage = await startDialectStage({ dialect: "generic" });
    const refuse = { name: "invalid-parameter", message: "messages[0] is too odd", param: "messages" } as const;
    stage.emulator.script({ times: "always", refuse });
    const response = await stage.chat(chat.body([chat.ask("Where?")], { stream: true }));
    expect(response.status).toBe(400);
    expect(stage.completions()).toHaveLength(1);
  });

  test("is told llama.cpp's spelling as the common one", async () => {
    await using stage = await startDialectStage({ dialect: "llama-cpp" });
    const format = {
      type: "json_object",
      schema: { type: "object", properties: { a: { type: "integer" } }, required: ["a"] },
    };
    const body = { messages: [chat.ask("Where?")], response_format: format };
    expect((await chat.read(await stage.chat(body))).text).toBe('{"a":1}');
    expect(stage.lastBody()["response_format"]).toMatchObject({ type: "json_schema" });
  });

  test("is left alone where no form is asked for: its frames are passed on", async () => {
    await using stage = await startDialectStage({ dialect: "vllm" });
    stage.emulator.script({ reply: { text: `Sure: ${rome}` } });
    const body = { ...chat.body([chat.ask("Where?")], { stream: true }), response_format: undefined };
    expect((await chat.read(await stage.chat(body))).text).toBe(`Sure: ${rome}`);
  });
});

test("a form that is refused for the thoughts beside it costs no later request its switch", async () => {
  await using stage = await startDialectStage({ dialect: "dashscope" });
  const message = "Json mode response is not supported when enable_thinking is true";
  stage.emulator.script({ refuse: { name: "invalid-parameter", message } });
  stage.emulator.script({ reply: { text: rome } });
  const answer = await askJson(stage.harness, chat, [chat.ask("Where?")], { stream: true });
  await stage.chat({ messages: [chat.ask("Hello")], enable_thinking: false }).then((response) => response.text());

  expect(answer.text).toBe(rome);
  expect(stage.completions()).toMatchObject(
    [true, true, false].map((thinks) => ({ body: { enable_thinking: thinks } })),
  );
});
