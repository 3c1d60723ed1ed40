// Shells and patches of OpenAI's, which the client runs: what the model is told of them, and what their items say.

import { describe, expect, test } from "bun:test";
import type { ChatEvent } from "../../../../src/contract/events.ts";
import { createEventEncoder } from "../../../../src/surfaces/openai-responses/event-encoder.ts";
import { inputItems } from "../../../../src/surfaces/openai-responses/input-items.ts";
import { parseRequest } from "../../../../src/surfaces/openai-responses/parse-request.ts";
import { declaredTools, echoedCall, encodeReply } from "../../../../src/surfaces/openai-responses/response-object.ts";
import { parseResponseStream } from "../../../support/response-frames.ts";

const identity = { replyId: "0123456789abcdef0123456789abcdef", model: "qwen3-max", createdAtMs: 1_790_000_000_999 };
const usage = { inputTokens: 5, outputTokens: 7, totalTokens: 12 };
const tools = [{ type: "shell" }, { type: "local_shell" }, { type: "apply_patch" }];
const local = { type: "local" };

const request = parseRequest({ input: "x", stream: true, tools });

/** One call, streamed. */
function streamed(toolName: string, given: unknown, finishReason: "tool_calls" | "length" = "tool_calls") {
  const argumentsText = typeof given === "string" ? given : JSON.stringify(given);
  const encoder = createEventEncoder(request, identity);
  const events: ChatEvent[] = [
    { type: "reply-start" },
    { type: "block-start", index: 0, block: "tool-call", callIndex: 0, callId: "c1", toolName },
    { type: "tool-call-delta", index: 0, callIndex: 0, argumentsText: argumentsText.slice(0, 3) },
    { type: "tool-call-delta", index: 0, callIndex: 0, argumentsText: argumentsText.slice(3) },
    { type: "block-end", index: 0, block: "tool-call" },
    { type: "reply-end", finishReason, usage },
  ];
  for (const event of events) encoder.write(event);
  return parseResponseStream(new TextDecoder().decode(encoder.take()));
}

function itemOf(toolName: string, given: unknown): unknown {
  return (streamed(toolName, given).response["output"] as unknown[])[0];
}

function messagesOf(...items: object[]) {
  return parseRequest({ input: [{ role: "user", content: "Hi" }, ...items] }).messages.slice(1);
}

const text = (words: string) => ({ type: "text" as const, text: words });

describe("the tools", () => {
  test("are functions that are called as their types", () => {
    expect(
      request.tools.map(({ name, parameters }) => [name, (parameters as { required: string[] }).required]),
    ).toEqual([
      ["shell", ["commands"]],
      ["local_shell", ["command"]],
      ["apply_patch", ["type", "path"]],
    ]);
  });

  test.each([
    [undefined, 1],
    [null, 1],
    [{ type: "local" }, 1],
    [{ type: "container_auto" }, 0],
    [{ type: "container_reference", container_id: "c" }, 0],
  ])("a shell in the environment %j is told: %d", (environment, count) => {
    expect(parseRequest({ input: "x", tools: [{ type: "shell", environment }] }).tools).toHaveLength(count);
  });

  test("a shell's skills are told with their folders", () => {
    const skills = [{ name: "csv", description: "Reads tables.", path: "/skills/csv" }];
    const [shell] = parseRequest({ input: "x", tools: [{ type: "shell", environment: { ...local, skills } }] }).tools;

    expect(shell?.description).toContain("- csv: Reads tables. (/skills/csv)");
  });

  test("have names of their own beside functions that have theirs, and one each", () => {
    const own = { type: "function", name: "shell" };
    const listed = [{ type: "shell" }, own, { type: "shell" }, { type: "apply_patch" }];
    const item = { type: "shell_call", call_id: "c1", action: { commands: ["ls"] } };
    const input = [{ role: "user", content: "Hi" }, item, { type: "function_call", call_id: "c2", name: "shell" }];
    const asked = (tool_choice: object) => parseRequest({ input, tools: listed, tool_choice });
    const both = asked({ type: "shell" });
    const reply = { toolName: "shell_tool", callId: "c1", argumentsText: '{"commands":["ls"]}' };

    expect(both.tools.map(({ name }) => name)).toEqual(["shell", "shell_tool", "apply_patch"]);
    expect(both.toolChoice).toEqual({ toolName: "shell_tool" });
    expect(asked(own).toolChoice).toEqual({ toolName: "shell" });
    expect(both.messages[1]).toMatchObject({ toolCalls: [{ toolName: "shell_tool" }, { toolName: "shell" }] });
    expect(declaredTools(both).get("shell")?.kind).toBe("function");
    expect(echoedCall(both, reply)).toEqual(reply);
  });

  test("are chosen by their types, unless the service would run them", () => {
    const choice = (tool_choice: object, listed: object[] = tools) =>
      parseRequest({ input: "x", tools: listed, tool_choice });
    const allowed = { type: "allowed_tools", mode: "required", tools: [{ type: "shell" }] };
    const hosted = [{ type: "shell", environment: { type: "container_auto" } }, { type: "apply_patch" }];

    expect(choice({ type: "apply_patch" }).toolChoice).toEqual({ toolName: "apply_patch" });
    expect(choice(allowed).tools.map(({ name }) => name)).toEqual(["shell"]);
    expect(choice({ type: "shell" }, hosted).toolChoice).toBeUndefined();
  });
});

describe("a call", () => {
  const update = { type: "update_file", path: "a.py", diff: "@@\n-a\n+b\n" };
  const cases: [string, unknown, object][] = [
    [
      "shell",
      { commands: ["ls", "pwd"], timeout_ms: 500 },
      {
        type: "shell_call",
        id: "sh_0123456789abcdef0123456789abcdef0000",
        call_id: "c1",
        status: "completed",
        action: { commands: ["ls", "pwd"], timeout_ms: 500, max_output_length: null },
        environment: local,
      },
    ],
    ["shell", { command: "ls" }, { action: { commands: ["ls"], timeout_ms: null, max_output_length: null } }],
    ["shell", { commands: ["ls", {}] }, { action: { commands: [], timeout_ms: null, max_output_length: null } }],
    ["shell", '{"commands": ["rm -rf /tmp/a', { action: { commands: [], timeout_ms: null, max_output_length: null } }],
    [
      "local_shell",
      { command: ["ls", "-l"], working_directory: "/tmp", env: { A: "1", B: 2 } },
      {
        type: "local_shell_call",
        id: "lsh_0123456789abcdef0123456789abcdef0000",
        call_id: "c1",
        status: "completed",
        action: { type: "exec", command: ["ls", "-l"], working_directory: "/tmp", env: { A: "1" } },
      },
    ],
    ["local_shell", { command: "ls | wc" }, { action: { type: "exec", command: ["bash", "-lc", "ls | wc"], env: {} } }],
    [
      "apply_patch",
      update,
      {
        type: "apply_patch_call",
        id: "apc_0123456789abcdef0123456789abcdef0000",
        call_id: "c1",
        status: "completed",
        operation: update,
      },
    ],
    ["apply_patch", { operation: update }, { operation: update }],
    ["apply_patch", { type: "delete_file", path: "a", diff: "" }, { operation: { type: "delete_file", path: "a" } }],
    ["apply_patch", '{"type": "cre', { operation: { type: "update_file", path: "", diff: "" } }],
  ];

  test.each(cases)("of %s with %j is an item of its type, streamed or whole", (toolName, given, item) => {
    const argumentsText = typeof given === "string" ? given : JSON.stringify(given);
    const reply = { identity, text: "", reasoning: "", sources: [], finishReason: "tool_calls", usage } as const;
    const whole = encodeReply(request, { ...reply, toolCalls: [{ callId: "c1", toolName, argumentsText }] });

    expect(itemOf(toolName, given)).toMatchObject(item);
    expect(whole["output"]).toEqual([itemOf(toolName, given)] as never);
  });

  test.each(cases)("of %s with %j is known again when it comes back", (toolName, given) => {
    const argumentsText = typeof given === "string" ? given : JSON.stringify(given);
    const told = echoedCall(request, { callId: "c1", toolName, argumentsText });

    expect(messagesOf(itemOf(toolName, given) as object)).toEqual([
      { role: "assistant", content: [], toolCalls: [told] },
    ]);
  });

  test("of a shell has events for each command", () => {
    expect(streamed("shell", { commands: ["ls", ""] }).types.slice(2, -1)).toEqual([
      "response.output_item.added",
      "response.shell_call_command.added",
      "response.shell_call_command.delta",
      "response.shell_call_command.done",
      "response.shell_call_command.added",
      "response.shell_call_command.done",
      "response.output_item.done",
    ]);
  });

  test("of a patch begins with its file, since clients read it there, and has no events that their types do not know", () => {
    const { types, events } = streamed("apply_patch", update);

    expect(types.slice(2, -1)).toEqual(["response.output_item.added", "response.output_item.done"]);
    expect(events[2]).toMatchObject({ item: { status: "in_progress", operation: { ...update, diff: "" } } });
  });

  test("that is cut off is no whole one", () => {
    const statusOf = (name: string) => (streamed(name, '{"a', "length").response["output"] as object[])[0];

    expect(statusOf("shell")).toMatchObject({ status: "incomplete" });
    expect(statusOf("apply_patch")).toMatchObject({ status: "in_progress" });
  });
});

describe("a result", () => {
  test("of a shell tells what was printed and how it ended, a command each", () => {
    const exit = { type: "exit", exit_code: 0 };
    const result = (...output: object[]) =>
      messagesOf({ type: "shell_call_output", call_id: "c1", output })[0]?.content;
    const list = { stdout: "a\nb\n", stderr: "", outcome: exit };
    const slow = { stdout: "", stderr: "hm\n", outcome: { type: "timeout" } };

    expect(result(list)).toEqual([text("a\nb\nexit code: 0")]);
    expect(result(list, slow)).toEqual([
      text("Command 1:\na\nb\nexit code: 0\n\nCommand 2:\nstderr:\nhm\nIt ran out of time."),
    ]);
    expect(result()).toEqual([text("")]);
  });

  test("of a patch says whether it was applied", () => {
    const result = (fields: object) => messagesOf({ type: "apply_patch_call_output", call_id: "c1", ...fields })[0];

    expect(result({ status: "completed" })).toEqual({ role: "tool", callId: "c1", content: [text("Done.")] });
    expect(result({ status: "failed", output: "no a" })).toEqual({
      role: "tool",
      callId: "c1",
      content: [text("no a")],
      isError: true,
    });
  });

  test("of a local shell names its call by call_id, or as its id, or by the item of the call", () => {
    const call = { type: "local_shell_call", id: "lsh_1", call_id: "c1", action: { type: "exec", command: ["ls"] } };
    for (const named of [{ call_id: "c1" }, { id: "c1" }, { id: "lsh_1" }]) {
      const [, result] = messagesOf(call, { type: "local_shell_call_output", output: "a", ...named });

      expect(result).toEqual({ role: "tool", callId: "c1", content: [text("a")] });
    }
  });
});

test("items that came without ids are listed with ids of their kinds, and as whole", () => {
  const types = tools.flatMap(({ type }) => [`${type}_call`, `${type}_call_output`]);
  const items = types.map((type) => ({ type, call_id: "c1" }));

  const listed = inputItems(items, identity.replyId, new Map());
  expect(listed.map(({ id, status }) => [String(id).replace(/_.*/, ""), status])).toEqual(
    ["sh", "sho", "lsh", "lsho", "apc", "apco"].map((prefix) => [prefix, "completed"]),
  );
});
