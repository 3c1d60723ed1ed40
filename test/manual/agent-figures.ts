// What the agent costs beside model and tools: bun test/manual/agent-figures.ts. The executable, the emulator without delay,
// and the everything server; medians and the slowest hundredth of so many runs, on the machine as it is.

import { join } from "node:path";
import { readLive } from "../support/live-stream.ts";
import { startStage } from "../e2e/stage.ts";

const runs = 100;
const server = join(import.meta.dir, "../../node_modules/@modelcontextprotocol/server-everything/dist/index.js");
const servers = { everything: { command: process.execPath, args: [server] } };

function summary(times: readonly number[]): string {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}

await using stage = await startStage({
  environment: { MCP_SERVERS: JSON.stringify(servers), AGENT_OPEN: "true", LOG_LEVEL: "warn" },
});

const call = (a: number) => ({ reply: { text: "", calls: [{ name: "get-sum", arguments: { a, b: 1 } }], paceMs: 0 } });
const said = { reply: { text: "Done.", paceMs: 0 } };

async function runOnce(): Promise<{ head: number; first: number; whole: number; told: number }> {
  const startedAtMs = performance.now();
  const response = await stage.post("/api/agent/stream", { query: "Add two numbers, twice" });
  const head = performance.now() - startedAtMs;
  const live = readLive(response);
  await live.next();
  const first = performance.now() - startedAtMs;
  const rest = await live.rest();
  const whole = performance.now() - startedAtMs;
  if (!rest.includes('"success":true')) throw new Error(rest);
  return { head, first, whole, told: Number(/"totalExecutionTime":(\d+)/.exec(rest)?.[1]) };
}

async function health(count: number): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < count; at++) {
    const startedAtMs = performance.now();
    await (await stage.get("/health")).text();
    times.push(performance.now() - startedAtMs);
  }
  return times;
}

await stage.get("/api/agent/capabilities");
const measured = [];
for (let at = 0; at < runs; at++) {
  await stage.emulator.script(call(at));
  await stage.emulator.script(call(at + 1));
  await stage.emulator.script(said);
  measured.push(await runOnce());
}
console.log(`head: ${summary(measured.map(({ head }) => head))}`);
console.log(`first progress: ${summary(measured.map(({ first }) => first))}`);
console.log(`a run of two tools and three questions to the model: ${summary(measured.map(({ whole }) => whole))}`);

const quiet = await health(300);
await stage.emulator.script({ times: "always", gate: "held", reply: { text: "late" } });
const open = await Promise.all(Array.from({ length: 20 }, () => stage.post("/api/agent/stream", { query: "Wait" })));
const busy = await health(300);
console.log(`/health without agents: ${summary(quiet)}; with 20 agent streams: ${summary(busy)}`);
await Promise.all(open.map((response) => response.body?.cancel()));
