// Other limits and keys without a stop: they hold at the next request, and what was counted goes on.

import { expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import { bearer, keysBeside } from "../support/keys-beside.ts";
import { readLive } from "../support/live-stream.ts";
import { createTestClock } from "../support/test-store.ts";
import { user } from "./client.ts";

const hello = { model: "qwen3-max", messages: [user("Hello")] };
/** The beginning of a minute, and of a day in UTC. */
const startMs = 1_790_035_200_000;

async function startCounted(environment: Record<string, string>) {
  const clock = createTestClock(startMs);
  const harness = await startHarness({ environment, clock: clock.now });
  /** Statuses of so many requests, one after the other. */
  const send = async (times: number, key = "one", more: Record<string, string> = {}): Promise<number[]> => {
    const statuses: number[] = [];
    for (let index = 0; index < times; index++) {
      const answer = await harness.chat(hello, { headers: { ...bearer(key), ...more } });
      await answer.text();
      statuses.push(answer.status);
    }
    return statuses;
  };
  return { harness, send, [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose]() };
}

test("a limit of requests and a key that a reload changes hold at the next request, and counts go on [R2-080]", async () => {
  await using world = await startCounted({ API_KEY: "one", LIMIT_REQUESTS_PER_MINUTE: "2000" });
  const { harness, send } = world;
  const stored = await keysBeside(harness).create("ann", { limits: { requestsPerMinute: 2 } });
  expect([await send(1), await send(1, stored)]).toEqual([[200], [200]]);

  await harness.reload({ API_KEY: "one,two", LIMIT_REQUESTS_PER_MINUTE: "2" });
  expect([await send(2), await send(2, stored), await send(3, "two")]).toEqual([
    [200, 429],
    [200, 429],
    [200, 200, 429],
  ]);
  await harness.reload({ API_KEY: "one", LIMIT_REQUESTS_PER_MINUTE: "3" });
  expect([await send(2), await send(1, "two"), await send(1, stored)]).toEqual([[200, 429], [401], [429]]);
  await harness.reload({ LIMIT_REQUESTS_PER_MINUTE: undefined });
  expect([await send(2), await send(1, stored)]).toEqual([[200, 200], [429]]);
  await harness.reload({ LIMIT_REQUESTS_PER_MINUTE: "4" });
  expect(await send(2)).toEqual([200, 429]);
  // What the process counted is in the file.
  await harness.restart();
  expect([await send(1), await send(1, stored)]).toEqual([[429], [429]]);
});

test("a session's limit comes and goes with a reload", async () => {
  await using world = await startCounted({ API_KEY: "one", SESSION_REQUESTS_PER_MINUTE: "1" });
  const { harness, send } = world;
  const session = { "x-session-id": "desk" };
  expect(await send(2, "one", session)).toEqual([200, 429]);
  await harness.reload({ SESSION_REQUESTS_PER_MINUTE: "2" });
  expect(await send(2, "one", session)).toEqual([200, 429]);
  await harness.reload({ SESSION_REQUESTS_PER_MINUTE: undefined });
  expect(await send(1, "one", session)).toEqual([200]);
});

test("a price that a reload changes counts for the next reply, and dollars that were spent stay spent", async () => {
  const priced = (input: number) => JSON.stringify({ "qwen3-max": { input, output: 0 } });
  await using world = await startCounted({ API_KEY: "one", LIMIT_SPEND_PER_DAY: "0.001", PRICES: priced(0) });
  const { harness, send } = world;
  expect(await send(3)).toEqual([200, 200, 200]);
  await harness.reload({ PRICES: priced(1_000_000) });
  expect(await send(2)).toEqual([200, 429]);
  await harness.reload({ PRICES: priced(0) });
  expect(await send(1)).toEqual([429]);
  await harness.reload({ LIMIT_SPEND_PER_DAY: "1000000" });
  expect(await send(1)).toEqual([200]);
});

test("MAX_STREAMS_PER_KEY of a reload counts replies that run already, and their ends once [R0-065]", async () => {
  await using world = await startCounted({ API_KEY: "one,two" });
  const { harness, send } = world;
  harness.emulator.script({ gate: "g", reply: { text: "one two three" } });
  harness.emulator.release("g", 2);
  const live = readLive(await harness.chat({ ...hello, stream: true }, { headers: bearer("one") }));
  await live.nextText();

  await harness.reload({ MAX_STREAMS_PER_KEY: "1" });
  expect([await send(1), await send(1, "two")]).toEqual([[429], [200]]);
  await harness.reload({ MAX_STREAMS_PER_KEY: "2" });
  expect(await send(2)).toEqual([200, 200]);
  await harness.reload({ MAX_STREAMS_PER_KEY: "1" });
  harness.emulator.release("g", "all");
  await live.rest();
  expect(await send(2)).toEqual([200, 200]);
});
