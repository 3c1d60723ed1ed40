// Clients that read a kilobyte a second of what is offered by the hundred megabytes: how much is kept for them.

import { startStage, type Stage } from "../e2e/stage.ts";
import { mebibyte, resourcesOf, type Soak, settledResources } from "./figures.ts";

export interface SlowReadersOptions {
  readonly readers: number;
  readonly seconds: number;
}

const offeredBytes = 200 * mebibyte;
const chunkBytes = 16 * 1024;
const readBytesPerSecond = 1024;

/** What the gateway may keep for one of them, buffers of its runtime included. */
const mostKeptBytes = 8 * mebibyte;
/** What Qwen may get rid of for one of them: the socket buffers of four sides, and what the gateway keeps. */
const mostTakenBytes = 48 * mebibyte;

const content = "Say more than anybody reads";

export async function soakSlowReaders({ readers, seconds }: SlowReadersOptions): Promise<Soak> {
  await using stage = await startStage({ environment: { LOG_LEVEL: "error" } });
  const reply = { chunks: ["x".repeat(chunkBytes)], repeat: offeredBytes / chunkBytes };
  await stage.emulator.script({ match: content, times: "always", reply });
  // One that is read quickly fills pools and caches.
  await (await readingOf(stage)).leaveAfter(4 * mebibyte);
  const before = await settledResources(stage.gateway.pid);

  const reading = await Promise.all(Array.from({ length: readers }, () => readingOf(stage)));
  let peakBytes = 0;
  for (let second = 0; second < seconds; second++) {
    for (const one of reading) await one.read(readBytesPerSecond);
    await Bun.sleep(1000);
    peakBytes = Math.max(peakBytes, (await resourcesOf(stage.gateway.pid)).residentBytes);
  }
  const taken = (await stage.emulator.turns()).slice(-readers).map(({ record }) => record.eventsDelivered * chunkBytes);
  for (const one of reading) await one.leave();

  return {
    name: "slow readers",
    figures: [
      { what: "readers of 1 KB/s under 200 MB each", value: readers, unit: "" },
      { what: "RSS before them", value: before.residentBytes / mebibyte, unit: "MB" },
      {
        what: "RSS growth a reader",
        value: (peakBytes - before.residentBytes) / mebibyte / readers,
        unit: "MB",
        // A single reader carries what one stream costs once.
        atMost: (mostKeptBytes * (readers === 1 ? 4 : 1)) / mebibyte,
      },
      {
        what: "most that Qwen got rid of for one",
        value: Math.max(...taken) / mebibyte,
        unit: "MB",
        atMost: mostTakenBytes / mebibyte,
      },
    ],
  };
}

interface Reading {
  /** Takes so many bytes; the socket is read only when what it gave before is used up. */
  read(bytes: number): Promise<void>;
  leave(): Promise<void>;
  leaveAfter(bytes: number): Promise<void>;
}

async function readingOf(stage: Stage): Promise<Reading> {
  const body = { messages: [{ role: "user", content }], stream: true };
  const response = await stage.post("/v1/chat/completions", body);
  if (response.status !== 200 || response.body === null) throw new Error(`a stream was refused: ${response.status}`);
  const reader = response.body.getReader();
  let left = 0;
  async function read(bytes: number): Promise<void> {
    let wanted = bytes;
    while (wanted > left) {
      wanted -= left;
      const { done, value } = await reader.read();
      if (done) throw new Error("a stream that nobody could have read has ended");
      left = value.length;
    }
    left -= wanted;
  }
  const leave = () => reader.cancel();
  return {
    read,
    leave,
    async leaveAfter(bytes) {
      await read(bytes);
      await leave();
    },
  };
}
