// What was sent of a stream, as another gateway sees it: how the stream is, and whether all of it is there.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { openRedisStore } from "../../../../src/store/redis/open-store.ts";
import { findRedis, startRedis } from "../../../support/redis-server.ts";
import { sessionTimeoutMs } from "../../../support/test-store.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const executable = findRedis();
const ended = { state: "ended", isInterrupted: false, endedAtMs: 2000, expiresAtMs: 3000, frames: undefined } as const;

describe.skipIf(executable === undefined)("streams on a shared store", () => {
  async function openStage() {
    const server = await startRedis(executable ?? "");
    const store = await openRedisStore({ url: server.url, clock: () => 1000, sessionTimeoutMs });
    const { replays, spools } = store.rooms;
    await replays.begin({ streamId: "s1", caller: "caller", createdAtMs: 1000 });
    await spools.append("s1", "天气");
    return {
      replays,
      spools,
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
});
