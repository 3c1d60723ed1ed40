// The manual scenarios, run without hands against an emulator in a process of its own: their twins.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { ScriptEntry } from "../../src/emulator/qwen-web-emulator.ts";
import { type EmulatorProcess, startEmulatorProcess } from "../support/emulator-process.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(30_000);

let emulator: EmulatorProcess;
beforeAll(async () => {
  emulator = await startEmulatorProcess(["--token-delay-ms", "2"]);
});
afterAll(() => emulator[Symbol.asyncDispose]());

async function run(environment: Readonly<Record<string, string>>, script: readonly ScriptEntry[] = []) {
  await emulator.reset();
  await emulator.script(...script);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../manual/e2e-real.ts")], {
    env: { PATH: process.env["PATH"] ?? "", HOME: "/nowhere", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode: child.exitCode, output, errors };
}

const asked = () => ({
  QWEN_E2E: "1",
  QWEN_TOKEN: "test-token",
  QWEN_BASE_URL: emulator.url,
  QWEN_AUTH_URL: emulator.url,
});

test("e2e:real walks through the four scenarios, each turn at the node of the one before [R2-071] [R2-072] [R2-073] [R2-074] [R0-066]", async () => {
  const { exitCode, output, errors } = await run(asked());

  expect([exitCode, errors]).toEqual([0, ""]);
  for (const id of ["R2-071", "R2-072", "R2-073", "R2-074"]) expect(output).toContain(id);
  expect(output).toMatch(/All \d\d verifications hold\n$/);
  const turns = await emulator.turns();
  const nodes = turns.map((turn) => turn.responseId!);
  expect(turns.map((turn) => turn.parentId)).toEqual([null, nodes[0]!, nodes[1]!, null, nodes[3]!, nodes[4]!]);
  expect(turns.slice(1, 3).every((turn) => turn.chatId === turns[0]!.chatId)).toBe(true);
  expect(turns[2]!.content).toStartWith("Count from 1 to 20");
});

test("e2e:real deletes the chats that it made", async () => {
  await run(asked());

  const made = new Set((await emulator.turns()).map((turn) => turn.chatId));
  const deleted = (await emulator.requests("delete")).map((request) => request.path.split("/").at(-1)!);
  expect(new Set(deleted)).toEqual(made);
});

test("e2e:real shows its verdicts in colours where they can be seen, and in words [R2-075]", async () => {
  const coloured = await run({ ...asked(), FORCE_COLOR: "1" });
  const plain = await run(asked());

  expect(coloured.output).toContain("\u001b[32mok  \u001b[0m  the model remembers the first turn");
  expect(plain.output).toContain("  ok    the model remembers the first turn");
  expect(plain.output).not.toContain("\u001b");
});

test("e2e:real says what does not hold, and ends with 1", async () => {
  // A model that forgets, and a stream that breaks.
  const forgetful: ScriptEntry = { match: "favourite colour?", reply: { text: "No idea." } };
  const broken: ScriptEntry = { match: "6 * 7", reply: { text: "4 2", faults: [{ kind: "drop", after: 2 }] } };
  const { exitCode, output } = await run(asked(), [forgetful, broken]);

  expect(exitCode).toBe(1);
  expect(output).toContain("FAIL  the model knows what was said before: No idea.");
  expect(output).toContain("FAIL  the turn is answered");
  expect(output).toMatch(/2 of \d\d verifications do not hold\n$/);
});

test.each([
  ["without QWEN_E2E=1", { QWEN_E2E: "" }, "QWEN_E2E=1 bun run e2e:real"],
  ["without credentials", { QWEN_TOKEN: "" }, "QWEN_COOKIES"],
])("e2e:real refuses to run %s [R2-075]", async (_what, missing, hint) => {
  const { exitCode, output, errors } = await run({ ...asked(), ...missing });

  expect(exitCode).toBe(2);
  expect(output).toBe("");
  expect(errors).toContain(hint);
  expect(await emulator.requests()).toEqual([]);
});
