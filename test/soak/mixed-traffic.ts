// A working day in a minute: clients of every kind, faults of Qwen, hang-ups, other settings by SIGHUP, backups, the history
// searched. What the gateway keeps must not grow with it, and nobody may lose anything or be answered twice.

import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStage, type Stage } from "../e2e/stage.ts";
import { eventually, runBinary } from "../support/binary.ts";
import { mebibyte, resourcesOf, type Figure, type Soak } from "./figures.ts";
import { createMixedLoad, type MixedLoad, mixedToolServers, orderFaults } from "./mixed-load.ts";
import { growthOf, halvesOf, type Sample } from "./trend.ts";

export interface MixedTrafficOptions {
  /** Before anything is measured: pools, caches and compiled code are filled. */
  readonly warmUpClients: number;
  readonly seconds: number;
  readonly parallel: number;
}

/** In the second half of the time, when whatever fills up at first is full. */
const mostMemoryGrowthBytes = 32 * mebibyte;
const mostNewDescriptors = 8;
/** The agent's log of what it did is kept for 90 days, sessions of those who hung up for 30; all else is taken away again. */
const mostKeptBytesOfClient = 512;
/** Of each database, and of what runs. It is written over from its beginning when it is full. */
const mostLogBytes = 16 * mebibyte;
/** Of HISTORY_MAX_BYTES. */
const historyBytes = 4 * mebibyte;

const longestWarmUpMs = 60_000;
const sampleEveryMs = 250;
const reloadEveryMs = 2000;
const backupEveryMs = 4000;
const lookEveryMs = 1000;

interface Samples {
  readonly memory: Sample[];
  readonly descriptors: Sample[];
  readonly kept: Sample[];
  largestHistoryBytes: number;
  largestLogBytes: number;
}

export async function soakMixedTraffic({ warmUpClients, seconds, parallel }: MixedTrafficOptions): Promise<Soak> {
  const dataDir = mkdtempSync(join(tmpdir(), "qwen-gateway-soak-"));
  try {
    await using stage = await startStage({
      settings: settingsOf(0),
      environment: { DATA_DIR: dataDir, LOG_LEVEL: "error", AGENT_OPEN: "true" },
    });
    await orderFaults(stage.emulator);
    const load = createMixedLoad({ url: () => stage.gateway.url, headers: {}, parallel });
    const operator = createOperator(stage, dataDir);
    const warm = new AbortController();
    const warmUp = AbortSignal.any([warm.signal, AbortSignal.timeout(longestWarmUpMs)]);
    await Promise.all([load.run(warmUp, warmUpClients).finally(() => warm.abort()), operator.run(warmUp)]);

    const before = clientsOf(load);
    const over = AbortSignal.timeout(seconds * 1000);
    const startedAtMs = performance.now();
    const [samples] = await Promise.all([sampleUntil(over, stage, dataDir), load.run(over), operator.run(over)]);
    const clients = clientsOf(load) - before;
    const tookSeconds = (performance.now() - startedAtMs) / 1000;
    const health = await eventually(
      async () => {
        const { openReplies } = (await (await stage.get("/health")).json()) as { openReplies: number };
        return openReplies === 0 ? { openReplies } : undefined;
      },
      () => "no open replies",
    );
    const unended = (await stage.emulator.turns()).filter(({ record }) => record.endedAtMs === undefined).length;

    if (load.wrong.length > 0) console.error([...new Set(load.wrong)].slice(0, 10).join("\n"));
    if (operator.failed.length > 0) console.error(operator.failed.slice(0, 10).join("\n"));
    return {
      name: "mixed traffic",
      figures: [
        { what: "clients that came to their end", value: clients, unit: "" },
        { what: "clients a second", value: clients / tookSeconds, unit: "/s" },
        { what: "faults of Qwen that were told", value: load.told, unit: "" },
        { what: "reloads", value: operator.reloads, unit: "" },
        { what: "backups", value: operator.backups, unit: "" },
        { what: "turns at Qwen that were compared", value: operator.turns, unit: "" },
        ...growth("memory", samples.memory, mebibyte, "MB", mostMemoryGrowthBytes),
        ...growth("descriptors", samples.descriptors, 1, "", mostNewDescriptors),
        ...growth("databases, a client", samples.kept, clients / 2, "bytes", mostKeptBytesOfClient * (clients / 2)),
        {
          what: "history, its log included",
          value: samples.largestHistoryBytes / mebibyte,
          unit: "MB",
          atMost: historyBytes / mebibyte,
        },
        {
          what: "largest log of a database, or journal",
          value: samples.largestLogBytes / mebibyte,
          unit: "MB",
          atMost: mostLogBytes / mebibyte,
        },
        { what: "clients lost, or answered otherwise", value: load.wrong.length, unit: "", atMost: 0 },
        { what: "turns that Qwen was asked twice", value: operator.twice, unit: "", atMost: 0 },
        { what: "reloads and backups that failed", value: operator.failed.length, unit: "", atMost: 0 },
        { what: "replies that are still open", value: health.openReplies, unit: "", atMost: 0 },
        { what: "generations that Qwen still makes", value: unended, unit: "", atMost: 0 },
      ],
    };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Each other one than the one before. */
function settingsOf(round: number): Record<string, string> {
  return {
    HISTORY: "content",
    HISTORY_MAX_BYTES: String(historyBytes),
    MCP_SERVERS: JSON.stringify(mixedToolServers),
    LIMIT_REQUESTS_PER_MINUTE: "1000000",
    MAX_MESSAGES: String(1000 + round),
    STREAM_USAGE: round % 2 === 0 ? "request" : "always",
  };
}

function clientsOf({ ended }: MixedLoad): number {
  return [...ended.values()].reduce((sum, count) => sum + count, 0);
}

/** The first half is told, the second one has to keep the bound. */
function growth(what: string, samples: readonly Sample[], divisor: number, unit: string, atMost: number): Figure[] {
  const [first, second] = halvesOf(samples);
  return [
    { what: `${what}: growth in the first half`, value: growthOf(first) / divisor, unit },
    { what: `${what}: in the second`, value: growthOf(second) / divisor, unit, atMost: atMost / divisor },
  ];
}

async function sampleUntil(over: AbortSignal, stage: Stage, dataDir: string): Promise<Samples> {
  const samples: Samples = { memory: [], descriptors: [], kept: [], largestHistoryBytes: 0, largestLogBytes: 0 };
  while (!over.aborted) {
    const atMs = performance.now();
    const { residentBytes, descriptors } = await resourcesOf(stage.gateway.pid);
    samples.memory.push({ atMs, value: residentBytes });
    samples.descriptors.push({ atMs, value: descriptors });
    const sizes = sizesIn(dataDir);
    samples.kept.push({ atMs, value: sizes.kept });
    samples.largestHistoryBytes = Math.max(samples.largestHistoryBytes, sizes.history);
    samples.largestLogBytes = Math.max(samples.largestLogBytes, sizes.largestLog);
    await Bun.sleep(sampleEveryMs);
  }
  return samples;
}

function sizesIn(dataDir: string) {
  let history = 0;
  let largestLog = 0;
  let kept = 0;
  for (const name of readdirSync(dataDir, { recursive: true, encoding: "utf8" })) {
    const file = statSync(join(dataDir, name), { throwIfNoEntry: false });
    if (file === undefined || !file.isFile()) continue;
    if (name.startsWith("history.db")) history += file.size;
    else if (name.endsWith("-wal") || name.endsWith(".journal")) largestLog = Math.max(largestLog, file.size);
    else if (!name.endsWith("-shm")) kept += file.size;
  }
  return { history, largestLog, kept };
}

/** Whoever looks after a gateway, and never rests. */
function createOperator(stage: Stage, dataDir: string) {
  const operator = { reloads: 0, backups: 0, turns: 0, twice: 0, failed: [] as string[], run };
  const asked = new Set<string>();
  let seenOrdinal = 0;

  async function reload(): Promise<void> {
    const wanted = 1000 + ++operator.reloads;
    stage.hangUp(settingsOf(operator.reloads));
    await eventually(
      async () => {
        const { config } = (await (await stage.get("/health/detailed")).json()) as { config: Record<string, unknown> };
        return config["MAX_MESSAGES"] === wanted ? true : undefined;
      },
      () => `settings number ${operator.reloads}`,
    );
  }

  async function backup(): Promise<void> {
    const file = join(stage.place.folder, `backup-${++operator.backups}.tar`);
    const { exitCode, errors } = await runBinary(["backup", file], { DATA_DIR: dataDir }, stage.place);
    if (exitCode !== 0) throw new Error(`a backup failed: ${errors}`);
    rmSync(file);
  }

  /** A question of the load stands in one turn, whatever happens on the way. */
  async function look(): Promise<void> {
    for (const { record, content } of await stage.emulator.turns()) {
      if (record.ordinal <= seenOrdinal) continue;
      seenOrdinal = record.ordinal;
      operator.turns++;
      const [question] = /^Say "words number \d+"$/.exec(content) ?? [];
      if (question === undefined) continue;
      if (asked.has(question)) operator.twice++;
      asked.add(question);
    }
    await (await stage.get("/v1/history?q=words&limit=100")).text();
  }

  async function again(act: () => Promise<void>, everyMs: number, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await act().catch((error: unknown) => void operator.failed.push(String(error)));
      await Bun.sleep(everyMs);
    }
  }

  async function run(over: AbortSignal): Promise<void> {
    await Promise.all([
      again(reload, reloadEveryMs, over),
      again(backup, backupEveryMs, over),
      again(look, lookEveryMs, over),
    ]);
  }
  return operator;
}
