// The agent over HTTP, with a real tool server and the emulated model, which is told what to call.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentResult } from "../../src/agent/engine.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { parseFrames } from "../support/sse-frames.ts";
import { until } from "../support/until.ts";

const serverScript = join(import.meta.dir, "../../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js");

async function startAgent(environment: Record<string, string> = {}) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "qwen-gateway-agent-")));
  const servers = { files: { command: process.execPath, args: [serverScript, folder] } };
  const harness = await startHarness({
    environment: { MCP_SERVERS: JSON.stringify(servers), AGENT_OPEN: "true", ...environment },
  });
  return {
    folder,
    harness,
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function run(harness: Harness, path: string, body: object) {
  const response = await harness.post(path, body, { headers: { accept: "text/event-stream" } });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  const frames = parseFrames(text).map(({ event, data }) => ({ event, data: JSON.parse(data) as unknown }));
  return { frames, kinds: frames.map(({ event }) => event), done: frames.at(-1)?.data as AgentResult };
}

const calling = (name: string, input: object) => ({ reply: { text: "", calls: [{ name, arguments: input }] } });

test("a command is carried out by a tool that was found at run time [R4-022] [R4-023]", async () => {
  await using agent = await startAgent();
  writeFileSync(join(agent.folder, "rivers.txt"), "Daugava");
  agent.harness.emulator.script(calling("read_text_file", { path: join(agent.folder, "rivers.txt") }), {
    reply: { text: "The file says Daugava." },
  });

  const { frames, kinds, done } = await run(agent.harness, "/api/agent/stream", { query: "What is in rivers.txt?" });

  expect(kinds.slice(0, -1).every((kind) => kind === "progress")).toBe(true);
  expect(frames.slice(0, -1).map(({ data }) => (data as { type: string }).type)).toEqual([
    "analyzing",
    "discovering",
    "selecting",
    "executing",
    "completed",
  ]);
  expect(frames.map(({ data }) => (data as { message?: string }).message)).toContain("Executing: read_text_file (1/1)");
  expect(done).toMatchObject({
    success: true,
    answer: "The file says Daugava.",
    results: [
      {
        service: "files",
        command: "read_text_file",
        success: true,
        arguments: { path: join(agent.folder, "rivers.txt") },
      },
    ],
  });
  expect(JSON.stringify(done.results)).toContain("Daugava");
});

describe("what overwrites is asked about", () => {
  async function ask(agent: Awaited<ReturnType<typeof startAgent>>) {
    const path = join(agent.folder, "rivers.txt");
    agent.harness.emulator.script(calling("write_file", { path, content: "Gauja" }));
    const { done } = await run(agent.harness, "/api/agent/stream", { query: "Write Gauja into rivers.txt" });
    return { path, done, id: done.pending?.confirmation_id ?? "" };
  }

  test("and done when it was approved, once, also after a restart [R4-005]", async () => {
    await using agent = await startAgent();
    const { path, done, id } = await ask(agent);
    expect(done).toMatchObject({ pending: { risk: "destructive", commands: [{ command: "write_file" }] } });
    expect(existsSync(path)).toBe(false);
    await agent.harness.restart();
    agent.harness.emulator.script({ reply: { text: "It is written." } });

    const approved = await run(agent.harness, "/api/agent/confirm", { confirmation_id: id, decision: "approve" });
    const again = await agent.harness.post("/api/agent/confirm", { confirmation_id: id, decision: "approve" });

    expect(approved.done).toMatchObject({ success: true, results: [{ command: "write_file", success: true }] });
    expect(readFileSync(path, "utf8")).toBe("Gauja");
    expect([404, 410]).toContain(again.status);
  });

  test("and left when it was rejected or forgotten [R4-005]", async () => {
    await using agent = await startAgent();
    const first = await ask(agent);
    const rejected = await run(agent.harness, "/api/agent/confirm", { confirmation_id: first.id, decision: "reject" });
    const second = await ask(agent);
    const forgotten = await fetch(`${agent.harness.url}/api/agent/confirm/${second.id}`, { method: "DELETE" });

    expect(rejected.kinds.at(-1)).toBe("done");
    expect(forgotten.status).toBe(200);
    expect(existsSync(first.path)).toBe(false);
  });

  test("and done with the arguments that a person has changed", async () => {
    await using agent = await startAgent();
    const { path, id } = await ask(agent);
    agent.harness.emulator.script({ reply: { text: "It is written." } });

    const changed = { path, content: "Venta" };
    await run(agent.harness, "/api/agent/confirm", { confirmation_id: id, decision: "approve", arguments: changed });

    expect(readFileSync(path, "utf8")).toBe("Venta");
  });
});

test("a model that fails ends the run in error and done, and nothing was called [R4-034]", async () => {
  await using agent = await startAgent({ RETRY_MAX_ATTEMPTS: "1" });
  agent.harness.emulator.script({ on: "completions", refuse: "internal-error", times: "always" });

  const { kinds, done } = await run(agent.harness, "/api/agent/stream", { query: "What is in rivers.txt?" });

  expect(kinds.slice(-2)).toEqual(["error", "done"]);
  expect(done).toMatchObject({ success: false, results: [] });
});

test("501 characters are refused before the model is asked, 500 are not [R4-031]", async () => {
  await using agent = await startAgent();
  const long = await agent.harness.post("/api/agent/stream", { query: "é".repeat(501) });
  const before = agent.harness.emulator.requests.filter(({ on }) => on === "completions").length;
  agent.harness.emulator.script({ reply: { text: "Fine" } });
  const { done } = await run(agent.harness, "/api/agent/stream", { query: "é".repeat(500) });

  expect(long.status).toBe(400);
  expect(before).toBe(0);
  expect(done).toMatchObject({ success: true, answer: "Fine" });
});

test("a run that takes too long ends with timeout, and its model call with it [R4-033] [R4-066] [R4-067]", async () => {
  await using agent = await startAgent({ AGENT_TIMEOUT_MS: "300" });
  agent.harness.emulator.script({ gate: "held", reply: { text: "late" } });

  const { frames, kinds, done } = await run(agent.harness, "/api/agent/stream", { query: "What is in rivers.txt?" });

  expect(kinds.filter((kind) => kind === "done")).toHaveLength(1);
  expect(frames.at(-2)).toMatchObject({ event: "error", data: { code: "timeout" } });
  expect(done.success).toBe(false);
  // Stopping a run is no fault of the gateway's.
  expect(agent.harness.logLines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  agent.harness.emulator.release("held", "all");
});

test("services and examples come from the tools that there are [R4-003] [R4-004]", async () => {
  await using agent = await startAgent();

  const capabilities = (await (await agent.harness.get("/api/voice/capabilities")).json()) as {
    services: { name: string; state: string; commands: { name: string; risk: string }[] }[];
  };
  const { examples } = (await (await agent.harness.get("/api/voice/examples")).json()) as { examples: string[] };

  const [files] = capabilities.services;
  expect(files).toMatchObject({ name: "files", state: "ready" });
  expect(files?.commands.find(({ name }) => name === "read_text_file")?.risk).toBe("read");
  expect(files?.commands.find(({ name }) => name === "write_file")?.risk).toBe("destructive");
  expect(examples.length).toBeGreaterThan(0);
});

test("the old route says that it is deprecated, whatever it answers [R4-006]", async () => {
  await using agent = await startAgent({ API_KEY: "k1", LIMIT_REQUESTS_PER_MINUTE: "2" });
  agent.harness.emulator.script({ reply: { text: "Hello." } });
  const headers = { authorization: "Bearer k1" };
  const ask = (body: object) => agent.harness.post("/api/voice", body, { headers });

  const unknown = await agent.harness.post("/api/voice", { query: "Hello" });
  const mistaken = await fetch(`${agent.harness.url}/api/voice`, { headers });
  const answered = await ask({ query: "Hello" });
  const refused = await ask({});
  const limited = await ask({ query: "Hello" });

  const all = [unknown, mistaken, answered, refused, limited];
  expect(all.map(({ status }) => status)).toEqual([401, 405, 200, 400, 429]);
  for (const { headers } of all) {
    expect(headers.get("deprecation")).toMatch(/^@[0-9]+$/);
    expect(headers.get("link")).toBe('</api/agent>; rel="successor-version"');
  }
});

test("without an account the emulator carries out a plain command where one tool fits", async () => {
  await using agent = await startAgent();
  writeFileSync(join(agent.folder, "rivers.txt"), "Daugava");

  const listed = await run(agent.harness, "/api/agent/stream", { query: `List the files in ${agent.folder}` });
  const talked = await run(agent.harness, "/api/agent/stream", { query: "Good morning to you" });

  expect(listed.done).toMatchObject({
    success: true,
    results: [{ command: "list_directory", success: true, arguments: { path: agent.folder } }],
  });
  expect(listed.done.answer).toContain("rivers.txt");
  expect(talked.done).toMatchObject({ success: true, results: [] });
});

test("the questions of a run are one chat at the upstream, which is deleted with its end [R4-042]", async () => {
  await using agent = await startAgent();
  const path = join(agent.folder, "rivers.txt");
  writeFileSync(path, "Daugava");
  const list = calling("list_directory", { path: agent.folder });
  agent.harness.emulator.script(list, calling("read_text_file", { path }), { reply: { text: "It says Daugava." } });

  const { done } = await run(agent.harness, "/api/agent/stream", { query: "What is in the file here?" });

  expect(done).toMatchObject({ success: true, results: [{ success: true }, { success: true }] });
  const asked = (on: string) => agent.harness.emulator.requests.filter((request) => request.on === on);
  await until(() => asked("delete").length > 0);
  expect(asked("chats/new")).toHaveLength(1);
  expect(asked("delete")).toHaveLength(1);
  // The shape is what the gateway sends. Only what is new goes there: the rules and tools are known.
  const sent = asked("completions").map(
    ({ body }) => body as { parent_id: string | null; messages: { content: string }[] },
  );
  expect(sent.map(({ parent_id }) => parent_id === null)).toEqual([true, false, false]);
  expect(sent[0]?.messages[0]?.content).toContain("You carry out requests");
  expect(sent[1]?.messages[0]?.content).not.toContain("You carry out requests");
  expect(sent[2]?.messages[0]?.content).toContain("Daugava");
});
