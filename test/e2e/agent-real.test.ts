// The agent's manual scenarios, run without hands against an emulator in a process of its own; and whether the code is
// sound and starts without a word of trouble.

import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { ScriptEntry } from "../../src/emulator/qwen-web-emulator.ts";
import { createAgentPlace } from "../manual/agent-scenarios.ts";
import { startEmulatorProcess } from "../support/emulator-process.ts";
import { startStage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const root = join(import.meta.dir, "../..");

async function runManually(environment: Readonly<Record<string, string>>) {
  const child = Bun.spawn([process.execPath, join(root, "test/manual/e2e-real.ts"), "agent"], {
    env: { PATH: process.env["PATH"] ?? "", HOME: "/nowhere", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { output, errors, exitCode };
}

const calls = (name: string, input: string): string => `<tool_call>{"name":"${name}","arguments":${input}}</tool_call>`;

/** What a model would do: the path is taken out of the request, which an order of the emulator cannot. */
function answersFor(path: string): ScriptEntry[] {
  const file = JSON.stringify({ path });
  const calling = (match: string, name: string, input: string): ScriptEntry => ({
    match,
    reply: { text: calls(name, input) },
  });
  return [
    calling("What does the file", "read_text_file", file),
    { match: "eleven apples", reply: { text: "It says: eleven apples." } },
    calling("How many apples", "read_text_file", file),
    calling("eleven apples", "get-sum", '{"a":11,"b":31}'),
    { match: "The sum of 11 and 31", reply: { text: "The sum is 42." } },
    calling("Overwrite the file", "write_file", JSON.stringify({ path, content: "twelve pears" })),
    { match: "Successfully wrote", reply: { text: "It is written." } },
    calling("/nowhere/secret.txt", "read_text_file", '{"path":"/nowhere/secret.txt"}'),
    { match: "Access denied", reply: { text: "That file cannot be read." } },
  ];
}

test("e2e:real agent streams, chains two services, asks before it overwrites, and tells what went wrong [R4-059]", async () => {
  await using emulator = await startEmulatorProcess();
  using place = createAgentPlace();
  await emulator.script(...answersFor(join(place.folder, "note.txt")));

  const { output, errors, exitCode } = await runManually({
    QWEN_E2E: "1",
    QWEN_TOKEN: "test-token",
    QWEN_BASE_URL: emulator.url,
    QWEN_AUTH_URL: emulator.url,
    AGENT_FOLDER: place.folder,
  });

  expect([exitCode, errors, output.match(/FAIL.*/g)]).toEqual([0, "", null]);
  expect(output).toMatch(/All \d\d verifications hold\n$/);
  expect(output).toContain("5. The page for the same by hand");
});

test("e2e:real agent refuses to run without QWEN_E2E=1 [R4-059]", async () => {
  const { output, errors, exitCode } = await runManually({ QWEN_TOKEN: "test-token" });

  expect([exitCode, output]).toEqual([2, ""]);
  expect(errors).toContain("QWEN_E2E=1");
});

test("the code has no type errors, and the executable starts with its tool servers without a word of trouble [R4-058]", async () => {
  const types = Bun.spawnSync([process.execPath, "run", "types"], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  using place = createAgentPlace();
  // The reference server has tools that run only as tasks, which is worth a warning.
  const { files } = JSON.parse(place.environment["MCP_SERVERS"] ?? "{}") as { files: object };
  await using stage = await startStage({
    environment: { ...place.environment, MCP_SERVERS: JSON.stringify({ files }), LOG_FORMAT: "json" },
  });

  const capabilities = (await (await stage.get("/api/agent/capabilities")).json()) as { services: { state: string }[] };

  expect([types.exitCode, types.stderr.toString().includes("error TS")]).toEqual([0, false]);
  expect(capabilities.services.map(({ state }) => state)).toEqual(["ready"]);
  const levels = stage.gateway.errors.map((line) => (JSON.parse(line) as { level: string }).level);
  expect(levels.filter((level) => level === "warn" || level === "error")).toEqual([]);
  expect(levels.length).toBeGreaterThan(0);
});
