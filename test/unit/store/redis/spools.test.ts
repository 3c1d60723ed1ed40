// What was sent of a stream, as another gateway sees it: how the stream is, and whether all of it is there.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createReplays } from "../../../../src/replay/create-replays.ts";
import { openRedisStore, type SharedStore } from "../../../../src/store/redis/open-store.ts";
import type { ReplayIndex } from "../../../../src/store/replay-index.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { newResponse } from "../../../support/new-response.ts";
import { findRedis, startRedis } from "../../../support/redis-server.ts";
import { abandonedFrames, interruptedFrames, stoppedFrames, textOf, ToldSource } from "../../replay/stage.ts";
import { sessionTimeoutMs } from "../../../support/test-store.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const executable = findRedis();
const ended = { state: "ended", isInterrupted: false, endedAtMs: 2000, expiresAtMs: 3000, frames: undefined } as const;

describe.skipIf(executable === undefined)("streams on a shared store", () => {
  async function openStage() {
    const server = await startRedis(executable ?? "");
    const store = await openRedisStore({ url: server.url, clock: () => 1000, sessionTimeoutMs });
    const { replays, spools, responses, wishes } = store.rooms;
    await replays.begin({ streamId: "s1", caller: "caller", createdAtMs: 1000 });
    await spools.append("s1", "天气");
    return {
      ...{ replays, spools, responses, wishes },
      async [Symbol.asyncDispose]() {
        await store.close();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  test("one that has ended is whole when all of it is there", async () => {
    await using stage = await openStage();
    expect(await stage.spools.follow("s1", 3)).toEqual({ text: "气", state: "running" });
    await stage.replays.end("s1", { ...ended, bytes: 6 });

    expect(await stage.spools.follow("s1", 6)).toEqual({ text: "", state: "whole" });
  });

  test("one whose end was not written there is torn", async () => {
    await using stage = await openStage();
    await stage.replays.end("s1", { ...ended, bytes: 7 });

    expect(await stage.spools.follow("s1", 6)).toEqual({ text: "", state: "torn" });
  });

  test("one that was removed while it runs is torn for whoever has read of it", async () => {
    await using stage = await openStage();
    await stage.spools.remove("s1");

    expect(await stage.spools.follow("s1", 6)).toEqual({ text: "", state: "torn" });
    expect(await stage.spools.follow("s1", 0)).toEqual({ text: "", state: "running" });
  });

  test("one that ends in the moment in which another gateway forgets it is read nowhere any more", async () => {
    await using server = await startRedis(executable ?? "");
    const open = () => openRedisStore({ url: server.url, clock: Date.now, sessionTimeoutMs });
    const [one, other] = [await open(), await open()];
    const replaysOf = ({ rooms }: SharedStore, index: ReplayIndex = rooms.replays) =>
      createReplays({
        ...{ index, mirror: rooms.spools, clock: Date.now, log: silentLog },
        ...{ interruptedFrames, abandonedFrames, stoppedFrames },
      });
    const here = replaysOf(one);
    const source = new ToldSource();
    const reading = textOf(here.start("me", "s9", source.say(), { resumable: true }));
    const { replays: index } = other.rooms;
    const elsewhere = replaysOf(other, {
      ...index,
      async giveUp(...asked) {
        source.end();
        await reading;
        await here.drain();
        await index.giveUp(...asked);
      },
    });
    await elsewhere.forget("me", "s9");

    for (const replays of [here, elsewhere]) {
      const failure: unknown = await replays.open("me", "s9", 0).catch((error: unknown) => error);
      expect(failure).toMatchObject({ kind: "gone" });
    }
    for (const store of [one, other]) await store.close();
  });

  test("what was deleted before it was noted is not kept, be it a stream or a response", async () => {
    await using stage = await openStage();
    for (const id of ["s2", "r1"]) await stage.wishes.wish(id);
    await stage.replays.begin({ streamId: "s2", caller: "caller", createdAtMs: 1000 });
    await stage.replays.end("s2", { ...ended, bytes: 6 });
    const response = { id: "r1", status: "completed", output: [] };
    await stage.responses.remember("caller", newResponse({ id: "r1", previousId: null, response, input: [] }));

    expect((await stage.replays.find("s2"))?.state).toBe("not-kept");
    expect(await stage.responses.find("caller", "r1")).toBeUndefined();
  });
});
