// The soaks in short form. `bun run soak` runs them for minutes.

import { expect, setDefaultTimeout, test } from "bun:test";
import { soakAbortedStreams } from "./aborted-streams.ts";
import { brokenBounds } from "./figures.ts";
import { findHaProxy } from "../support/haproxy.ts";
import { findRedis } from "../support/redis-server.ts";
import { soakKills } from "./kills.ts";
import { soakMixedTraffic } from "./mixed-traffic.ts";
import { soakSharedStore } from "./shared-store.ts";
import { soakSlowReaders } from "./slow-readers.ts";
import { soakTimers } from "./timers.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

test("500 aborted streams leave memory and descriptors flat [R0-036] [R0-057]", async () => {
  const soak = await soakAbortedStreams({ streams: 500, warmUp: 500, parallel: 50 });

  expect(brokenBounds(soak)).toEqual([]);
});

test("readers of 1 KB/s under 200 MB keep little in memory and hold Qwen back [R0-061]", async () => {
  const soak = await soakSlowReaders({ readers: 10, seconds: 4 });

  expect(brokenBounds(soak)).toEqual([]);
});

test("5 times kill -9 under load lose no acknowledged turn and no database [R2-078] [RC-006]", async () => {
  const soak = await soakKills({ kills: 5, talkers: 8 });

  expect(brokenBounds(soak)).toEqual([]);
});

const [redis, haproxy] = [findRedis(), findHaProxy()];

test.skipIf(redis === undefined || haproxy === undefined)(
  "three gateways over one store, killed in turn and for long, keep every conversation on its chain and limits exact [R2-079] [R2-083]",
  async () => {
    const soak = await soakSharedStore({
      ...{ redis: redis ?? "", haproxy: haproxy ?? "" },
      ...{ conversations: 200, turns: 10, parallel: 24, kills: 25, requestsPerMinute: 600 },
    });

    expect(brokenBounds(soak)).toEqual([]);
  },
  300_000,
);

test("clients of every kind under faults, reloads and backups: nothing lost, nothing twice, nothing grows [R2-078]", async () => {
  const soak = await soakMixedTraffic({ warmUpClients: 600, seconds: 45, parallel: 12 });

  expect(brokenBounds(soak)).toEqual([]);
}, 180_000);

test("and no timer stays behind them", async () => {
  const soak = await soakTimers({ warmUpClients: 100, clients: 250, parallel: 8 });

  expect(brokenBounds(soak)).toEqual([]);
}, 120_000);
