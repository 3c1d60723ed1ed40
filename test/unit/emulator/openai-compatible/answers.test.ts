// What the emulator says of its own: as the web backend's does, and by calling tools.

import { describe, expect, test } from "bun:test";
import type { OpenAICompatibleEmulator } from "../../../../src/emulator/openai-compatible-emulator.ts";
import { createAnswerCheck } from "../../../../src/answers/answer-schema.ts";
import { exampleOf } from "../../../../src/emulator/example-value.ts";
import { at } from "../emulator-client.ts";
import { chat, emulate, names, stream, tool, weather } from "./client.ts";

const user = (content: string) => ({ role: "user", content });

async function answer(emulator: OpenAICompatibleEmulator, body: object): Promise<unknown> {
  return at(await (await chat(emulator, body)).json(), "choices", 0);
}

async function text(messages: readonly object[], body: object = {}): Promise<unknown> {
  return at(await answer(emulate("generic"), { messages, ...body }), "message", "content");
}

async function callsOf(content: string, body: object = {}, emulator = emulate("generic")): Promise<unknown[][]> {
  const choice = await answer(emulator, { messages: [user(content)], tools: [weather], ...body });
  const calls = at(choice, "message", "tool_calls");
  const list: readonly unknown[] = Array.isArray(calls) ? calls : [];
  return list.map((call) => [at(call, "function", "name"), JSON.parse(String(at(call, "function", "arguments")))]);
}

describe("text", () => {
  test.each(names)("%s greets, counts and thinks as its model does by default", async (dialect) => {
    const emulator = emulate(dialect);

    const greeting = await stream(emulator, { messages: [user("Hello")] });
    const counting = await stream(emulator, { messages: [user("Count from 1 to 20")] });

    expect(greeting.content).toMatch(/emulator/);
    expect(counting.content.trim()).toBe(Array.from({ length: 20 }, (_, index) => index + 1).join(" "));
    expect(greeting.reasoning === "").toBe(dialect === "generic");
    expect([counting.finishReason, counting.isDone]).toEqual(["stop", true]);
    expect(Number(at(counting.usage, "completion_tokens"))).toBeGreaterThan(10);
  });

  test("remembers what was said, by the user and by the instructions", async () => {
    const told = [user("My name is Mira."), { role: "assistant", content: "Noted." }, user("What is my name?")];
    expect(await text(told)).toContain("Mira");
    const instructed = [{ role: "system", content: "The secret word is plum." }, user("What is the secret word?")];
    expect(await text(instructed)).toContain("plum");
    const first = await text([
      { role: "system", content: "Be brief." },
      ...told.slice(0, 2),
      user("What was my first message?"),
    ]);
    expect(first).toBe('Your first message was: "My name is Mira."');
  });

  test("is equal for equal seeds, and other for others", async () => {
    const ask = async (seed: number) => answer(emulate("vllm", { seed }), { messages: [user("Tell me of the sea")] });

    expect(await ask(3)).toEqual(await ask(3));
    expect([await ask(1), await ask(2), await ask(3)].map((choice) => JSON.stringify(choice)).length).toBe(3);
  });

  test("names what came with the message", async () => {
    const parts = [
      { type: "text", text: "Describe this" },
      { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
    ];
    expect(await text([{ role: "user", content: parts }])).toContain("image 1");
  });

  test("ends where it is told to: by tokens, by words", async () => {
    const long = await answer(emulate("generic"), { messages: [user("Count from 1 to 100")], max_tokens: 3 });
    expect(at(long, "finish_reason")).toBe("length");
    expect(await text([user("Count from 1 to 9")], { stop: [" 4"] })).toBe("1 2 3");
    // Thoughts and answer share the room: it may end without any answer.
    const thought = await answer(emulate("dashscope"), { max_tokens: 3 });
    expect([at(thought, "finish_reason"), at(thought, "message", "content")]).toEqual(["length", ""]);
  });

  test("is JSON where it is asked for", async () => {
    const schema = {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer", minimum: 2 }, wet: { enum: [true, false] } },
      required: ["city", "days", "wet"],
    };
    const format = { type: "json_schema", json_schema: { name: "w", schema } };
    expect(JSON.parse(String(await text([user("Weather")], { response_format: format })))).toEqual({
      city: "example",
      days: 2,
      wet: true,
    });
    const free = await text([user("Answer in JSON")], { response_format: { type: "json_object" } });
    expect(JSON.parse(String(free))).toHaveProperty("answer");
  });
});

describe("thinking is switched", () => {
  test.each([
    ["dashscope", { enable_thinking: false }],
    ["dashscope", { reasoning_effort: "none" }],
    ["vllm", { chat_template_kwargs: { enable_thinking: false } }],
    ["sglang", { chat_template_kwargs: { enable_thinking: false } }],
    ["llama-cpp", { chat_template_kwargs: { enable_thinking: false } }],
    ["ollama", { reasoning_effort: "none" }],
    ["ollama", { reasoning: { effort: "none" } }],
  ] as const)("off on %s by %p", async (dialect, body) => {
    expect((await stream(emulate(dialect), body)).reasoning).toBe("");
  });

  test.each([
    ["dashscope", { model: "qwen-plus", enable_thinking: true }],
    ["generic", { reasoning_effort: "low" }],
    // A field of other servers does nothing.
    ["vllm", { enable_thinking: false }],
  ] as const)("on for %s by %p", async (dialect, body) => {
    expect((await stream(emulate(dialect), body)).reasoning).not.toBe("");
  });
});

describe("tools are called", () => {
  test("when the user asks for one by name, with what he says", async () => {
    expect(await callsOf("Please call get_weather with city=Paris, days: 3.")).toEqual([
      ["get_weather", { city: "Paris", days: 3 }],
    ]);
    expect(await callsOf('Use get_weather for "Rome"')).toEqual([["get_weather", { city: "Rome" }]]);
    expect(await callsOf('Call get_weather {"city":"Oslo","days":1}')).toEqual([
      ["get_weather", { city: "Oslo", days: 1 }],
    ]);
    expect(await callsOf("Use get_weather")).toEqual([["get_weather", { city: "example" }]]);
  });

  test("not when nobody asks, or a name only stands there", async () => {
    expect(await callsOf("Hello")).toEqual([]);
    expect(await callsOf("get_weather is a fine name")).toEqual([]);
    expect(await callsOf("Call get_weather", { tool_choice: "none" })).toEqual([]);
  });

  test("several at once, where that is asked for or the server does it", async () => {
    const both = "Call get_weather for 'Rome' and get_weather for 'Oslo'";
    const two = [
      ["get_weather", { city: "Rome" }],
      ["get_weather", { city: "Oslo" }],
    ];
    expect(await callsOf(both)).toEqual(two);
    expect(await callsOf(both, { parallel_tool_calls: false })).toHaveLength(1);
    expect(await callsOf(both, {}, emulate("dashscope"))).toHaveLength(1);
    expect(await callsOf(both, { parallel_tool_calls: true }, emulate("dashscope"))).toEqual(two);
  });

  test("by force: required, or one that is named", async () => {
    expect(await callsOf("Hello", { tool_choice: "required" })).toEqual([["get_weather", { city: "example" }]]);
    const choice = { type: "function", function: { name: "look" } };
    const tools = [weather, tool("look")];
    expect(await callsOf("Hello", { tools, tool_choice: choice })).toEqual([["look", {}]]);
  });

  test("a named choice ends with stop on vLLM, is auto on llama.cpp and nothing on Ollama", async () => {
    const body = { tools: [weather], tool_choice: { type: "function", function: { name: "get_weather" } } };
    const ended = async (dialect: "vllm" | "llama-cpp" | "ollama") => {
      const { finishReason, entries } = await stream(emulate(dialect), body);
      return [finishReason, entries.length > 0];
    };

    expect(await ended("vllm")).toEqual(["stop", true]);
    expect(await ended("llama-cpp")).toEqual(["stop", false]);
    expect(await ended("ollama")).toEqual(["stop", false]);
  });

  test("and their results are told", async () => {
    const call = { id: "call_7", type: "function", function: { name: "get_weather", arguments: '{"city":"Paris"}' } };
    const messages = [
      user("Call get_weather for 'Paris'"),
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "call_7", content: "sunny, 21 degrees" },
    ];

    expect(await text(messages, { tools: [weather] })).toBe("get_weather says: sunny, 21 degrees");
  });

  test("a script calls whatever it says", async () => {
    const emulator = emulate("sglang");
    emulator.script({ reply: { calls: [{ name: "anything", arguments: { a: [1] } }] } });
    const { entries, finishReason } = await stream(emulator);

    expect(at(entries[0], "function", "name")).toBe("anything");
    expect(entries.map((entry) => at(entry, "function", "arguments")).join("")).toBe('{"a": [1]}');
    expect(finishReason).toBe("tool_calls");
  });

  test("ids are of the server's form and never the same", async () => {
    const forms = {
      dashscope: /^call_[0-9a-f]{22}$/,
      vllm: /^chatcmpl-tool-[0-9a-f]{16}$/,
      sglang: /^call_[0-9a-f]{24}$/,
      ollama: /^call_[0-9a-f]{8}$/,
      "llama-cpp": /^[0-9a-f]{32}$/,
      "lm-studio": /^\d{9}$/,
    } as const;
    for (const [dialect, form] of Object.entries(forms)) {
      const emulator = emulate(dialect as keyof typeof forms);
      const idOf = async () => {
        const body = { tools: [weather], messages: [user("Call get_weather")] };
        return at((await stream(emulator, body)).entries[0], "id");
      };
      const [first, second] = [await idOf(), await idOf()];
      expect(first).toMatch(form);
      expect(second).not.toBe(first);
    }
  });
});

describe("exampleOf", () => {
  test("follows choices, references and limits, and ends where a schema holds itself", () => {
    const schema = {
      $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" } }, required: ["next"] } },
      type: "object",
      properties: {
        a: { anyOf: [{ const: 5 }, { type: "string" }] },
        b: { type: ["string", "null"], minLength: 9 },
        c: { type: "array" },
        d: { $ref: "#/$defs/node" },
      },
      required: ["a", "b", "c", "d"],
    };

    expect(exampleOf(schema)).toMatchObject({ a: 5, b: "exampleee", c: ["example"], d: { next: { next: {} } } });
  });

  const tree = {
    type: "object",
    properties: { name: { type: "string" }, kids: { type: "array", items: { $ref: "#/$defs/tree" } } },
    required: ["name", "kids"],
  };
  const list = {
    type: "object",
    properties: { value: { type: "integer" }, next: { anyOf: [{ $ref: "#" }, { type: "null" }] } },
    required: ["value", "next"],
  };
  const limited = {
    type: "object",
    properties: {
      at: { type: "string", format: "date-time" },
      code: { type: "string", maxLength: 3 },
      pair: { type: "array", items: { type: "number", exclusiveMaximum: 0 }, minItems: 2 },
      fives: { type: "integer", multipleOf: 5, minimum: 7 },
    },
    required: ["at", "code", "pair", "fives"],
  };

  test.each([
    ["a tree", { $ref: "#/$defs/tree", $defs: { tree } }],
    ["a list that ends", list],
    ["limits and formats", limited],
  ])("gives what fits: %s", (_name, schema) => {
    const check = createAnswerCheck({ name: "x", schema, isStrict: true, param: "schema" });

    expect(check.problems(exampleOf(schema))).toEqual({ type: "fits" });
  });

  const wide = (next: string) => {
    const names = Array.from({ length: 30 }, (_, index) => `p${index}`);
    return {
      type: "object",
      required: names,
      properties: Object.fromEntries(names.map((name) => [name, { $ref: next }])),
    };
  };

  test.each([
    ["lists of lists", { type: "array", minItems: 1e8, items: { type: "array", minItems: 1e8 } }],
    ["a list of one and a half", { type: "array", minItems: 1.5 }],
    ["a text", { type: "string", minLength: 1e12 }],
    ["a number of no steps", { type: "integer", multipleOf: 0 }],
    ["references that fan out", { ...wide("#/a"), a: wide("#/b"), b: wide("#/c"), c: wide("#/d"), d: wide("#/a") }],
  ])("ends soon for a schema that asks for too much: %s", (_name, schema) => {
    const text = JSON.stringify(exampleOf(schema));

    expect(text).not.toBe("null");
    expect(text.length).toBeLessThan(200_000);
  });
});
