// Every kind of server, played by the emulator, behind a whole gateway: what a client gets of each is the same.

import { describe, expect, test } from "bun:test";
import { compatibleDialects, variantsOf } from "../../src/emulator/openai-compatible-emulator.ts";
import { type DialectStage, startDialectStage } from "../support/dialect-stage.ts";
import { readReply } from "../support/read-reply.ts";
import { assistant, system, user } from "./client.ts";

const played = compatibleDialects().flatMap((dialect) =>
  variantsOf(dialect).map((variant) => ({ dialect, variant, name: `${dialect} ${variant}` })),
);

const tool = (name: string) => ({
  type: "function",
  function: { name, parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } },
});
const tools = [tool("get_weather"), tool("get_time")];
const callBoth = user("Call get_weather with city=Paris and get_time with city=Rome");
const picture =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const ask = async (stage: DialectStage, body: object) => readReply(await stage.chat(body));

describe.each(played)("$name", ({ dialect, variant }) => {
  const start = () => startDialectStage({ dialect, variant });

  test.each([true, false])("answers with thoughts apart, stream: %p [R1-001] [R1-015]", async (stream) => {
    await using stage = await start();
    stage.emulator.script({
      reply: { reasoning: ["I think ", "about it."], chunks: ["Hello ", "there, ", "friend."] },
    });

    const reply = await ask(stage, { stream, messages: [system("Be kind."), user("Hi")] });

    expect([reply.status, reply.reasoning.trim(), reply.text, reply.finish]).toEqual([
      200,
      "I think about it.",
      "Hello there, friend.",
      "stop",
    ]);
    expect(stage.completions()).toHaveLength(1);
  });

  test.each([true, false])("calls tools in parallel, and tells their results, stream: %p", async (stream) => {
    await using stage = await start();

    const called = await ask(stage, { stream, tools, messages: [callBoth] });
    const results = called.calls.map(({ id, name }) => ({ role: "tool", tool_call_id: id, content: `${name} done` }));
    const spoken = {
      role: "assistant",
      content: null,
      reasoning_content: called.reasoning,
      tool_calls: called.calls.map(({ id, name, arguments: given }) => ({
        id,
        type: "function",
        function: { name, arguments: JSON.stringify(given) },
      })),
    };
    const told = await ask(stage, { stream, tools, messages: [callBoth, spoken, ...results] });

    expect(called.calls.map(({ name, arguments: given }) => [name, given])).toEqual([
      ["get_weather", { city: "Paris" }],
      ["get_time", { city: "Rome" }],
    ]);
    expect([called.text, called.finish]).toEqual(["", "tool_calls"]);
    expect(new Set(called.calls.map(({ id }) => id)).size).toBe(2);
    expect(told.text).toBe("get_weather says: get_weather done\nget_time says: get_time done");
    expect(stage.completions().flatMap(({ notes }) => notes)).toEqual([]);
  });

  test("forces one tool by its name, and any tool", async () => {
    await using stage = await start();
    const named = { type: "function", function: { name: "get_time" } };

    const one = await ask(stage, { tools, tool_choice: named, messages: [user("It is late in Rome")] });
    // The first model of the plans always thinks, and then no tool can be forced.
    if (dialect === "dashscope-plans") return expect(one.error).toMatchObject({ param: "tool_choice" });
    expect(one.error).toBeUndefined();
    // Ollama knows no choice: the tool stands there alone, and its model may still answer.
    if (dialect !== "ollama") expect(one.calls.map(({ name }) => name)).toEqual(["get_time"]);

    const any = await ask(stage, { tools, tool_choice: "required", messages: [user("Hm")] });
    expect(any.error).toBeUndefined();
    if (dialect !== "ollama") expect(any.calls).toHaveLength(1);
  });

  test("forbids tools", async () => {
    await using stage = await start();
    const reply = await ask(stage, { tools, tool_choice: "none", messages: [callBoth] });

    expect([reply.calls, reply.finish]).toEqual([[], "stop"]);
  });

  test("counts tokens when asked, and not otherwise", async () => {
    await using stage = await start();
    const usage = { promptTokens: 12, completionTokens: 7 };
    stage.emulator.script({ times: 3, reply: { text: "counted", usage } });
    const counted = { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 };
    const stream = { stream: true, messages: [user("Hi")] };

    expect((await ask(stage, { ...stream, stream_options: { include_usage: true } })).usage).toMatchObject(counted);
    expect((await ask(stage, stream)).usage).toBeUndefined();
    expect((await ask(stage, { messages: [user("Hi")] })).usage).toMatchObject(counted);
  });

  test("keeps to a schema, and answers in JSON", async () => {
    await using stage = await start();
    const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const format = { type: "json_schema", json_schema: { name: "place", schema } };
    const messages = [user("Where? Answer in JSON")];

    const kept = await ask(stage, { messages, response_format: format });
    const any = await ask(stage, { messages, response_format: { type: "json_object" } });

    expect(Object.keys(JSON.parse(kept.text))).toEqual(["city"]);
    expect(typeof JSON.parse(any.text)).toBe("object");
    expect(stage.completions()).toHaveLength(2);
  });

  test("sees pictures, and passes over fields that it does not know", async () => {
    await using stage = await start();
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: picture, detail: "low" } },
    ];
    const known = {
      seed: 7,
      user: "u",
      store: false,
      metadata: { a: "b" },
      service_tier: "auto",
      prompt_cache_key: "k",
    };

    const seen = await ask(stage, { messages: [{ role: "user", content }] });
    const odd = await ask(stage, { messages: [user("Hi")], ...known, parallel_tool_calls: true, verbosity: "low" });

    expect(seen.text).toContain("image 1");
    expect(odd.error).toBeUndefined();
  });

  test("switches thinking off and on", async () => {
    await using stage = await start();
    const think = async (fields: object) =>
      (await ask(stage, { stream: true, messages: [user("Say hello")], ...fields })).reasoning !== "";

    // LM Studio's switch is its user's; OpenAI's documents know none.
    const isSwitched = dialect !== "lm-studio" && dialect !== "generic";
    // Of the plans' models the first cannot do without.
    const always = dialect === "dashscope-plans";
    expect(await think({ enable_thinking: false })).toBe(!isSwitched ? dialect === "lm-studio" : always);
    if (isSwitched) expect(await think({ enable_thinking: true })).toBe(true);
  });

  test("goes on with an answer that was begun", async () => {
    await using stage = await start();
    const reply = await ask(stage, { messages: [user("Count from 1 to 3"), assistant("1 2")] });

    expect(reply.error).toBeUndefined();
    expect(reply.status).toBe(200);
  });

  test("reads several system messages, wherever they stand", async () => {
    await using stage = await start();
    const messages = [system("One."), user("Hi"), assistant("Hello"), system("Two."), user("Say hello there")];
    const reply = await ask(stage, { messages });

    expect([reply.status, reply.text]).toEqual([200, "hello there"]);
  });

  test("lists its models, the first being the default", async () => {
    await using stage = await start();
    const { data } = (await (await stage.harness.get("/v1/models")).json()) as { data: { id: string }[] };
    const reply = await ask(stage, { messages: [user("Hi")] });

    expect(reply.headers.get("x-model")).toBe(data[0]!.id);
    expect(stage.lastBody()["model"]).toBe(data[0]!.id);
  });
});
