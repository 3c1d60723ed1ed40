// The agent on the compiled executable, with real tool servers: who may ask, kill -9 while a question waits, no orphans.

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { AgentResult } from "../../src/agent/engine.ts";
import { streamSSE } from "../../src/client/client.ts";
import { eventually } from "../support/binary.ts";
import { readLive } from "../support/live-stream.ts";
import { type Frame, parseFrames } from "../support/sse-frames.ts";
import { until } from "../support/until.ts";
import { startStage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(30_000);

const packages = join(import.meta.dir, "../../node_modules/@modelcontextprotocol");

async function startAgentStage(environment: Record<string, string> = {}) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "qwen-gateway-agent-")));
  const script = (name: string) => join(packages, name, "dist/index.js");
  const servers = {
    files: { command: process.execPath, args: [script("server-filesystem"), folder] },
    everything: { command: process.execPath, args: [script("server-everything")] },
  };
  const stage = await startStage({ environment: { MCP_SERVERS: JSON.stringify(servers), ...environment } });
  const token = /^Token of the agent, shown once: (\S+)/m.exec(stage.gateway.output.join("\n"))?.[1] ?? "";
  const authorization = `Bearer ${token}`;
  const post = (path: string, body: object, headers: Record<string, string> = { authorization }) =>
    stage.post(path, body, { headers });
  const run = async (path: string, body: object) => (await (await post(path, body)).json()) as AgentResult;
  return {
    stage,
    folder,
    token,
    post,
    run,
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const call = (name: string, input: object) => ({ reply: { text: "", calls: [{ name, arguments: input }] } });

/** Processes whose command line names the folder. */
function processesOf(folder: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}

async function untilNone(folder: string): Promise<void> {
  await until(() => processesOf(folder).length === 0);
}

interface SilentCall {
  readonly comments: number;
  readonly frames: readonly Frame[];
}

/** Half a minute without a word of the tool, with all settings as they are where nobody sets them. */
async function callSilently(): Promise<SilentCall> {
  await using agent = await startAgentStage();
  await agent.stage.emulator.script(call("trigger-long-running-operation", { duration: 30, steps: 1 }), {
    reply: { text: "It took its time." },
  });
  const response = await agent.post("/api/agent/stream", { query: "Run the long operation" });
  const body = await response.text();
  return { comments: body.split("\n\n").filter((block) => block === ": keepalive").length, frames: parseFrames(body) };
}

let silent: Promise<SilentCall> | undefined;
// It runs beside all tests of this file, and is looked at in the last.
beforeAll(() => {
  silent = callSilently();
  silent.catch(() => {});
});

test("the agent wants its token, which is shown once; tools of two servers are used in one run [R4-028] [R4-036] [R4-038]", async () => {
  await using agent = await startAgentStage();
  const path = join(agent.folder, "note.txt");
  await Bun.write(path, "eleven");
  const nobody = await agent.post("/api/agent/stream", { query: "Hello" }, {});
  const stranger = await agent.post("/api/agent/stream", { query: "Hello" }, { authorization: "Bearer wrong" });
  expect([nobody.status, stranger.status]).toEqual([401, 401]);
  expect(await agent.stage.emulator.requests("completions")).toHaveLength(0);
  expect(processesOf(agent.folder)).toHaveLength(0);
  await agent.stage.emulator.script(call("read_text_file", { path }));
  await agent.stage.emulator.script(call("get-sum", { a: 11, b: 31 }));
  await agent.stage.emulator.script({ reply: { text: "The sum is 42." } });
  const progress: string[] = [];
  const done = Promise.withResolvers<AgentResult>();

  await streamSSE(
    `${agent.stage.gateway.url}/api/agent/stream`,
    { query: "Add 31 to the number in note.txt" },
    {
      onProgress: (event) => void progress.push(event.message),
      onDone: (event) => done.resolve(event as unknown as AgentResult),
    },
    undefined,
    { headers: { authorization: `Bearer ${agent.token}` } },
  );

  const result = await done.promise;
  expect(result).toMatchObject({
    success: true,
    answer: "The sum is 42.",
    results: [
      { service: "files", command: "read_text_file", success: true },
      { service: "everything", command: "get-sum", success: true },
    ],
  });
  expect(progress.filter((message) => message.startsWith("Executing"))).toEqual([
    "Executing: read_text_file (1/1)",
    "Executing: get-sum (2/2)",
  ]);
});

test("kill -9 while a question waits: the tool servers end, and the next process carries it out", async () => {
  await using agent = await startAgentStage();
  const path = join(agent.folder, "note.txt");
  await agent.stage.emulator.script(call("write_file", { path, content: "kept" }));
  const { pending } = await agent.run("/api/agent", { query: "Write kept into note.txt" });
  expect(await Bun.file(path).exists()).toBe(false);
  await agent.stage.crashAndRestart();
  await untilNone(agent.folder);
  await agent.stage.emulator.script({ reply: { text: "Done." } });

  const answer = { confirmation_id: pending?.confirmation_id, decision: "approve" };
  const result = await agent.run("/api/agent/confirm", answer);
  const again = await agent.post("/api/agent/confirm", answer);

  expect(result).toMatchObject({ success: true, results: [{ command: "write_file", success: true }] });
  expect(await Bun.file(path).text()).toBe("kept");
  expect([404, 410]).toContain(again.status);
  expect(agent.stage.gateway.output.join("\n")).not.toContain("Token of the agent");
});

test("two hundred streams whose readers leave in the middle of a call leave nothing open [R4-046]", async () => {
  await using agent = await startAgentStage();
  const { pid } = agent.stage.gateway;
  const openFiles = (): number => readdirSync(`/proc/${pid}/fd`).length;
  const calling = call("trigger-long-running-operation", { duration: 50, steps: 1 });
  await agent.stage.emulator.script({ match: "Work on this", times: "always", ...calling });

  async function leaveInTheMiddle(count: number): Promise<void> {
    const leaving = new AbortController();
    const authorization = `Bearer ${agent.token}`;
    const streams = await Promise.all(
      Array.from({ length: count }, () =>
        agent.stage.post(
          "/api/agent/stream",
          { query: "Work on this" },
          { headers: { authorization }, signal: leaving.signal },
        ),
      ),
    );
    for (const stream of streams) {
      const live = readLive(stream);
      while (!(await live.next())?.data.includes('"executing"'));
    }
    leaving.abort();
  }
  await agent.stage.get("/api/agent/capabilities", { authorization: `Bearer ${agent.token}` });
  const before = openFiles();

  for (let round = 1; round <= 4; round++) {
    await leaveInTheMiddle(50);
    // Their chats are deleted at the model's server.
    await agent.stage.emulator.until((all) => all.filter(({ on }) => on === "delete").length === round * 50);
  }

  // Fifty connections to the model's server are kept for the next questions, of two hundred streams nothing.
  await eventually(
    async () => (openFiles() <= before + 60 ? true : undefined),
    () => `${openFiles()} files are open, and ${before} were`,
  );
});

test("SIGTERM ends the tool servers with the gateway", async () => {
  await using agent = await startAgentStage();
  await agent.stage.get("/api/agent/capabilities", { authorization: `Bearer ${agent.token}` });
  expect(processesOf(agent.folder).length).toBeGreaterThan(0);

  agent.stage.gateway.kill("SIGTERM");

  expect(await agent.stage.gateway.exited).toBe(0);
  await untilNone(agent.folder);
});

test("mcp serve is an MCP server on standard input and output, and ends with its client", async () => {
  await using stage = await startStage();
  await stage.emulator.script({ reply: { text: "Because of Rayleigh." } });
  const client = new Client({ name: "test", version: "1" });
  const transport = new StdioClientTransport({
    command: stage.place.executable,
    args: ["mcp", "serve"],
    cwd: stage.place.folder,
    env: {
      HOME: stage.place.home,
      DATA_DIR: join(stage.place.home, "of-mcp"),
      QWEN_TOKEN: "test-token",
      QWEN_BASE_URL: stage.emulator.url,
      QWEN_AUTH_URL: stage.emulator.url,
    },
    stderr: "pipe",
  });
  await client.connect(transport);

  const answer = await client.callTool({ name: "ask_qwen", arguments: { prompt: "Why is the sky blue?" } });
  const { pid } = transport;
  await client.close();

  expect(answer.content).toEqual([{ type: "text", text: "Because of Rayleigh." }]);
  expect(pid).toBeNumber();
  expect(() => process.kill(pid ?? 0, 0)).toThrow();
});

test("the gateway is an MCP server for the SDK's own client", async () => {
  await using agent = await startAgentStage();
  await agent.stage.emulator.script({ reply: { text: "Because of Rayleigh." } });
  const client = new Client({ name: "test", version: "1" });
  const requestInit = { headers: { authorization: `Bearer ${agent.token}` } };
  const transport = new StreamableHTTPClientTransport(new URL(`${agent.stage.gateway.url}/mcp`), { requestInit });
  // The cast is for `exactOptionalPropertyTypes`, which the SDK's own types do not keep.
  await client.connect(transport as never);

  const { tools } = await client.listTools();
  const answer = await client.callTool({ name: "ask_qwen", arguments: { prompt: "Why is the sky blue?" } });
  await client.close();

  expect(tools.map(({ name }) => name)).toContain("run_agent");
  expect(answer.content).toEqual([{ type: "text", text: "Because of Rayleigh." }]);
});

test("a tool that is silent for 30 s keeps its stream: comments come, then its result, and done once [R4-021]", async () => {
  const { comments, frames } = await silent!;

  expect(comments).toBeGreaterThanOrEqual(1);
  const done = frames.filter(({ event }) => event === "done");
  expect(done).toHaveLength(1);
  expect(frames.at(-1)).toBe(done[0]!);
  const result = JSON.parse(done[0]?.data ?? "") as AgentResult;
  expect(result).toMatchObject({ success: true, answer: "It took its time.", results: [{ success: true }] });
  expect(result.results[0]?.durationMs).toBeGreaterThanOrEqual(30_000);
  expect(frames.some(({ event }) => event === "error")).toBe(false);
}, 90_000);
