// What growing costs: bun test/manual/scale-figures.ts [streams]. The compiled executable over the emulator, each arrangement
// with so many streams of ten events a second, twice: the first time warms it up. CPU and memory are of all processes of the
// gateway, at the end those of HAProxy before it; memory is proportional, so that what processes share counts once.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createPlace, startBinary } from "../support/binary.ts";
import { startEmulatorProcess } from "../support/emulator-process.ts";
import { findHaProxy, startHaProxy } from "../support/haproxy.ts";
import { findRedis, type RedisServer, startRedis } from "../support/redis-server.ts";

const paceMs = 100;
const ticksPerSecond = 100;
const streams = Number(process.argv[2] ?? 1000);

interface Arrangement extends AsyncDisposable {
  readonly urls: readonly string[];
  /** The gateways that were started; what they have started counts too. */
  readonly pids: readonly number[];
}

async function start(
  emulatorUrl: string,
  count: number,
  settings: Readonly<Record<string, string>>,
): Promise<Arrangement> {
  await using stack = new AsyncDisposableStack();
  const gateways = [];
  for (let index = 0; index < count; index++) {
    const environment = {
      PORT: "0",
      LOG_LEVEL: "warn",
      QWEN_TOKEN: "bench",
      QWEN_BASE_URL: emulatorUrl,
      QWEN_AUTH_URL: emulatorUrl,
      ...settings,
    };
    gateways.push(stack.use(await startBinary(["serve"], environment, stack.use(createPlace()))));
  }
  const held = stack.move();
  return {
    urls: gateways.map(({ url }) => url),
    pids: gateways.map(({ pid }) => pid),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** With all that descend from them. */
function familyOf(pids: readonly number[]): number[] {
  const children = pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    ),
  );
  return children.length === 0 ? [...pids] : [...pids, ...familyOf(children)];
}

function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    // utime and stime are fields 14 and 15; the name in field 2 holds no blank.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(" ");
    return sum + (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
  }, 0);
}

function memoryMb(pids: readonly number[]): number {
  const kb = pids.map((pid) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]));
  return kb.reduce((sum, one) => sum + one, 0) / 1024;
}

interface Load {
  readonly events: number;
  readonly broken: number;
  readonly p50: number;
  readonly p99: number;
}

async function measure(name: string, emulatorUrl: string, count: number, settings = {}): Promise<void> {
  await using arrangement = await start(emulatorUrl, count, settings);
  await measureAt(name, arrangement.urls, familyOf(arrangement.pids));
}

/** @param pids whose CPU and memory are told */
async function measureAt(name: string, urls: readonly string[], pids: readonly number[]): Promise<void> {
  const idleMb = memoryMb(pids);
  for (const round of ["first", "second"]) {
    const before = cpuSeconds(pids);
    const child = Bun.spawn(
      [process.execPath, join(import.meta.dir, "scale-load.ts"), String(streams), ...urls],
      // As the gateway itself does: more than 256 requests at a time.
      { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: "65336" } },
    );
    await Bun.sleep(paceMs * 50);
    const openMb = memoryMb(pids);
    // Its own form.
    const { events, broken, p50, p99 } = (await new Response(child.stdout).json()) as Load;
    if (broken > 0) throw new Error(`${broken} streams of "${name}" were not whole`);
    const cpu = ((cpuSeconds(pids) - before) / events) * 1e6;
    console.log(
      `${name}, ${round} time: ${cpu.toFixed(1)} us CPU per event; memory ${idleMb.toFixed(0)} MB idle, ` +
        `${openMb.toFixed(0)} MB with ${streams} streams; behind the pace p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    );
  }
}

/** What ran in the server, and how long that kept its one thread. */
async function scriptsOf(server: RedisServer): Promise<{ calls: number; micros: number }> {
  const told = String(await server.run("INFO", "commandstats"));
  const [, calls, micros] = /^cmdstat_evalsha:calls=(\d+),usec=(\d+)/m.exec(told) ?? [];
  return { calls: Number(calls), micros: Number(micros) };
}

const emulator = await startEmulatorProcess(["--token-delay-ms", String(paceMs)]);
await measure("one process", emulator.url, 1);
for (const workers of ["2", "4"]) await measure(`${workers} workers`, emulator.url, 1, { WORKERS: workers });
const redis = findRedis();
if (redis !== undefined) {
  await using server = await startRedis(redis);
  const settings = { STORE_URL: server.url, MASTER_KEY: "0".repeat(64) };
  await measure("three gateways on one store", emulator.url, 3, settings);
  // Each stream is a conversation of one turn.
  const { calls, micros } = await scriptsOf(server);
  const turns = 2 * streams;
  console.log(`the store: ${(calls / turns).toFixed(1)} commands and ${(micros / turns).toFixed(0)} us per turn`);
}
const haproxy = findHaProxy();
if (haproxy !== undefined) {
  await using arrangement = await start(emulator.url, 3, {});
  await using front = await startHaProxy(
    haproxy,
    arrangement.urls.map((url) => Number(new URL(url).port)),
  );
  await measureAt("HAProxy before three gateways, itself", [front.url], familyOf([front.pid]));
}
await emulator[Symbol.asyncDispose]();
process.exit(0);
