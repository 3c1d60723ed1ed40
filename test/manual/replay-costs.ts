// What a replay costs: CPU a chunk beside a bare pull loop, and memory a stream. Run: bun test/manual/replay-costs.ts

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createReplays } from "../../src/replay/create-replays.ts";
import type { ReplayChunk, ReplaySource } from "../../src/replay/replays.ts";
import { openChatDatabase } from "../../src/store/chat-database.ts";
import { inMemory } from "../../src/store/open-database.ts";
import { createSqliteReplayIndex } from "../../src/store/sqlite/replay-index.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { frame, interruptedFrames, stoppedFrames } from "../unit/replay/stage.ts";

const streams = 1000;
const rounds = 200;
const data = `{"token":"${"x".repeat(160)}"}`;
const chunks: readonly ReplayChunk[] = Array.from({ length: rounds }, (_, index) => ({
  bytes: frame(index + 1, data),
  lastId: index + 1,
}));

/** All of them say their next chunk when they are told to. */
class PacedSource implements ReplaySource {
  #asked: ((chunk: ReplayChunk | undefined) => void) | undefined;

  next(): Promise<ReplayChunk | undefined> {
    return new Promise((resolve) => {
      this.#asked = resolve;
    });
  }

  get isAsked(): boolean {
    return this.#asked !== undefined;
  }

  say(chunk: ReplayChunk | undefined): void {
    const asked = this.#asked;
    if (asked === undefined) throw new Error("Nobody asked");
    this.#asked = undefined;
    asked(chunk);
  }

  cancel(): void {}
}

type Open = (source: ReplaySource, id: number) => ReadableStream<Uint8Array>;

function bare(source: ReplaySource): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const chunk = await source.next();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk.bytes);
    },
  });
}

/** Streams of which several are made within one process, each time with a store of its own. */
function replayed(directory: string | undefined): Open {
  const replays = createReplays({
    ...(directory === undefined ? {} : { directory }),
    index: createSqliteReplayIndex(openChatDatabase(directory === undefined ? inMemory : `${directory}.db`, silentLog)),
    clock: Date.now,
    log: silentLog,
    limits: { maxTotalBytes: 4e9 },
    interruptedFrames,
    stoppedFrames,
  });
  return (source, id) => replays.start("me", `s${id}`, source, { resumable: true });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The first chunk waits for a file. */
async function untilAsked(sources: readonly PacedSource[]): Promise<void> {
  do await nextTurn();
  while (!sources.every(({ isAsked }) => isAsked));
}

/** To its end: bytes are looked at, as a socket would. */
async function drain(body: ReadableStream<Uint8Array>): Promise<number> {
  let bytes = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes;
    bytes += value.length;
  }
}

/** Microseconds of CPU a chunk. */
async function cpuOf(open: Open): Promise<number> {
  const sources = Array.from({ length: streams }, () => new PacedSource());
  const reading = sources.map((source, id) => drain(open(source, id)));
  const [first, ...others] = chunks;
  await untilAsked(sources);
  for (const source of sources) source.say(first);
  await untilAsked(sources);
  const before = process.cpuUsage();
  for (const chunk of others) {
    for (const source of sources) source.say(chunk);
    await nextTurn();
  }
  const { user, system } = process.cpuUsage(before);
  for (const source of sources) source.say(undefined);
  await Promise.all(reading);
  return (user + system) / (streams * others.length);
}

/** Kilobytes of resident memory a stream that has sent 4 KB, is read, and goes on. */
async function memoryOf(open: Open, count: number): Promise<number> {
  const sources = Array.from({ length: count }, () => new PacedSource());
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  const bodies = sources.map((source, id) => drain(open(source, id)));
  for (const chunk of chunks.slice(0, 20)) {
    await untilAsked(sources);
    for (const source of sources) source.say(chunk);
  }
  await untilAsked(sources);
  Bun.gc(true);
  const kilobytes = (process.memoryUsage.rss() - before) / 1024 / count;
  for (const source of sources) source.say(undefined);
  await Promise.all(bodies);
  return kilobytes;
}

const root = mkdtempSync(join(tmpdir(), "replay-costs-"));
let made = 0;
const ways: Record<string, () => Open> = {
  "bare pull loop": () => bare,
  "replayed, in files": () => replayed(join(root, `${made++}`)),
  "replayed, in memory": () => replayed(undefined),
};
const [, , only, what] = process.argv;
if (only !== undefined && what === "memory") {
  // In a process of its own: what one way has freed, another would be given.
  console.log(await memoryOf(ways[only]!(), 4000));
  rmSync(root, { recursive: true });
  process.exit();
}
const cpu = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]));
for (let round = 0; round < 7; round++) {
  for (const [name, way] of Object.entries(ways)) cpu.get(name)!.push(await cpuOf(way()));
}
for (const [name, measured] of cpu) {
  const median = measured.sort((a, b) => a - b)[3] ?? 0;
  const child = Bun.spawnSync([process.execPath, import.meta.path, name, "memory"]);
  const kilobytes = Number(child.stdout.toString());
  console.log(`${name.padEnd(24)} ${median.toFixed(2)} us a chunk, ${kilobytes.toFixed(1)} KB a stream that runs`);
}
rmSync(root, { recursive: true });
process.exit();
