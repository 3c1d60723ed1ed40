// A process for crash.test.ts: streams without end to its output, until it is killed or its source has said enough.

import { writeSync } from "node:fs";
import { createReplays } from "../../../src/replay/create-replays.ts";
import { openChatDatabase } from "../../../src/store/chat-database.ts";
import { createSqliteReplayIndex } from "../../../src/store/sqlite/replay-index.ts";
import { type Log, silentLog } from "../../../src/telemetry/log.ts";
import { chunkOf, interruptedFrames, stoppedFrames } from "./stage.ts";

const [directory = "", databasePath = "", frameCount = "", dataChars = "500"] = process.argv.slice(2);

const log: Log = { ...silentLog, error: (message) => console.error(message) };
const replays = createReplays({
  directory,
  index: createSqliteReplayIndex(openChatDatabase(databasePath, silentLog)),
  clock: Date.now,
  log,
  interruptedFrames,
  stoppedFrames,
});

let lastId = 0;
const source = {
  async next() {
    await new Promise(setImmediate);
    if (lastId >= Number(frameCount)) return undefined;
    const firstId = lastId + 1;
    lastId += 3;
    return chunkOf(firstId, lastId, "x".repeat(Number(dataChars)));
  },
  cancel() {},
};

// What is written here was sent.
for await (const bytes of replays.start("me", "s1", source, { resumable: true })) writeSync(1, bytes);
await replays.close();
