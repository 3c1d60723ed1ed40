// What the agent costs beside model and tools: bun test/manual/agent-figures.ts [runs] [shortlist] [health]. The executable,
// the emulator without delay, and real tool servers, on the machine as it is.

import { join } from "node:path";
import { startStage } from "../e2e/stage.ts";
import { readLive } from "../support/live-stream.ts";
import type { ShortlistTimes } from "./time-shortlist.ts";

const everything = join(import.meta.dir, "../../node_modules/@modelcontextprotocol/server-everything/dist/index.js");
const manyTools = join(import.meta.dir, "many-tools.ts");

function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function summary(times: readonly number[]): string {
  return `p50 ${percentile(times, 0.5).toFixed(2)} ms, p99 ${percentile(times, 0.99).toFixed(2)} ms (${times.length})`;
}

type Stage = Awaited<ReturnType<typeof startAgent>>;

async function startAgent(script: string) {
  const servers = { tools: { command: process.execPath, args: [script] } };
  const environment = { MCP_SERVERS: JSON.stringify(servers), AGENT_OPEN: "true", LOG_LEVEL: "warn" };
  const stage = await startStage({ environment });
  await stage.get("/api/agent/capabilities");
  return stage;
}

const calling = (name: string, input: object) => ({
  reply: { text: "", calls: [{ name, arguments: input }], paceMs: 0 },
});
const said = { reply: { text: "Done.", paceMs: 0 } };

async function runOnce(stage: Stage, query = "Add two numbers, twice") {
  const startedAtMs = performance.now();
  const response = await stage.post("/api/agent/stream", { query });
  const head = performance.now() - startedAtMs;
  const live = readLive(response);
  await live.next();
  const first = performance.now() - startedAtMs;
  const rest = await live.rest();
  const whole = performance.now() - startedAtMs;
  if (!rest.includes('"success":true')) throw new Error(rest);
  return { head, first, whole };
}

/** R4-040 to R4-042. */
async function measureRuns(): Promise<void> {
  await using stage = await startAgent(everything);
  const measured: Awaited<ReturnType<typeof runOnce>>[] = [];
  for (let at = 0; at < 200; at++) {
    await stage.emulator.script(calling("get-sum", { a: at, b: 1 }), calling("get-sum", { a: at, b: 2 }), said);
    measured.push(await runOnce(stage));
  }
  console.log(`head: ${summary(measured.map(({ head }) => head))}`);
  console.log(`first progress: ${summary(measured.map(({ first }) => first))}`);
  console.log(`a run of two tools and three questions to the model: ${summary(measured.map(({ whole }) => whole))}`);
}

async function measureShortlist(): Promise<void> {
  const processes = Array.from({ length: 30 }, () => {
    const { stdout } = Bun.spawnSync([process.execPath, join(import.meta.dir, "time-shortlist.ts")]);
    // Its own form.
    return JSON.parse(stdout.toString()) as ShortlistTimes;
  });
  const of = (name: keyof ShortlistTimes): string => summary(processes.map((times) => times[name]));
  console.log("choosing among 500 tools, the index included where there is none yet:");
  console.log(`  first choice of a process: ${of("firstChoice")}; before it names and risks: ${of("firstBook")}`);
  console.log(`  first over a new list: ${of("newListChoice")}; before it names and risks: ${of("newListBook")}`);
  console.log(`  later choices: ${of("laterChoice")}`);

  await using stage = await startAgent(manyTools);
  const times: Record<"first" | "later", number[]> = { first: [], later: [] };
  for (let at = 0; at < 50; at++) {
    await stage.emulator.script(calling("grow_list", {}), said, said, said);
    await runOnce(stage, "Grow the list");
    times.first.push((await runOnce(stage)).whole);
    times.later.push((await runOnce(stage)).whole);
  }
  console.log("a whole run of one question over 500 tools, on the executable:");
  console.log(`  first after the list has changed, which is asked for anew and read: ${summary(times.first)}`);
  console.log(`  later: ${summary(times.later)}`);
}

/** R4-020. Rounds with and without streams in turn, so that whatever else the machine does is in both. */
async function measureHealth(): Promise<void> {
  const rounds = 12;
  const probes = 500;
  const streams = 20;
  const kinds = [
    ["in the middle of a silent call", { duration: 60, steps: 1 }],
    ["that work: a model that thinks for 1 s, a call of 2 s with 10 steps, and anew", { duration: 2, steps: 10 }],
    ["that work hard: a model that answers at once, a call of 1 s with 10 steps, and anew", { duration: 1, steps: 10 }],
  ] as const;
  const thinking = { delayMs: 1000 };
  await using stage = await startAgent(everything);
  await stage.emulator.script(
    { match: "completed. Duration: 2 seconds", times: "always", ...thinking, ...said },
    { match: "completed. Duration: 1 seconds", times: "always", ...said },
    ...kinds.map(([, input]) => ({
      match: `for ${input.duration} s`,
      times: "always" as const,
      ...(input.duration === 2 && thinking),
      ...calling("trigger-long-running-operation", input),
    })),
  );
  await probe(stage, 1000);
  for (const [name, { duration }] of kinds) {
    const quiet: number[] = [];
    const busy: number[] = [];
    for (let round = 0; round < rounds; round++) {
      quiet.push(...(await probe(stage, probes)));
      const held = await holdStreams(stage, streams, `Work for ${duration} s`);
      busy.push(...(await probe(stage, probes)));
      await held.end();
    }
    const ratio = percentile(busy, 0.99) / percentile(quiet, 0.99);
    console.log(`/health beside ${streams} streams ${name}:`);
    console.log(`  without: ${summary(quiet)}; with: ${summary(busy)}; p99 x ${ratio.toFixed(2)}`);
  }
}

async function probe({ gateway }: Stage, count: number): Promise<number[]> {
  const command = [process.execPath, join(import.meta.dir, "probe-health.ts"), gateway.url, String(count)];
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
  // Its own form.
  return (await new Response(child.stdout).json()) as number[];
}

/** Streams that are begun anew when they end. Resolves when all are in the middle of their call. */
async function holdStreams(stage: Stage, count: number, query: string) {
  const leaving = new AbortController();
  const { signal } = leaving;
  const begun: Promise<void>[] = [];
  const ended = Array.from({ length: count }, async (_, index) => {
    const executing = Promise.withResolvers<void>();
    begun.push(executing.promise);
    // Twenty people do not press a key in the same moment.
    await Bun.sleep((index * 1000) / count);
    while (!signal.aborted) {
      try {
        const live = readLive(await stage.post("/api/agent/stream", { query }, { signal }));
        for (let frame = await live.next(); frame !== undefined; frame = await live.next()) {
          if (frame.data.includes('"executing"')) executing.resolve();
          if (frame.data.includes('"success":false')) throw new Error(frame.data);
        }
      } catch (error) {
        if (!signal.aborted) executing.reject(error);
        return;
      }
    }
  });
  await Promise.all(begun);
  return {
    async end() {
      leaving.abort();
      await Promise.all(ended);
      // What was called off is still being tidied up.
      await Bun.sleep(300);
    },
  };
}

const parts = { runs: measureRuns, shortlist: measureShortlist, health: measureHealth };
const wanted = process.argv.slice(2);
for (const [name, measure] of Object.entries(parts)) if (wanted.length === 0 || wanted.includes(name)) await measure();
