// Bodies of messages to chat requests: every spelling that agents use, and the names of fields that are wrong.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { parseBody } from "../../../../src/conversation/parse-body.ts";
import { parseCountRequest, parseRequest } from "../../../../src/surfaces/anthropic-messages/parse-request.ts";

const hello = { role: "user", content: "Hello" };
const parse = (fields: object = {}) => parseRequest({ model: "m", max_tokens: 9, messages: [hello], ...fields });
const parseOne = (content: unknown, role = "user") => parse({ messages: [hello, { role, content }] }).messages.slice(1);
const text = (said: string) => ({ type: "text" as const, text: said });

describe("parseRequest", () => {
  test("reads what agents send, and keeps fields that it does not know", () => {
    const request = parse({
      stream: true,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 20,
      stop_sequences: ["END"],
      metadata: { user_id: "u" },
      context_management: { edits: [] },
      service_tier: "auto",
    });

    expect(request).toMatchObject({
      surface: "anthropic-messages",
      model: "m",
      stream: true,
      maxTokens: 9,
      sampling: { temperature: 0.5, topP: 0.9, topK: 20 },
      stopSequences: ["END"],
      session: {},
      body: { service_tier: "auto" },
    });
  });

  test("takes a missing model for the default, and null for nothing", () => {
    const request = parse({
      model: null,
      stream: null,
      tools: null,
      system: null,
      stop_sequences: null,
      thinking: null,
    });

    expect(request).toMatchObject({ model: undefined, stream: false, tools: [], reasoning: {} });
    expect(request.stopSequences).toBeUndefined();
  });

  test.each([
    [{ type: "enabled", budget_tokens: 5 }, {}, { enabled: true, budgetTokens: 5 }],
    [{ type: "enabled", budget_tokens: 5 }, { effort: "max" }, { enabled: true, budgetTokens: 5, effort: "xhigh" }],
    [{ type: "disabled" }, { effort: "high" }, { enabled: false }],
    [{ type: "adaptive", display: "omitted" }, { effort: "low" }, { adaptive: true, effort: "low" }],
    [{ type: "between_tools" }, {}, {}],
    [undefined, { effort: "high" }, {}],
  ])("reads the thinking %p with %p", (thinking, config, expected) => {
    expect(parse({ thinking, output_config: config }).reasoning).toEqual(expected as object);
  });

  test.each([
    ["Be brief.", ["Be brief."]],
    [
      [text("A"), { ...text("B"), cache_control: { type: "ephemeral" } }],
      ["A", "B"],
    ],
    [[text("x-anthropic-billing-header: cc_version=2; cch=0;"), text("A")], ["A"]],
    [[], []],
  ])("reads the system %p", (system, expected) => {
    const messages = parse({ system }).messages.filter(({ role }) => role === "system");

    expect(messages.map(({ content }) => content)).toEqual(expected.map((said) => [text(said)]));
  });

  test.each([
    ['{"session_id":"s-1","device_id":"d"}', "s-1"],
    ["user_1_account__session_0a1b2c3d-0000", "0a1b2c3d-0000"],
    ["user-17", undefined],
    ["{broken", undefined],
  ])("finds the session in %p", (userId, hint) => {
    expect(parse({ metadata: { user_id: userId } }).session.hint).toBe(hint as string);
  });

  test("reads tools of the client's own, and leaves out what Anthropic's servers run, but for the search", () => {
    const request = parse({
      tools: [
        { name: "look", description: "Looks.", input_schema: { type: "object" }, defer_loading: true },
        { type: "custom", name: "wait", input_schema: { type: "object" } },
        { type: "web_search_20250305", name: "web_search", max_uses: 3 },
        { type: "code_execution_20250825", name: "code_execution" },
      ],
    });

    expect(request.tools).toEqual([
      { name: "look", description: "Looks.", parameters: { type: "object" } },
      { name: "wait", description: undefined, parameters: { type: "object" } },
    ]);
    expect(request.webSearch).toBe(true);
    expect(parse().webSearch).toBeUndefined();
  });

  test.each([
    [{ type: "auto" }, "auto", undefined],
    [{ type: "any", disable_parallel_tool_use: true }, "required", false],
    [{ type: "tool", name: "look", disable_parallel_tool_use: false }, { toolName: "look" }, true],
    [{ type: "none" }, "none", undefined],
    [undefined, undefined, undefined],
  ])("reads the choice %p", (choice, toolChoice, parallelToolCalls) => {
    const request = parse({ tools: [{ name: "look", input_schema: {} }], tool_choice: choice });

    expect(request.toolChoice).toEqual(toolChoice as never);
    expect(request.parallelToolCalls).toBe(parallelToolCalls as boolean);
  });
});

describe("tools that change between the messages", () => {
  const tool = (name: string, description = "") => ({ name, description, input_schema: { type: "object" } });
  const added = (value: object) => ({ type: "tool_addition", tool: { type: "tool_definition", definition: value } });
  const named = (type: string, name: string) => ({ type, tool: { type: "tool_reference", name } });
  const change = (...content: object[]) => ({ role: "system", content });
  const toolsAfter = (...changes: object[]) =>
    parseRequest({
      max_tokens: 10,
      tools: [tool("look"), tool("wait")],
      messages: [{ role: "user", content: "Hi" }, ...changes],
    });

  test.each([
    ["one is added", [change(added(tool("new")))], ["look", "wait", "new"]],
    ["one is told anew", [change(added(tool("look", "anew")))], ["wait", "look"]],
    ["one is taken away", [change(named("tool_removal", "look"))], ["wait"]],
    [
      "it comes back",
      [change(named("tool_removal", "look")), change(named("tool_addition", "look"))],
      ["wait", "look"],
    ],
    [
      "one that was added comes back",
      [change(added(tool("new"))), change(named("tool_removal", "new")), change(named("tool_addition", "new"))],
      ["look", "wait", "new"],
    ],
    [
      "one of an MCP server has its name",
      [change({ type: "tool_removal", tool: { type: "mcp_tool_reference", server_name: "docs", name: "look" } })],
      ["look", "wait"],
    ],
    ["a declared one is offered", [change(named("tool_addition", "wait"))], ["look", "wait"]],
    ["nobody knows it", [change(named("tool_addition", "what"), { type: "tool_removal" })], ["look", "wait"]],
  ])("%s", (_what, changes, names) => {
    const { tools, messages } = toolsAfter(...changes);

    expect(tools.map(({ name }) => name)).toEqual(names);
    expect(messages).toEqual([{ role: "user", content: [{ type: "text", text: "Hi" }] }]);
  });

  test("any number of changes is read at once: 60,000 took 16 s", () => {
    const names = Array.from({ length: 60_000 }, (_, index) => `tool${index}`);
    const { tools } = toolsAfter(change(...names.map((name) => added(tool(name)))));

    expect(tools).toHaveLength(60_002);
  });

  test("what stands beside the change is said", () => {
    const { messages } = toolsAfter(change(added(tool("new")), { type: "text", text: "You can do more now." }));

    expect(messages[1]).toEqual({ role: "system", content: [{ type: "text", text: "You can do more now." }] });
  });
});

describe("messages", () => {
  test("have what is said of a document before it", () => {
    const said = { title: "T", context: "Draft." };
    const url = "data:application/pdf;base64,BBBB";
    const file = { type: "base64", media_type: "application/pdf", data: "BBBB" };
    const content = [
      { type: "document", ...said, source: { type: "text", media_type: "text/plain", data: "Notes" } },
      { type: "document", context: "Draft.", source: { type: "text", media_type: "text/plain", data: "Notes" } },
      { type: "document", ...said, source: { type: "content", content: [text("Part")] } },
      { type: "document", title: "T", context: null, source: { type: "content", content: "Part" } },
      { type: "document", ...said, source: file },
    ];

    expect(parseOne(content)).toMatchObject([
      {
        content: [
          text("T:\nDraft.\nNotes"),
          text("Draft.\nNotes"),
          text("T:\nDraft."),
          text("Part"),
          text("T:"),
          text("Part"),
          text("Draft."),
          { type: "file", name: "T", url },
        ],
      },
    ]);
  });

  test("of users are texts, pictures and documents", () => {
    const content = [
      text("Look"),
      { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
      { type: "image", source: { type: "url", url: "https://a.example/b.png" } },
      { type: "document", title: "a.pdf", source: { type: "base64", media_type: "application/pdf", data: "BBBB" } },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "Notes" } },
      { type: "document", source: { type: "content", content: [text("Part")] } },
      { type: "search_result", title: "T", source: "https://c.example", content: [text("Found")] },
    ];

    expect(parseOne(content)).toEqual([
      {
        role: "user",
        content: [
          text("Look"),
          { type: "image", url: "data:image/png;base64,AAAA", field: "messages[1].content[1].source.data" },
          { type: "image", url: "https://a.example/b.png", field: "messages[1].content[2].source.url" },
          {
            type: "file",
            name: "a.pdf",
            url: "data:application/pdf;base64,BBBB",
            field: "messages[1].content[3].source.data",
          },
          text("Notes"),
          text("Part"),
          text("T\nhttps://c.example"),
          text("Found"),
        ],
      },
    ]);
  });

  test("with results of tools are these first, then what the user says", () => {
    const content = [
      text("And?"),
      { type: "tool_result", tool_use_id: "toolu_call_1", content: "21 degrees" },
      { type: "tool_result", tool_use_id: "call_2", is_error: true, content: [text("no"), text("way")] },
      { type: "tool_result", tool_use_id: "toolu_3" },
      {
        type: "tool_result",
        tool_use_id: "toolu_4",
        content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } }],
      },
    ];

    expect(parseOne(content)).toEqual([
      { role: "tool", callId: "call_1", content: [text("21 degrees")] },
      { role: "tool", callId: "call_2", content: [text("no"), text("way")], isError: true },
      { role: "tool", callId: "3", content: [] },
      {
        role: "tool",
        callId: "4",
        content: [
          {
            type: "image",
            url: "data:image/png;base64,AAAA",
            field: "messages[1].content[4].content[0].source.data",
          },
        ],
      },
      { role: "user", content: [text("And?")] },
    ]);
  });

  test("of assistants are text, calls and thoughts; what only others can read is nothing", () => {
    const content = [
      { type: "thinking", thinking: "Hm.", signature: "c2ln" },
      { type: "redacted_thinking", data: "sealed" },
      text("One "),
      text("two"),
      { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: {} },
      { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [] },
      { type: "tool_use", id: "toolu_1", name: "look", input: { a: 1 } },
    ];

    expect(parseOne(content, "assistant")).toEqual([
      {
        role: "assistant",
        content: [text("One "), text("two")],
        reasoning: "Hm.",
        toolCalls: [{ callId: "1", toolName: "look", argumentsText: '{"a":1}' }],
      },
    ]);
  });

  test.each([
    [
      [
        { type: "mcp_tool_use", id: "m1", name: "look", server_name: "docs", input: { q: 1 } },
        { type: "mcp_tool_result", tool_use_id: "m1", is_error: false, content: [text("found")] },
      ],
      ['The tool "look" of the MCP server "docs" was called with {"q":1}.', 'The tool "look" answered:\nfound'],
    ],
    [
      [
        { type: "mcp_tool_use", id: "m1", name: "list", server_name: "docs", input: {} },
        { type: "mcp_tool_result", tool_use_id: "m1", is_error: true, content: "gone" },
      ],
      ['The tool "list" of the MCP server "docs" was called.', 'The tool "list" failed:\ngone'],
    ],
    [
      [
        { type: "server_tool_use", id: "s1", name: "web_search", input: { query: "rain" } },
        {
          type: "web_search_tool_result",
          tool_use_id: "s1",
          content: [{ type: "web_search_result", title: "Rain", url: "http://a", encrypted_content: "sealed" }],
        },
      ],
      ['The tool "web_search" was called with {"query":"rain"}.', 'The tool "web_search" answered:\nRain\nhttp://a'],
    ],
    [
      [
        {
          type: "web_search_tool_result",
          tool_use_id: "s0",
          content: { type: "web_search_tool_result_error", error_code: "max_uses_exceeded" },
        },
      ],
      ["A tool failed:\nmax_uses_exceeded"],
    ],
    [
      [
        {
          type: "code_execution_tool_result",
          tool_use_id: "s0",
          content: { type: "code_execution_result", stdout: "1", stderr: "", return_code: 0, content: [] },
        },
      ],
      ["A tool answered:\n1"],
    ],
    [
      [
        {
          type: "web_fetch_tool_result",
          tool_use_id: "s0",
          content: {
            type: "web_fetch_result",
            url: "http://a",
            content: {
              type: "document",
              title: "A",
              source: { type: "text", media_type: "text/plain", data: "words" },
            },
          },
        },
        {
          type: "web_fetch_tool_result",
          tool_use_id: "s0",
          content: {
            type: "web_fetch_result",
            url: "http://b",
            content: { type: "document", source: { type: "base64", media_type: "application/pdf", data: "AAAA" } },
          },
        },
      ],
      ["A tool answered:\nhttp://a\nA\nwords", "A tool answered:\nhttp://b"],
    ],
  ])("of assistants tell what servers did by themselves: %#", (blocks, told) => {
    expect(parseOne([...blocks, text("Yes")], "assistant")).toEqual([
      { role: "assistant", content: [...told.map((one) => text(`[${one}]\n\n`)), text("Yes")], toolCalls: [] },
    ]);
  });

  test("of assistants are looked through once for the calls of their results", () => {
    let reads = 0;
    const call = (id: string) => ({
      type: "server_tool_use",
      name: "web_search",
      input: {},
      get id() {
        reads++;
        return id;
      },
    });
    const ids = Array.from({ length: 100 }, (_, index) => `s${index}`);
    const results = ids.map((id) => ({ type: "web_search_tool_result", tool_use_id: id, content: "found" }));
    const [message] = parseOne([...ids.map(call), ...results], "assistant");

    expect(message?.content).toHaveLength(100);
    expect(reads).toBe(100);
  });

  test("of the system stay in their place, as text or as blocks", () => {
    const roles = parse({
      messages: [
        hello,
        { role: "system", content: [text("Now it rains.")] },
        { role: "assistant", content: "Hi" },
        hello,
      ],
    }).messages.map(({ role }) => role);

    expect(roles).toEqual(["user", "system", "assistant", "user"]);
    expect(parseOne("Now it rains.", "system")).toEqual(parseOne([text("Now it rains.")], "system"));
  });

  test("of any length are read from the bytes of a body as from its values", () => {
    const long = "word and wörd ".repeat(500);
    const body = {
      max_tokens: 9,
      messages: [
        { role: "user", content: long },
        {
          role: "assistant",
          content: [text(long), { type: "tool_use", id: "toolu_1", name: "look", input: { long } }],
        },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: "toolu_1", content: [text(long)] }, text(long)],
        },
      ],
    };
    const fromBytes = parseRequest(parseBody(Buffer.from(JSON.stringify(body))));

    expect(JSON.stringify(fromBytes.messages.map(plain))).toBe(JSON.stringify(parseRequest(body).messages.map(plain)));
  });
});

/** Long texts are views into the body: their words count here. */
function plain({ content, ...rest }: ReturnType<typeof parseRequest>["messages"][number]): object {
  return { ...rest, content: content.map((part) => (part.type === "text" ? part.text : part)) };
}

describe("what is wrong is named [R2-063]", () => {
  const block = (value: unknown) => ({ messages: [{ role: "user", content: [value] }] });

  const wrong: readonly (readonly [fields: object, param: string])[] = [
    [{ max_tokens: undefined }, "max_tokens"],
    [{ max_tokens: 0 }, "max_tokens"],
    [{ max_tokens: "9" }, "max_tokens"],
    [{ messages: undefined }, "messages"],
    [{ messages: "Hello" }, "messages"],
    [{ messages: [] }, "messages"],
    [{ messages: [{ role: "assistant", content: "Hi" }] }, "messages"],
    [{ messages: [hello, { content: "Hi" }] }, "messages[1].role"],
    [{ messages: [{ role: "developer", content: "Hi" }] }, "messages[0].role"],
    [{ messages: ["Hello"] }, "messages[0]"],
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [] }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: 7 }] }, "messages[0].content"],
    [block({ type: "text" }), "messages[0].content[0].text"],
    [block({ type: "hologram" }), "messages[0].content[0].type"],
    [block({ type: "image" }), "messages[0].content[0].source"],
    [block({ type: "image", source: { type: "file" } }), "messages[0].content[0].source.file_id"],
    [block({ type: "image", source: { type: "base64", data: "AA" } }), "messages[0].content[0].source.media_type"],
    [block({ type: "document", source: { type: "text" } }), "messages[0].content[0].source.data"],
    [block({ type: "tool_result", content: "x" }), "messages[0].content[0].tool_use_id"],
    [block({ type: "tool_result", tool_use_id: "t", content: [7] }), "messages[0].content[0].content[0]"],
    [
      { messages: [hello, { role: "assistant", content: [{ type: "tool_use", id: "t" }] }] },
      "messages[1].content[0].name",
    ],
    [{ system: 7 }, "system"],
    [{ system: [{ type: "image" }] }, "system[0]"],
    [{ tools: {} }, "tools"],
    [{ tools: [{ input_schema: {} }] }, "tools[0].name"],
    [{ tools: ["look"] }, "tools[0]"],
    [{ tool_choice: "auto" }, "tool_choice"],
    [{ tool_choice: { type: "all" } }, "tool_choice.type"],
    [{ tool_choice: { type: "tool", name: "look" } }, "tool_choice.name"],
    [{ stop_sequences: "END" }, "stop_sequences"],
    [{ stop_sequences: ["END", "\n"] }, "stop_sequences[1]"],
    [{ stop_sequences: Array.from({ length: 257 }, (_, index) => `END ${index}`) }, "stop_sequences"],
    [{ stop_sequences: ["END", "E".repeat(1025)] }, "stop_sequences[1]"],
    [{ temperature: "hot" }, "temperature"],
    [{ thinking: true }, "thinking"],
    [{ stream: "yes" }, "stream"],
    [{ thread: { type: "create" } }, "thread"],
  ];

  test.each(wrong.map(([fields, param]) => [param, fields] as const))("%s", (param, fields) => {
    let error: unknown;
    try {
      parse(fields);
    } catch (thrown) {
      error = thrown;
    }

    if (!(error instanceof GatewayError)) throw new Error("nothing was refused");
    expect([error.kind, error.param]).toEqual(["invalid-request", param]);
    expect(error.message).toContain(`"${param}"`);
  });

  test.each(["tool_use", "thinking", "container_upload"])("%s of a user is not told to be allowed", (type) => {
    const allowed = "must be one of text, image, document, search_result, tool_result";
    expect(() => parse(block({ type }))).toThrow(`"messages[0].content[0].type" ${allowed}`);
    expect(allowed.split(", ")).not.toContain(type);
  });

  test("a body that is no object is refused", () => {
    for (const body of [undefined, null, 7, "text", []]) expect(() => parseRequest(body)).toThrow(GatewayError);
  });

  test("parseCountRequest wants the same but for max_tokens", () => {
    expect(parseCountRequest({ messages: [hello] })).toMatchObject({ maxTokens: undefined });
    expect(() => parseCountRequest({ messages: [] })).toThrow(GatewayError);
  });
});
