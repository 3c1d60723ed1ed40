// What the upstream knows of a request's tools, from hashes and the length of the history alone.

import { describe, expect, test } from "bun:test";
import { LongText } from "../../../src/conversation/long-text.ts";
import { reminderChars, toldTools, toolKnowledge } from "../../../src/conversation/tool-knowledge.ts";
import { parseRequest } from "../../../src/surfaces/openai-chat/parse-request.ts";
import { assistant, system, user } from "./messages.ts";

describe("toolKnowledge", () => {
  const messages = [user("a"), assistant("b"), user("c")];

  test.each([
    ["known", [], []],
    ["known", ["x", "y"], ["x", "y"]],
    ["known", ["y", "x"], ["x", "y"]],
    ["unknown", ["x"], []],
    ["changed", ["x"], ["x", "y"]],
    ["changed", ["x", "z"], ["x", "y"]],
    ["gone", [], ["x"]],
  ] as const)("%s: %j where %j were told", (knowledge, current, told) => {
    expect(toolKnowledge(messages, current, told, 2)).toBe(knowledge);
  });

  const half = "x".repeat(reminderChars / 2);
  const longer = [user(half), assistant("b"), user(half), assistant("c"), user("d")];

  test("distant in the one turn that passes the length, whatever the instructions are", () => {
    const asked = (end: number) => toolKnowledge([system(half), ...longer.slice(0, end)], ["x"], ["x"], end);
    expect([asked(3), asked(5)]).toEqual(["distant", "known"]);
  });

  test("distant also by results, and by texts that stay bytes", () => {
    const part = new LongText(Buffer.from("x".repeat(reminderChars)));
    const result = { role: "tool", callId: "1", content: [part] } as const;
    expect(toolKnowledge([user("a"), assistant("b"), result], ["x"], ["x"], 2)).toBe("distant");
  });
});

test("toldTools keeps what was told before where a turn tells nothing", () => {
  const tools = [{ type: "function", function: { name: "f" } }];
  const asking = (fields: object) => parseRequest({ messages: [{ role: "user", content: "Hi" }], ...fields });
  expect(toldTools(asking({ tools }), ["new"], ["old"])).toEqual(["new"]);
  expect(toldTools(asking({ tools, tool_choice: "none" }), ["new"], ["old"])).toEqual(["old"]);
  expect(toldTools(asking({}), [], ["old"])).toEqual(["old"]);
});
