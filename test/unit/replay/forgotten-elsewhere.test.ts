// A stream that is forgotten by another process before its own has noted that there is one.

import { expect, test } from "bun:test";
import { createReplaysIn } from "../../../src/replay/create-replays.ts";
import { createMemorySpools } from "../../../src/replay/memory-spools.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { abandonedFrames, interruptedFrames, memoryIndex, settle, stoppedFrames, textOf, ToldSource } from "./stage.ts";

const frames = { interruptedFrames, abandonedFrames, stoppedFrames };

test("its process is told, ends it, and keeps nothing of it", async () => {
  const index = memoryIndex();
  const { promise: noted, resolve: note } = Promise.withResolvers<void>();
  const late = {
    ...index,
    async begin(row: Parameters<typeof index.begin>[0]) {
      await noted;
      await index.begin(row);
    },
  };
  const common = { clock: Date.now, log: silentLog, ...frames };
  const here = createReplaysIn(createMemorySpools(), { ...common, index: late });
  const forgetHere = (caller: string, streamId: string): void => void here.forget(caller, streamId);
  const elsewhere = createReplaysIn(createMemorySpools(), { ...common, index, forgottenElsewhere: forgetHere });
  const source = new ToldSource();
  const reading = textOf(here.start("me", "s1", source.say(), { resumable: true }));

  await elsewhere.forget("me", "s1");
  note();

  expect(await reading).toContain("stopped");
  await here.drain();
  await settle();
  for (const replays of [here, elsewhere]) {
    const failure: unknown = await replays.open("me", "s1", 0).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: "gone" });
  }
});
