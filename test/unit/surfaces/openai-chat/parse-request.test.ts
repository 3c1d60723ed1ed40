// What a chat completion request may look like, and the field that is named when it does not.

import { describe, expect, test } from "bun:test";
import { flattenText } from "../../../../src/contract/chat-request.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { parseRequest } from "../../../../src/surfaces/openai-chat/parse-request.ts";

const hello = { role: "user", content: "Hello" };

function refusal(body: unknown): { kind: string; param: string | undefined; message: string } {
  try {
    parseRequest(body);
  } catch (error) {
    if (error instanceof GatewayError) return { kind: error.kind, param: error.param, message: error.message };
  }
  throw new Error("was accepted");
}

describe("parseRequest refuses", () => {
  const rows: readonly (readonly [what: string, body: unknown, param: string | undefined])[] = [
    ["no object", [], undefined],
    ["missing messages [R2-009]", {}, "messages"],
    ["messages that are no array [R2-010]", { messages: "Hello" }, "messages"],
    ["an empty array [R2-011]", { messages: [] }, "messages"],
    ["no user message [R2-012]", { messages: [{ role: "system", content: "x" }] }, "messages"],
    ["a message without role [R2-013]", { messages: [hello, { content: "x" }] }, "messages[1].role"],
    ["a message without content [R2-014]", { messages: [{ role: "user" }] }, "messages[0].content"],
    ["an assistant message with nothing in it", { messages: [hello, { role: "assistant" }] }, "messages[1].content"],
    ["an unknown role [R2-015]", { messages: [hello, { role: "robot", content: "x" }] }, "messages[1].role"],
    ["a message that is no object", { messages: [hello, 7] }, "messages[1]"],
    ["an unknown part", { messages: [{ role: "user", content: [{ type: "smell" }] }] }, "messages[0].content[0].type"],
    [
      "a picture in nobody's words",
      { messages: [{ role: "user", content: [{ type: "image", image: "data:image/png;base64,AAAA" }] }] },
      "messages[0].content[0].type",
    ],
    [
      "a part without text",
      { messages: [{ role: "user", content: [{ type: "text" }] }] },
      "messages[0].content[0].text",
    ],
    ["a result without its call", { messages: [hello, { role: "tool", content: "x" }] }, "messages[1].tool_call_id"],
    ["stream that is no boolean", { messages: [hello], stream: "yes" }, "stream"],
    ["a nested field", { messages: [hello], stream_options: { include_usage: 1 } }, "stream_options.include_usage"],
    ["several replies at once", { messages: [hello], n: 2 }, "n"],
    ["a token limit below one", { messages: [hello], max_tokens: 0 }, "max_tokens"],
    ["a token limit below -1", { messages: [hello], max_completion_tokens: -2 }, "max_completion_tokens"],
  ];
  test.each([...rows])("%s [R2-017]", (_what, body, param) => {
    const { kind, param: named, message } = refusal(body);
    expect(kind).toBe("invalid-request");
    expect(named).toBe(param);
    if (param !== undefined) expect(message).toContain(param);
  });

  test("without quoting what the client wrote", () => {
    expect(refusal({ messages: [{ role: "secret words", content: "x" }] }).message).not.toContain("secret words");
  });
});

test.each([
  [{ max_tokens: 7 }, 7],
  [{ max_tokens: 7, max_completion_tokens: 5 }, 5],
  [{ max_tokens: -1 }, undefined],
  [{ max_tokens: 7, max_completion_tokens: -1 }, undefined],
  [{ max_tokens: null }, undefined],
])("parseRequest takes -1 for no limit, as clients of LM Studio and llama.cpp write it: %p", (limits, maxTokens) => {
  expect(parseRequest({ messages: [{ role: "user", content: "Hello" }], ...limits }).maxTokens).toBe(maxTokens);
});

describe("parseRequest accepts", () => {
  test("every known role [R2-016]", () => {
    const call = { id: "c1", type: "function", function: { name: "f", arguments: "{}" } };
    const request = parseRequest({
      messages: [
        { role: "system", content: "s" },
        { role: "developer", content: [{ type: "text", text: "d" }] },
        hello,
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "c1", content: [{ type: "text", text: "r" }] },
        { role: "function", name: "f", content: "r" },
        { role: "assistant", refusal: "no" },
      ],
    });
    expect(request.messages.map((message) => message.role)).toEqual([
      "system",
      "system",
      "user",
      "assistant",
      "tool",
      "tool",
      "assistant",
    ]);
  });

  test("fields that it does not know, and null for those that it does [R2-002]", () => {
    const request = parseRequest({
      messages: [hello],
      model: null,
      stream: null,
      stream_options: null,
      temperature: 0.1,
      seed: 1,
      service_tier: "auto",
      my_field: { a: 1 },
    });
    expect(request).toMatchObject({ model: undefined, stream: false, includeUsage: false });
    expect(request.body["my_field"]).toEqual({ a: 1 });
  });

  test("all parts of a message, in order", () => {
    const content = ["a", "b", "c"].map((text) => ({ type: "text", text }));
    const [message] = parseRequest({ messages: [{ role: "user", content }] }).messages;
    expect(message && flattenText(message)).toBe("a\nb\nc");
  });

  test("reasoning that comes back with the history, in every form that clients keep it in", () => {
    const details = [
      { type: "reasoning.text", text: "I " },
      { type: "reasoning.encrypted", data: "x" },
      { type: "reasoning.summary", summary: "think" },
    ];
    const forms: readonly (readonly [object, string, string])[] = [
      [{ content: "x", reasoning_details: details }, "I think", "x"],
      [{ content: "x", thinking: "I think" }, "I think", "x"],
      [{ content: "<think>\nI think\n</think>\n\nx" }, "I think", "x"],
      [
        {
          content: [
            { type: "thinking", thinking: "I think", signature: "s" },
            { type: "text", text: "x" },
          ],
        },
        "I think",
        "x",
      ],
      [
        {
          content: [
            { type: "reasoning", text: "I think" },
            { type: "text", text: "x" },
          ],
        },
        "I think",
        "x",
      ],
      [
        {
          content: [
            { type: "redacted_thinking", data: "s" },
            { type: "text", text: "x" },
          ],
        },
        "",
        "x",
      ],
      [{ content: null, thinking: "I think" }, "I think", ""],
    ];
    for (const [fields, reasoning, text] of forms) {
      const { messages } = parseRequest({ messages: [hello, { role: "assistant", ...fields }, hello] });
      const answer = messages[1]!;
      expect(answer.role === "assistant" ? (answer.reasoning ?? "") : undefined).toBe(reasoning);
      expect(answer.content).toEqual(text === "" ? [] : [{ type: "text", text }]);
    }
  });

  test("a reply without words, as null or as a list of nothing", () => {
    for (const content of [null, []]) {
      const echoed = { role: "assistant", content, refusal: null, reasoning_content: null, tool_calls: [] };
      const [, answer] = parseRequest({ messages: [hello, echoed, hello] }).messages;
      expect(answer).toEqual({ role: "assistant", content: [], toolCalls: [] });
    }
  });

  test("reasoning that comes back with the history, in both spellings", () => {
    const { messages } = parseRequest({
      messages: [
        hello,
        { role: "assistant", content: "x", reasoning_content: "hm" },
        { role: "assistant", content: "", reasoning: "ha" },
      ],
    });
    expect(messages.slice(1)).toMatchObject([{ reasoning: "hm" }, { reasoning: "ha" }]);
  });

  test("tools of kinds that it does not serve, without refusing them", () => {
    const tools = [
      { type: "web_search" },
      { type: "function", function: { name: "f", parameters: { type: "object" } } },
    ];
    expect(parseRequest({ messages: [hello], tools }).tools).toEqual([
      { name: "f", description: undefined, parameters: { type: "object" } },
    ]);
  });

  test("tools in Anthropic's words, with their schema", () => {
    const schema = { type: "object", properties: { path: { type: "string" } } };
    const tools = [{ name: "read", description: "Reads.", input_schema: schema }];
    expect(parseRequest({ messages: [hello], tools }).tools).toEqual([
      { name: "read", description: "Reads.", parameters: schema },
    ]);
  });

  test("calls and results in Anthropic's words, as parts of messages", () => {
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } };
    const { messages } = parseRequest({
      messages: [
        hello,
        {
          role: "assistant",
          content: [
            { type: "text", text: "I look." },
            { type: "tool_use", id: "call_1", name: "read", input: { path: "a" } },
            { type: "tool_use", id: "call_2", name: "now" },
          ],
        },
        {
          role: "user",
          content: [
            { type: "text", text: "Go on." },
            { type: "tool_result", tool_use_id: "call_1", content: [{ type: "text", text: "words" }, image] },
            { type: "tool_result", tool_use_id: "call_2", is_error: true },
          ],
        },
      ],
    });
    expect(messages.slice(1)).toEqual([
      {
        role: "assistant",
        content: [{ type: "text", text: "I look." }],
        toolCalls: [
          { callId: "call_1", toolName: "read", argumentsText: '{"path":"a"}' },
          { callId: "call_2", toolName: "now", argumentsText: "{}" },
        ],
      },
      {
        role: "tool",
        callId: "call_1",
        content: [
          { type: "text", text: "words" },
          { type: "image", url: "data:image/png;base64,AAAA", field: "messages[2].content[1].content[1].source.data" },
        ],
      },
      { role: "tool", callId: "call_2", content: [{ type: "text", text: "" }], isError: true },
      { role: "user", content: [{ type: "text", text: "Go on." }] },
    ]);
  });

  test("custom tools, as functions with one text, in the words of either protocol", () => {
    const grammar = { syntax: "lark", definition: "start: /x/" };
    const tools = [
      { type: "custom", custom: { name: "a", description: "Does a.", format: { type: "grammar", grammar } } },
      { type: "custom", name: "b", format: { type: "grammar", ...grammar } },
      { type: "custom", name: "c", input_schema: { type: "object" } },
    ];
    const chosen = { type: "custom", custom: { name: "a" } };
    const request = parseRequest({ messages: [hello], tools, tool_choice: chosen });
    expect(request.tools.map(({ name, description }) => [name, description])).toEqual([
      ["a", "Does a.\n\nThe input follows this grammar:\nstart: /x/"],
      ["b", "The input follows this grammar:\nstart: /x/"],
      ["c", undefined],
    ]);
    expect(request.tools.map(({ parameters }) => Object.keys(parameters ?? {}))).toEqual([
      ["type", "properties", "required"],
      ["type", "properties", "required"],
      ["type"],
    ]);
    expect(request.toolChoice).toEqual({ toolName: "a" });
    expect(refusal({ messages: [hello], tools, tool_choice: { type: "custom", custom: { name: "x" } } }).param).toBe(
      "tool_choice",
    );
  });

  test("calls of a history that are none, which it names", () => {
    const param = (call: unknown) =>
      refusal({ messages: [hello, { role: "assistant", content: null, tool_calls: [call] }] }).param;
    expect(param({ id: "a", type: "function" })).toBe("messages[1].tool_calls[0].function.name");
    expect(param({ id: "a", type: "custom", custom: { input: "x" } })).toBe("messages[1].tool_calls[0].custom.name");
    expect(param(7)).toBe("messages[1].tool_calls[0]");
  });

  test("a call of a custom tool in the history, with any text", () => {
    for (const input of ["abc", '{"input":"abc"}', ""]) {
      const call = { id: "c1", type: "custom", custom: { name: "a", input } };
      const { messages } = parseRequest({
        messages: [hello, { role: "assistant", content: null, tool_calls: [call] }],
      });
      expect(messages[1]).toMatchObject({
        toolCalls: [{ callId: "c1", toolName: "a", argumentsText: JSON.stringify({ input }) }],
      });
    }
  });

  test("a choice of allowed tools, as these tools and its mode", () => {
    const tools = ["a", "b", "c"].map((name) => ({ type: "function", function: { name } }));
    const choose = (mode: string, list: unknown) =>
      parseRequest({
        messages: [hello],
        tools,
        tool_choice: { type: "allowed_tools", allowed_tools: { mode, tools: list } },
      });
    const names = (request: ReturnType<typeof choose>) => request.tools.map((tool) => tool.name);

    const some = choose("required", [tools[2], tools[0], { type: "custom", custom: { name: "x" } }]);
    expect([names(some), some.toolChoice]).toEqual([["a", "c"], "required"]);
    const auto = choose("auto", [tools[1]]);
    expect([names(auto), auto.toolChoice]).toEqual([["b"], "auto"]);
    for (const list of [[], "b", null]) expect(names(choose("auto", list))).toEqual(["a", "b", "c"]);
  });

  test("the reasoning switches that users know", () => {
    const reasoning = (fields: object) => parseRequest({ messages: [hello], ...fields }).reasoning;
    expect(reasoning({ enable_thinking: true, thinking_budget: 512 })).toEqual({ enabled: true, budgetTokens: 512 });
    expect(reasoning({ reasoning_effort: "high" })).toEqual({ effort: "high" });
    expect(reasoning({ chat_template_kwargs: { enable_thinking: false } })).toEqual({ enabled: false });
    expect(reasoning({ reasoning_effort: "unheard-of" })).toEqual({});
    expect(reasoning({ reasoning_effort: "max" })).toEqual({ effort: "xhigh" });
    expect(reasoning({ reasoning: { effort: "low" } })).toEqual({ effort: "low" });
    expect(reasoning({ reasoning: { enabled: true, max_tokens: 900 } })).toEqual({ enabled: true, budgetTokens: 900 });
    expect(reasoning({ thinking: { type: "enabled", budget_tokens: 2048 } })).toEqual({
      enabled: true,
      budgetTokens: 2048,
    });
    expect(reasoning({ thinking: { type: "disabled" } })).toEqual({ enabled: false });
    expect(reasoning({ thinking: { type: "auto" } })).toEqual({ adaptive: true });
    for (const type of ["constructor", "__proto__", 1, null, { toString: null }, Object.create(null)]) {
      expect(reasoning({ thinking: { type } })).toEqual({});
    }
    expect(reasoning({ think: false })).toEqual({ enabled: false });
    expect(reasoning({ think: "high" })).toEqual({ effort: "high" });
    // The first that is said counts, and what is no switch is none.
    expect(reasoning({ enable_thinking: false, thinking: { type: "enabled" } })).toEqual({ enabled: false });
    expect(reasoning({ thinking: "yes", think: 3, reasoning: [] })).toEqual({});
  });

  test("where thoughts are to be seen, in the words of others", () => {
    const shown = (fields: object) => parseRequest({ messages: [hello], ...fields }).reasoning.shown;
    expect(shown({ include_reasoning: false })).toBe("hidden");
    expect(shown({ reasoning: { exclude: true } })).toBe("hidden");
    expect(["raw", "parsed", "hidden"].map((reasoning_format) => shown({ reasoning_format }))).toEqual([
      "tags",
      "field",
      "hidden",
    ]);
    expect(shown({ include_reasoning: true, reasoning_format: "loud" })).toBeUndefined();
  });
});
