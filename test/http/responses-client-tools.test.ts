// Shells and patches of OpenAI's over POST /v1/responses: the client runs them, over either kind of upstream.

import { describe, expect, test } from "bun:test";
import { startDialectStage } from "../support/dialect-stage.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import type { Item } from "../support/response-frames.ts";
import { bodyOf, lastTurn, untilAnswer } from "./client.ts";
import { readAnswer, respond, user } from "./responses-client.ts";

const exit = { type: "exit", exit_code: 2 };
const diff = "@@\n-old\n+new\n";

interface Case {
  readonly name: string;
  readonly arguments: object;
  /** What its client is told to do. */
  readonly item: object;
  readonly output: object;
  /** What the model is told of it. */
  readonly told: string;
}

const cases: readonly Case[] = [
  {
    name: "shell",
    arguments: { commands: ["ls nowhere"], timeout_ms: 900 },
    item: { action: { commands: ["ls nowhere"], timeout_ms: 900, max_output_length: null } },
    output: { output: [{ stdout: "", stderr: "no such place\n", outcome: exit }] },
    told: "stderr:\nno such place\nexit code: 2",
  },
  {
    name: "local_shell",
    arguments: { command: ["ls", "-l"] },
    item: { action: { type: "exec", command: ["ls", "-l"], env: {} } },
    output: { output: "total 0" },
    told: "total 0",
  },
  {
    name: "apply_patch",
    arguments: { diff, type: "update_file", path: "a.txt" },
    item: { operation: { type: "update_file", path: "a.txt", diff } },
    output: { status: "failed", output: `No line of ${"a".repeat(600)}` },
    told: `No line of ${"a".repeat(600)}`,
  },
];

function resultOf(name: string, call: Item | undefined, output: object): object {
  return { type: `${name}_call_output`, call_id: call?.["call_id"], ...output };
}

describe.each([true, false])("stream %p", (stream) => {
  describe.each(cases)("$name", ({ name, arguments: given, item, output, told }) => {
    const asked = { stream, store: false, tools: [{ type: name }] };

    test("is called and answered within one chat", async () => {
      await using harness = await startHarness();
      harness.emulator.script({ reply: { calls: [{ name, arguments: given }] } });
      harness.emulator.script({ reply: { text: "I see." } });
      const input: object[] = [user("Go")];
      const first = await respond(harness, { ...asked, input });
      const before = lastTurn(harness);
      const [call] = first.items;
      input.push(...first.items, resultOf(name, call, output));
      const second = await respond(harness, { ...asked, input });

      expect(call).toMatchObject({ type: `${name}_call`, status: "completed", ...item });
      expect(second.text).toBe("I see.");
      expect(lastTurn(harness)).toMatchObject({ chatId: before.chatId, parentId: before.responseId });
      expect(lastTurn(harness).content).toContain(told);
    });

    test("is gone on from by the id of its response, and by those of its items", async () => {
      await using harness = await startHarness();
      harness.emulator.script({ reply: { calls: [{ name, arguments: given }] } });
      harness.emulator.script({ reply: { text: "I see." } });
      const kept = { ...asked, store: true };
      const first = await respond(harness, { ...kept, input: [user("Go")] });
      const before = lastTurn(harness);
      const [call] = first.items;
      const result = resultOf(name, call, output);
      const second = await respond(harness, { ...kept, input: [result], previous_response_id: first.id });
      const after = lastTurn(harness);
      await respond(harness, { ...kept, input: [user("Go"), { type: "item_reference", id: call?.id }, result] });
      const listed = JSON.parse(await bodyOf(await harness.get(`/v1/responses/${second.id}/input_items`)));

      expect(after).toMatchObject({ chatId: before.chatId, parentId: before.responseId });
      expect(lastTurn(harness)).toMatchObject({ chatId: before.chatId, parentId: before.responseId });
      expect(listed["data"]).toMatchObject([{ ...result, id: expect.stringMatching(/^(?:sh|lsh|apc)o_/) }]);
    });

    test("is a function for a server, also in a history whose request declares it no more", async () => {
      await using stage = await startDialectStage({ dialect: "vllm" });
      stage.emulator.script({ reply: { calls: [{ name, arguments: given }] } });
      const own = { ...asked, model: undefined };
      const input: object[] = [user("Go")];
      const { items } = await respond(stage.harness, { ...own, input });
      const declared = stage.lastBody()["tools"];
      input.push(...items, resultOf(name, items[0], output));
      for (const tools of [asked.tools, []]) {
        stage.emulator.script({ reply: { text: "I see." } });
        await respond(stage.harness, { ...own, tools, input });

        expect(stage.lastBody()["messages"]).toMatchObject([
          { role: "user" },
          { role: "assistant", tool_calls: [{ function: { name } }] },
          { role: "tool", content: expect.stringContaining(told) },
        ]);
      }

      expect(declared).toMatchObject([{ type: "function", function: { name } }]);
      expect(items).toMatchObject([{ type: `${name}_call`, ...item }]);
    });
  });
});

test("a call in the background is told as its item", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { calls: [{ name: "shell", arguments: { commands: ["ls"] } }] } });
  const asked = { stream: false, background: true, tools: [{ type: "shell" }], input: "Go" };
  const { id } = await respond(harness, asked);
  const told = await untilAnswer(
    () => read(harness, id),
    ({ response }) => response["status"] !== "in_progress",
  );

  expect(told.items).toMatchObject([{ type: "shell_call", status: "completed", action: { commands: ["ls"] } }]);
});

async function read(harness: Harness, id: string) {
  return readAnswer(await harness.get(`/v1/responses/${id}`));
}
