// Tools that are declared by a type alone: what other models than Anthropic's are told of them.

import { describe, expect, test } from "bun:test";
import Type from "typebox";
import Value from "typebox/value";
import { parseRequest } from "../../../../src/surfaces/anthropic-messages/parse-request.ts";

const hello = { role: "user", content: "Hello" };
const parse = (fields: object) => parseRequest({ max_tokens: 9, messages: [hello], ...fields });
const told = (entry: object) => parse({ tools: [entry] }).tools;
const fits = (type: string, input: unknown) => {
  const schema = Type.Unsafe(told({ type, name: "it" })[0]?.parameters as object);
  return Value.Check(schema, input);
};

const editor = "text_editor_20250728";
const memory = "memory_20250818";

describe("a tool that its client runs", () => {
  test.each(["bash_20241022", "bash_20250124", editor, memory])("is told by its name and in full: %p", (type) => {
    expect(told({ type, name: "it", cache_control: { type: "ephemeral" } })).toEqual([
      { name: "it", description: expect.stringMatching(/./), parameters: expect.objectContaining({ type: "object" }) },
    ]);
  });

  test.each([
    ["bash_20250124", { command: "ls" }],
    ["bash_20250124", { restart: true }],
    [editor, { command: "view", path: "/a", view_range: [1, -1] }],
    [editor, { command: "create", path: "/a", file_text: "x" }],
    [editor, { command: "str_replace", path: "/a", old_str: "x", new_str: "y" }],
    [editor, { command: "insert", path: "/a", insert_line: 0, insert_text: "x", new_str: "x" }],
    ["text_editor_20250124", { command: "undo_edit", path: "/a" }],
    [memory, { command: "insert", path: "/memories/a", insert_line: 1, insert_text: "x" }],
    [memory, { command: "delete", path: "/memories/a" }],
    [memory, { command: "rename", old_path: "/memories/a", new_path: "/memories/b" }],
  ])("takes what its client understands: %p %p", (type, input) => {
    expect(fits(type, input)).toBe(true);
  });

  test.each([
    [editor, { command: "undo_edit", path: "/a" }],
    [editor, { command: "view" }],
    [memory, { command: "forget", path: "/memories/a" }],
    [memory, { path: "/memories/a" }],
  ])("takes nothing else: %p %p", (type, input) => {
    expect(fits(type, input)).toBe(false);
  });

  test("goes by the schema of its client where there is one", () => {
    const parameters = { type: "object", properties: { cmd: {} } };

    expect(told({ type: memory, name: "it", description: "Mine.", input_schema: parameters })).toEqual([
      { name: "it", description: "Mine.", parameters },
    ]);
  });

  test("may be demanded", () => {
    const tools = [{ type: memory, name: "memory" }];

    expect(parse({ tools, tool_choice: { type: "tool", name: "memory" } }).toolChoice).toEqual({ toolName: "memory" });
  });

  test("needs its name", () => {
    expect(() => told({ type: memory })).toThrow('"tools[0].name" must be a string');
  });
});

test.each([
  "code_execution_20250825",
  "web_fetch_20250910",
  "computer_20251124",
  "memory",
  "bash_code_execution_20250825",
  "mcp_toolset",
])("%p is left out: nobody here runs it, or knows how", (type) => {
  expect(told({ type, name: "it" })).toEqual([]);
});
