// Bodies of POST /v1/responses: every form that clients write, and errors that name the field.

import { describe, expect, test } from "bun:test";
import type { Message } from "../../../../src/contract/chat-request.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { canonicalTurns } from "../../../../src/conversation/canonical.ts";
import { LongText } from "../../../../src/conversation/long-text.ts";
import { parseBody } from "../../../../src/conversation/parse-body.ts";
import { parseRequest as parseChat } from "../../../../src/surfaces/openai-chat/parse-request.ts";
import { inputItems } from "../../../../src/surfaces/openai-responses/input-items.ts";
import { parseRequest } from "../../../../src/surfaces/openai-responses/parse-request.ts";

const text = (words: string) => ({ type: "text" as const, text: words });
const say = (...words: string[]): Message => ({
  role: "user",
  content: words.map((one) => ({ type: "text" as const, text: one })),
});

function messagesOf(input: unknown, fields: object = {}): readonly Message[] {
  return parseRequest({ input, ...fields }).messages;
}

function errorOf(body: unknown): GatewayError {
  try {
    parseRequest(body);
  } catch (error) {
    if (error instanceof GatewayError) return error;
  }
  throw new Error("no error");
}

const functionTool = { type: "function", name: "look", description: "Looks.", parameters: { type: "object" } };

describe("input", () => {
  const cases: readonly (readonly [name: string, input: unknown, expected: readonly unknown[]])[] = [
    ["a text", "Hi", [say("Hi")]],
    ["an item without a type", [{ role: "user", content: "Hi" }], [say("Hi")]],
    [
      "parts, in their order",
      [
        {
          type: "message",
          role: "user",
          content: [
            { type: "input_text", text: "a" },
            { type: "input_text", text: "b" },
          ],
        },
      ],
      [say("a", "b")],
    ],
    [
      "developer messages",
      [
        { type: "message", role: "developer", content: "be brief" },
        { role: "system", content: [{ type: "input_text", text: "be kind" }] },
        { role: "user", content: "Hi" },
      ],
      [{ role: "system", content: [text("be brief")] }, { role: "system", content: [text("be kind")] }, say("Hi")],
    ],
    [
      "a picture, a file by address and one by its content",
      [
        {
          role: "user",
          content: [
            { type: "input_image", image_url: "https://example.com/a.png", detail: "auto" },
            { type: "input_file", file_url: "https://example.com/a.pdf" },
            { type: "input_file", filename: "b.txt", file_data: "data:text/plain,x" },
          ],
        },
      ],
      [
        {
          role: "user",
          content: [
            { type: "image", url: "https://example.com/a.png", field: "input[0].content[0].image_url" },
            { type: "file", name: undefined, url: "https://example.com/a.pdf", field: "input[0].content[1].file_url" },
            { type: "file", name: "b.txt", url: "data:text/plain,x", field: "input[0].content[2].file_data" },
          ],
        },
      ],
    ],
    [
      "a reply of several items, and its results",
      [
        { role: "user", content: "Hi" },
        { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: null },
        {
          type: "message",
          id: "msg_1",
          role: "assistant",
          status: "completed",
          content: [{ type: "output_text", text: "Wait" }],
        },
        { type: "function_call", id: "fc_1", call_id: "c1", name: "look", arguments: '{"a":1}' },
        { type: "function_call", id: "fc_2", call_id: "c2", name: "look", arguments: { a: 2 } },
        { type: "function_call_output", call_id: "c1", output: "one" },
        { type: "function_call_output", id: "fco_2", call_id: "c2", output: [{ type: "input_text", text: "two" }] },
      ],
      [
        say("Hi"),
        {
          role: "assistant",
          reasoning: "Hm.",
          content: [text("Wait")],
          toolCalls: [
            { callId: "c1", toolName: "look", argumentsText: '{"a":1}' },
            { callId: "c2", toolName: "look", argumentsText: '{"a":2}' },
          ],
        },
        { role: "tool", callId: "c1", content: [text("one")] },
        { role: "tool", callId: "c2", content: [text("two")] },
      ],
    ],
    [
      "an assistant's content as a text, as a refusal, and missing",
      [
        { role: "user", content: "Hi" },
        { type: "message", role: "assistant", content: "Yes" },
        { role: "user", content: "Go on" },
        { role: "assistant", content: [{ type: "refusal", refusal: "No" }] },
        { role: "assistant", content: null },
        { role: "user", content: "So?" },
      ],
      [
        say("Hi"),
        { role: "assistant", content: [text("Yes")], toolCalls: [] },
        say("Go on"),
        { role: "assistant", content: [text("No")], toolCalls: [] },
        say("So?"),
      ],
    ],
    [
      "what only the service itself makes is passed over",
      [
        { type: "web_search_call", id: "ws_1", status: "completed" },
        { type: "reasoning", encrypted_content: "sealed", summary: [] },
        { role: "user", content: "Hi" },
        { type: "computer_call", call_id: "c1" },
        { type: "something_new", content: [1] },
      ],
      [say("Hi")],
    ],
    [
      "a result of a call that came earlier",
      [{ type: "function_call_output", call_id: "c1", output: null }],
      [{ role: "tool", callId: "c1", content: [text("")] }],
    ],
  ];

  test.each([...cases])("reads %s", (_name, input, expected) => {
    expect(messagesOf(input)).toEqual(expected as Message[]);
  });

  test("instructions stand first", () => {
    expect(messagesOf("Hi", { instructions: "be brief" })[0]).toEqual({
      role: "system",
      content: [text("be brief") as never],
    });
    expect(messagesOf("Hi", { instructions: null })).toEqual([say("Hi")]);
  });

  test("references stand for what is known, also when they do not say so", () => {
    const call = { type: "function_call", call_id: "c1", name: "look", arguments: "{}" };
    const known = { history: [{ role: "user", content: "Before" }], byId: new Map([["fc_1", call]]) };
    const body = {
      input: [
        { type: "item_reference", id: "fc_1" },
        { type: "function_call_output", call_id: "c1", output: "x" },
      ],
    };

    expect(parseRequest(body, known).messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool"]);
    expect(parseRequest({ input: [{ id: "fc_1" }, { role: "user", content: "x" }] }, known).messages).toHaveLength(3);
  });

  test("says the same as chat completions do", () => {
    const chat = parseChat({
      messages: [
        { role: "user", content: "Hi" },
        {
          role: "assistant",
          content: "Wait",
          tool_calls: [{ id: "c", type: "function", function: { name: "look", arguments: '{"b":1,"a":2}' } }],
        },
        { role: "tool", tool_call_id: "c", content: "one" },
      ],
    });
    const here = messagesOf([
      { role: "user", content: [{ type: "input_text", text: "Hi" }] },
      { type: "reasoning", summary: [] },
      {
        role: "assistant",
        content: [
          { type: "output_text", text: "Wa" },
          { type: "output_text", text: "it" },
        ],
      },
      { type: "function_call", call_id: "other", name: "look", arguments: '{ "a": 2, "b": 1 }' },
      { type: "function_call_output", call_id: "other", output: "one" },
    ]);

    expect(canonicalTurns(here).map(withoutEnd)).toEqual(canonicalTurns(chat.messages).map(withoutEnd));
  });
});

function withoutEnd(turn: object): object {
  return { ...turn, endIndex: 0 };
}

describe("tools", () => {
  const input = "Hi";

  test("are functions, flattened out of namespaces, and custom ones take a text", () => {
    const { tools, webSearch } = parseRequest({
      input,
      tools: [
        functionTool,
        { type: "function", function: { name: "nested", parameters: {} } },
        {
          type: "namespace",
          name: "agents",
          tools: [
            { type: "function", name: "spawn" },
            { type: "function", name: "look" },
          ],
        },
        {
          type: "custom",
          name: "patch",
          description: "Patches.",
          format: { type: "grammar", syntax: "lark", definition: "start: X" },
        },
        { type: "file_search", vector_store_ids: [] },
        { type: "local_shell" },
        { type: "unheard_of", name: "x" },
        null,
      ],
    });

    expect(tools.map(({ name }) => name)).toEqual(["look", "nested", "spawn", "agents__look", "patch", "local_shell"]);
    expect(tools[4]?.description).toContain("start: X");
    expect(tools[4]?.parameters).toMatchObject({ required: ["input"] });
    expect(webSearch).toBeUndefined();
  });

  test("stand in items of the input as well, and are told anew by the last of them", () => {
    const added = (...tools: object[]) => ({ type: "additional_tools", role: "developer", tools });
    const named = (name: string, description = "") => ({ type: "function", name, description });
    const asked = { role: "user", content: "Hi" };
    const agents = { type: "namespace", name: "agents", tools: [named("spawn"), { type: "custom", name: "exec" }] };
    const alone = parseRequest({ input: [added(agents, { type: "web_search" }), asked] });
    const later = parseRequest({ input: "Go on" }, { history: [added(agents), asked], byId: new Map() });
    const both = parseRequest({ input: [added(named("look", "old")), asked, added(named("look"))], tools: [agents] });

    expect(alone.messages).toEqual([{ role: "user", content: [{ type: "text", text: "Hi" }] }]);
    expect(alone.tools.map(({ name }) => name)).toEqual(["spawn", "exec"]);
    expect(alone.webSearch).toBe(true);
    expect(later.tools.map(({ name }) => name)).toEqual(["spawn", "exec"]);
    expect(both.tools.map(({ name, description }) => [name, description])).toEqual([
      ["spawn", ""],
      ["exec", undefined],
      ["look", ""],
    ]);
  });

  test("of one namespace add up, however many searches found some of them", () => {
    const named = (name: string) => ({ type: "function", name });
    const found = (call_id: string, ...tools: object[]) => [
      { type: "tool_search_call", call_id, execution: "client", arguments: { query: "dates" } },
      {
        type: "tool_search_output",
        call_id,
        execution: "client",
        tools: [{ type: "namespace", name: "dates", tools }],
      },
    ];
    const { tools, messages } = parseRequest({
      input: [
        { role: "user", content: "Hi" },
        ...found("c1", named("list"), named("look")),
        ...found("c2", named("create"), named("list")),
      ],
      tools: [{ type: "tool_search", execution: "client" }, named("look")],
    });

    expect(tools.map(({ name }) => name)).toEqual(["tool_search", "look", "list", "dates__look", "create"]);
    const results = messages.filter(({ role }) => role === "tool").flatMap(({ content }) => content);
    expect(results.map((part) => part.type === "text" && part.text)).toEqual(["list\ndates__look", "create\nlist"]);
  });

  test("in any number of items are read at once: 20,000 took 45 s", () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `tool${index}`);
    const items = names.map((name) => ({ type: "additional_tools", tools: [{ type: "function", name }] }));
    const { tools } = parseRequest({ input: [...items, { role: "user", content: "Hi" }] });

    expect(tools.map(({ name }) => name)).toEqual(names);
  });

  test("are found among any number for as many calls: 40,000 took 16 s", () => {
    const names = Array.from({ length: 40_000 }, (_, index) => `tool${index}`);
    const calls = names.map((name) => ({ type: "function_call", call_id: name, name, arguments: "{}" }));
    const { messages } = parseRequest({
      input: [{ role: "user", content: "Hi" }, ...calls],
      tools: names.map((name) => ({ type: "function", name })),
    });

    expect(messages[1]).toHaveProperty("toolCalls.39999.toolName", "tool39999");
  });

  test("that are written one object deeper stay beside those of an item", () => {
    const deeper = (name: string) => ({ type: "function", function: { name } });
    const { tools } = parseRequest({
      input: [
        { type: "additional_tools", tools: [{ type: "function", name: "third" }] },
        { role: "user", content: "Hi" },
      ],
      tools: [deeper("first"), deeper("second"), { name: "third" }],
    });

    expect(tools.map(({ name }) => name)).toEqual(["first", "second", "third"]);
  });

  test.each([
    [{ type: "web_search" }, true],
    [{ type: "web_search_preview" }, true],
    [{ type: "web_search", external_web_access: true }, true],
    [{ type: "web_search", external_web_access: false }, undefined],
  ])("%j asks for web search: %p", (entry, expected) => {
    expect(parseRequest({ input, tools: [entry] }).webSearch).toBe(expected as true);
  });

  test.each([
    ["auto", "auto", ["look", "other"]],
    ["required", "required", ["look", "other"]],
    ["none", "none", ["look", "other"]],
    [{ type: "function", name: "other" }, { toolName: "other" }, ["look", "other"]],
    [{ type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "look" }] }, "required", ["look"]],
    [{ type: "web_search_preview" }, undefined, ["look", "other"]],
    [{ type: "mcp", server_label: "docs", name: "search" }, undefined, ["look", "other"]],
    [{ type: "allowed_tools", mode: "auto", tools: [{ type: "mcp", name: "search" }] }, undefined, ["look", "other"]],
    [null, undefined, ["look", "other"]],
  ])("choice %j", (tool_choice, expected, names) => {
    const request = parseRequest({ input, tools: [functionTool, { type: "function", name: "other" }], tool_choice });

    expect(request.toolChoice).toEqual(expected as never);
    expect(request.tools.map(({ name }) => name)).toEqual(names);
  });

  test("a prompt that somebody else keeps is refused by its name, null is none", () => {
    for (const prompt of [{ id: "pmpt_1" }, { id: "pmpt_1", variables: { city: "Rome" } }]) {
      for (const input of ["Hi", undefined]) {
        expect(() => parseRequest({ input, prompt })).toThrow('"prompt" is not supported');
      }
    }
    expect(parseRequest({ input: "Hi", prompt: null }).messages).toHaveLength(1);
  });

  test("what agents tell one another is said, also what was to be sealed", () => {
    const messages = messagesOf([
      { role: "user", content: "Hi" },
      {
        type: "agent_message",
        author: "/root",
        recipient: "/root/sub",
        content: [
          { type: "input_text", text: "Sender: /root" },
          { type: "encrypted_content", encrypted_content: "Say hello" },
        ],
      },
    ]);

    expect(messages[1]).toEqual({
      role: "user",
      content: [
        { type: "text", text: "Sender: /root" },
        { type: "text", text: "Say hello" },
      ],
    });
  });

  test("what a call gives in several items is one result", () => {
    const output = (id: string, text: string) => ({ type: "custom_tool_call_output", call_id: id, output: text });
    const messages = messagesOf([
      { role: "user", content: "Hi" },
      { type: "custom_tool_call", call_id: "c1", name: "exec", input: "a" },
      { type: "custom_tool_call", call_id: "c2", name: "exec", input: "b" },
      output("c1", "begun"),
      output("c2", "done"),
      output("c1", "ended"),
      { type: "custom_tool_call", call_id: "c1", name: "exec", input: "c" },
      output("c1", "again"),
    ]);

    const results = messages.filter(({ role }) => role === "tool");
    expect(results.map(({ content }) => content.map((part) => part.type === "text" && part.text))).toEqual([
      ["begun", "ended"],
      ["done"],
      ["again"],
    ]);
  });

  test.each([
    [
      { type: "mcp_call", server_label: "docs", name: "look", arguments: '{"q":1}', output: "found" },
      'The tool "look" of the MCP server "docs" was called with {"q":1}. It answered:\nfound',
    ],
    [
      { type: "mcp_call", server_label: "docs", name: "list", arguments: "{}", output: null },
      'The tool "list" of the MCP server "docs" was called.',
    ],
    [
      { type: "mcp_call", server_label: "docs", name: "list", arguments: "", error: { code: 5, message: "gone" } },
      'The tool "list" of the MCP server "docs" was called. It failed:\ngone',
    ],
    [
      { type: "mcp_call", server_label: "docs", name: "list", arguments: "", error: { content: [text("gone")] } },
      'The tool "list" of the MCP server "docs" was called. It failed:\ngone',
    ],
    [
      { type: "mcp_call", name: "look", output: "found" },
      'The tool "look" of an MCP server was called. It answered:\nfound',
    ],
    [{ type: "mcp_call", output: "found" }, "A tool of an MCP server was called. It answered:\nfound"],
    [{ type: "mcp_list_tools", tools: [{ name: "look" }] }, "An MCP server had the tools look."],
    [
      { type: "mcp_approval_request", server_label: "docs", name: "drop", arguments: '{"all":true}' },
      'Leave was asked for to call the tool "drop" of the MCP server "docs" with {"all":true}.',
    ],
    [
      { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: true },
      "Leave was given to call the tool.",
    ],
    [
      { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: false, reason: "Too dangerous" },
      "Leave was refused to call the tool: Too dangerous",
    ],
    [
      { type: "image_generation_call", status: "completed", result: "iVBORw0KGgo=", revised_prompt: "A red cat" },
      'A picture of "A red cat" was made.',
    ],
    [
      { type: "image_generation_call", status: "failed", result: null, error: { code: "x", message: "No cats" } },
      "A picture could not be made:\nNo cats",
    ],
    [
      { type: "computer_call", call_id: "c1", action: { type: "click", button: "left", x: 3, y: 4 } },
      'A computer was used:\n{"type":"click","button":"left","x":3,"y":4}',
    ],
    [
      { type: "mcp_list_tools", server_label: "docs", tools: [{ name: "look" }, { name: "list" }], error: null },
      'The MCP server "docs" had the tools look, list.',
    ],
    [
      { type: "mcp_list_tools", server_label: "docs", tools: [], error: "unreachable" },
      'The MCP server "docs" did not tell its tools:\nunreachable',
    ],
    [
      {
        type: "web_search_call",
        action: { type: "search", query: "rain", sources: [{ type: "url", url: "http://a" }] },
      },
      'The web was searched for "rain". Found:\nhttp://a',
    ],
    [{ type: "web_search_call", action: { type: "open_page", url: "http://a" } }, "The page http://a was opened."],
    [
      { type: "web_search_call", action: { type: "find_in_page", url: "http://a", pattern: "rain" } },
      '"rain" was looked for in the page http://a.',
    ],
    [
      { type: "code_interpreter_call", code: "print(1)", outputs: [{ type: "logs", logs: "1" }, { type: "image" }] },
      "This code was run:\nprint(1)\nIt printed:\n1",
    ],
    [
      { type: "file_search_call", queries: ["a", "b"], results: [{ filename: "a.txt", score: 1, text: "A" }] },
      'Files were searched for "a", "b". Found:\na.txt\nA',
    ],
  ])("what a service did is told before its answer: %j", (item, told) => {
    const [, answer] = messagesOf([{ role: "user", content: "Hi" }, item, { role: "assistant", content: "Yes" }]);

    expect(answer).toEqual({ role: "assistant", content: [text(`[${told}]\n\n`), text("Yes")], toolCalls: [] });
  });

  test("what a service did does not part results from their calls, and is no last word", () => {
    const call = (call_id: string) => ({ type: "function_call", call_id, name: "look", arguments: "{}" });
    const output = (call_id: string) => ({ type: "function_call_output", call_id, output: "found" });
    const searched = { type: "web_search_call", action: { type: "search", query: "rain" } };
    const told = {
      role: "assistant" as const,
      content: [text('[The web was searched for "rain".]\n\n')],
      toolCalls: [],
    };
    const asked = [{ role: "user", content: "Hi" }, call("a"), call("b"), output("a"), searched, output("b")];

    expect(messagesOf(asked).map(({ role }) => role)).toEqual(["user", "assistant", "tool", "tool"]);
    expect(messagesOf([...asked, { role: "user", content: "So?" }]).slice(4)).toEqual([
      told,
      { role: "user", content: [text("So?")] },
    ]);
  });

  test("what a service did after some words stands in lines of its own, and what it found may be long", () => {
    const call = { type: "mcp_call", server_label: "docs", name: "look", arguments: "{}" };
    const body = {
      input: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: "I look." },
        { ...call, output: "long ".repeat(500) },
        { ...call, output: "short" },
      ],
    };
    const { messages } = parseRequest(parseBody(Buffer.from(JSON.stringify(body))));

    const called = 'The tool "look" of the MCP server "docs" was called. It answered:\n';
    expect(messages[1]?.content).toEqual([
      text("I look."),
      text(`\n\n[${called}${"long ".repeat(500)}]\n\n`),
      text(`[${called}short]\n\n`),
    ]);
  });

  test("calls in a history have the names that the model knows", () => {
    const messages = messagesOf(
      [
        { role: "user", content: "Hi" },
        { type: "function_call", call_id: "c1", name: "look", namespace: "agents", arguments: "{}" },
        { type: "custom_tool_call", call_id: "c2", name: "patch", input: "*** x" },
        { type: "custom_tool_call_output", call_id: "c2", output: "done" },
      ],
      {
        tools: [
          functionTool,
          { type: "namespace", name: "agents", tools: [functionTool] },
          { type: "custom", name: "patch" },
        ],
      },
    );

    expect(messages[1]).toMatchObject({
      toolCalls: [{ toolName: "agents__look" }, { toolName: "patch", argumentsText: '{"input":"*** x"}' }],
    });
  });
});

describe("fields", () => {
  test("steer the reply", () => {
    const request = parseRequest({
      input: "Hi",
      model: "qwen3-max",
      stream: true,
      max_output_tokens: 5,
      reasoning: { effort: "high", summary: "auto" },
      temperature: 0.2,
      parallel_tool_calls: false,
      prompt_cache_key: "key",
      text: { format: { type: "json_schema", name: "answer", strict: true, schema: { type: "object" } } },
      include: ["reasoning.encrypted_content"],
      metadata: { a: "b" },
      truncation: "auto",
      client_metadata: { x: 1 },
      service_tier: "auto",
      background: false,
    });

    expect(request).toMatchObject({
      surface: "openai-responses",
      model: "qwen3-max",
      stream: true,
      includeUsage: true,
      maxTokens: 5,
      reasoning: { effort: "high" },
      session: { hint: "key" },
      steering: {
        temperature: 0.2,
        parallel_tool_calls: false,
      },
      format: { name: "answer", isStrict: true, schema: { type: "object" }, param: "text.format.schema" },
    });
  });

  test("json_object is any object, plain text is no wish", () => {
    const formatOf = (text: unknown) => parseRequest({ input: "Hi", text }).format;

    expect(formatOf({ format: { type: "json_object" } })).toMatchObject({ schema: undefined, isStrict: true });
    expect(formatOf({ format: { type: "text" }, verbosity: "low" })).toBeUndefined();
  });

  test.each([
    [{}, "input"],
    [{ input: 5 }, "input"],
    [{ input: [] }, "input"],
    [{ input: [{ role: "developer", content: "x" }] }, "input"],
    [{ input: ["x"] }, "input[0]"],
    [
      {
        input: [
          { role: "user", content: "a" },
          { role: "robot", content: "b" },
        ],
      },
      "input[1].role",
    ],
    [{ input: [{ content: "a" }] }, "input[0].role"],
    [{ input: [{ role: "user" }] }, "input[0].content"],
    [{ input: [{ role: "user", content: [] }] }, "input[0].content"],
    [{ input: [{ role: "user", content: [{ type: "input_text" }] }] }, "input[0].content[0].text"],
    [{ input: [{ role: "user", content: [{ type: "hologram" }] }] }, "input[0].content[0].type"],
    [{ input: [{ role: "user", content: [{ type: "input_image", file_id: 1 }] }] }, "input[0].content[0].image_url"],
    [{ input: [{ type: "function_call", name: "x", arguments: "" }] }, "input[0].call_id"],
    [{ input: [{ type: "function_call", call_id: "x", arguments: "" }] }, "input[0].name"],
    [{ input: [{ type: "function_call_output", output: "x" }] }, "input[0].call_id"],
    [{ input: [{ type: "item_reference", id: "msg_9" }] }, "input[0].id"],
    [{ input: "x", stream: "yes" }, "stream"],
    [{ input: "x", max_output_tokens: 0 }, "max_output_tokens"],
    [{ input: "x", tools: {} }, "tools"],
    [{ input: "x", conversation: "conv_1" }, "conversation"],
    [{ input: "x", conversation: { name: "a" } }, "conversation"],
    [{ input: "x", conversation: "conv_1", previous_response_id: "resp_1" }, "previous_response_id"],
    [{ input: "x", text: { format: { type: "json_schema", name: "x" } } }, "text.format.schema"],
    [{ input: "x", tools: [functionTool], tool_choice: { type: "function", name: "no" } }, "tool_choice"],
  ])("%j: the error names %s", (body, param) => {
    expect(errorOf(body)).toMatchObject({ kind: "invalid-request", param });
  });

  test("the error of a reference names its id", () => {
    expect(errorOf({ input: [{ type: "item_reference", id: "msg_9" }] }).message).toContain('"msg_9"');
  });
});

describe("a body whose long texts are bytes", () => {
  const long = 'It says "so".\n'.repeat(60);
  const body = {
    model: "qwen3-max",
    instructions: long,
    tools: [functionTool],
    input: [
      { role: "user", content: long },
      { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: long }] },
      { role: "assistant", content: [{ type: "output_text", text: long }] },
      { type: "function_call", call_id: "c", name: "look", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: long },
      { type: "function_call_output", call_id: "c", output: [{ type: "input_text", text: long }] },
      { role: "assistant", content: `<think>${long}</think>${long}` },
      { role: "user", content: [{ type: "input_text", text: long }, "short"] },
    ],
  };
  const parsed = parseBody(new TextEncoder().encode(JSON.stringify(body)));

  test("says what one with strings says", () => {
    const { messages } = parseRequest(parsed);

    expect(messages.some(({ content }) => content.some((part) => part instanceof LongText))).toBe(true);
    expect(JSON.parse(JSON.stringify(messages.map(decoded)))).toEqual(
      JSON.parse(JSON.stringify(messagesOf(body.input, body))),
    );
  });

  test("is kept as it was sent beside a known item whose id is empty", () => {
    const known = new Map([["", { type: "message", id: "", role: "user", content: "something else" }]]);

    expect(inputItems([{ role: "user", content: "Hi" }], "0".repeat(32), known)).toMatchObject([
      { content: [{ text: "Hi" }] },
    ]);
  });

  test("is kept as the items that were sent", () => {
    const { input } = parsed as { input: unknown };
    const kept = inputItems(input, "0".repeat(32), new Map());

    expect(JSON.parse(JSON.stringify(kept))).toEqual(inputItems(body.input, "0".repeat(32), new Map()));
  });
});

function decoded(message: Message): Message {
  return { ...message, content: message.content.map((part) => (part instanceof LongText ? text(part.text) : part)) };
}
