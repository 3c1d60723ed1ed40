// Clients that leave in the middle, by the thousand: what they leave behind in the gateway's process.

import { eventually } from "../support/binary.ts";
import { startStage, type Stage } from "../e2e/stage.ts";
import { mebibyte, settledResources, type Soak } from "./figures.ts";

export interface AbortedStreamsOptions {
  readonly streams: number;
  /** Streams before the baseline is taken: pools, caches and compiled code are filled by them. */
  readonly warmUp: number;
  readonly parallel: number;
}

/** What memory may grow by after the warm-up, however many streams follow. */
const mostGrowthBytes = 48 * mebibyte;
/** Connections to the upstream that wait to be used again. */
const mostNewDescriptors = 96;

const content = "Say all that comes to your mind";

export async function soakAbortedStreams(options: AbortedStreamsOptions): Promise<Soak> {
  await using stage = await startStage({ environment: { LOG_LEVEL: "error" } });
  // A second of words: nobody stays that long.
  const reply = { chunks: ["word "], repeat: 200, paceMs: 5 };
  await stage.emulator.script({ match: content, times: "always", reply });

  await abortMany(stage, options.warmUp, options.parallel);
  const before = await settledResources(stage.gateway.pid);
  const startedAtMs = performance.now();
  await abortMany(stage, options.streams, options.parallel);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const after = await settledResources(stage.gateway.pid);
  const turns = await stage.emulator.turns();
  const unended = turns.filter(({ record }) => record.endedAtMs === undefined).length;
  const errors = stage.gateway.errors.filter((line) => line !== "").length;

  return {
    name: "aborted streams",
    figures: [
      { what: "streams", value: options.streams, unit: "" },
      { what: "streams a second", value: options.streams / seconds, unit: "/s" },
      { what: "RSS after the warm-up", value: before.residentBytes / mebibyte, unit: "MB" },
      {
        what: "RSS growth",
        value: (after.residentBytes - before.residentBytes) / mebibyte,
        unit: "MB",
        atMost: mostGrowthBytes / mebibyte,
      },
      {
        what: "new descriptors",
        value: after.descriptors - before.descriptors,
        unit: "",
        atMost: mostNewDescriptors,
      },
      { what: "generations that Qwen still makes", value: unended, unit: "", atMost: 0 },
      { what: "lines of error", value: errors, unit: "", atMost: 0 },
    ],
  };
}

async function abortMany(stage: Stage, streams: number, parallel: number): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (next < streams) await abortOne(stage, next++);
    }),
  );
  await eventually(
    async () => {
      const health = await (await stage.get("/health")).text();
      return health.includes('"openReplies":0') ? true : undefined;
    },
    () => "no open replies",
  );
}

/** By turns: after the first words, after many, before any, and while a whole answer is made. */
async function abortOne(stage: Stage, ordinal: number): Promise<void> {
  const controller = new AbortController();
  const stream = ordinal % 4 !== 3;
  const body = { messages: [{ role: "user", content }], stream };
  const answer = stage.post("/v1/chat/completions", body, { signal: controller.signal });
  if (ordinal % 4 >= 2) {
    setTimeout(() => controller.abort(), ordinal % 17);
    await answer.then((response) => response.text()).catch(() => {});
    return;
  }
  const response = await answer;
  if (response.status !== 200 || response.body === null)
    throw new Error(`a stream was refused: ${response.status} ${await response.text()}`);
  const reader = response.body.getReader();
  let words = 0;
  while (words < (ordinal % 4 === 0 ? 1 : 10)) {
    const { done, value } = await reader.read();
    if (done) throw new Error("a stream ended before its client left");
    words += Buffer.from(value).toString().split("word ").length - 1;
  }
  await reader.cancel();
}
