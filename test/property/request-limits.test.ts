// The limit of requests a minute against its rule: whatever comes, and whenever, no sixty seconds have more than the limit, and
// nobody is refused who had room. Several processes share one store; the clock is moved by the runs alone.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../src/contract/gateway-error.ts";
import { createPriceOf } from "../../src/gateway/quotas/prices.ts";
import { createQuotas, type Quotas } from "../../src/gateway/quotas/quotas.ts";
import { createMemoryStore } from "../../src/store/memory-store.ts";
import { openSqliteStore } from "../../src/store/sqlite/open-store.ts";
import type { Store } from "../../src/store/store.ts";
import { openRedisStore } from "../../src/store/redis/open-store.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { findRedis, startRedis } from "../support/redis-server.ts";
import { createTestClock } from "../support/test-store.ts";
import { patienceMs, runsOf } from "./runs.ts";

const windowMs = 60_000;
/** What came within a second leaves together. */
const partMs = 1000;
/** No round number. */
const startMs = 1_790_035_212_345;

/** At which process, how long after the one before, how many at once; or a process that ends and begins anew. */
type Event =
  | { readonly kind: "ask"; readonly at: number; readonly afterMs: number; readonly times: number }
  | { readonly kind: "restart"; readonly at: number };

const pause = fc.oneof(
  fc.constantFrom(0, 1, 999, 1000, 1001, 59_000, 59_999, 60_000, 60_001, 61_000),
  fc.nat(50),
  fc.nat(3000),
  fc.integer({ min: 58_500, max: 60_500 }),
  fc.nat(70_000),
);
const eventsOf = (processes: number) =>
  fc.array(
    fc.oneof(
      {
        weight: 12,
        arbitrary: fc.record({
          kind: fc.constant("ask" as const),
          at: fc.nat(processes - 1),
          afterMs: pause,
          times: fc.oneof(fc.constant(1), fc.nat(8), fc.constant(130)),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), at: fc.nat(processes - 1) }) },
    ),
    { maxLength: 80 },
  );

interface Outcome {
  readonly atMs: number;
  readonly refused: GatewayError | undefined;
}

/** One for all processes, or one for each. */
type OpenStores = (clock: () => number, processes: number) => readonly Store[] | Promise<readonly Store[]>;

async function createWorld(openStores: OpenStores, processes: number, limit: number) {
  const clock = createTestClock(startMs);
  const stores = await openStores(clock.now, processes);
  const create = (at: number): Quotas => {
    const store = stores[at % stores.length]!;
    return createQuotas({ store, clock: clock.now, log: silentLog, priceOf: createPriceOf(), flushMs: 3_600_000 });
  };
  const all = Array.from({ length: processes }, (_, at) => create(at));
  const quota = { subject: "key:ann", limits: { requestsPerMinute: limit } };
  const outcomes: Outcome[] = [];

  async function ask(at: number): Promise<Outcome> {
    let refused: GatewayError | undefined;
    try {
      await all[at]!.count(quota);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      refused = error;
    }
    const outcome = { atMs: clock.now(), refused };
    outcomes.push(outcome);
    return outcome;
  }

  return {
    outcomes,
    clock,
    ask,
    async play(events: readonly Event[]): Promise<void> {
      for (const event of events) {
        if (event.kind === "restart") {
          await all[event.at]!.close();
          all[event.at] = create(event.at);
          continue;
        }
        clock.advance(event.afterMs);
        // As each of them does by itself a tenth of a second after it has something to tell.
        for (const one of all) await one.flush();
        await Promise.all(Array.from({ length: event.times }, () => ask(event.at)));
      }
    },
    async close(): Promise<void> {
      for (const one of all) await one.close();
      for (const store of stores) await store.close();
    },
  };
}

/** How many passed within so long before a moment, that moment included. */
function passedBefore(outcomes: readonly Outcome[], atMs: number, spanMs: number): number {
  return outcomes.filter((one) => one.refused === undefined && one.atMs > atMs - spanMs && one.atMs <= atMs).length;
}

const inMemory: OpenStores = (clock) => [createMemoryStore({ clock, sessionTimeoutMs: 1000 })];
const onDatabase: OpenStores = (clock) => [
  openSqliteStore({ clock, sessionTimeoutMs: 1000, path: ":memory:", log: silentLog }),
];

async function mustHold(world: Awaited<ReturnType<typeof createWorld>>, events: readonly Event[], limit: number) {
  await world.play(events);
  await world.close();
  for (const { atMs, refused } of world.outcomes) {
    if (refused === undefined) expect(passedBefore(world.outcomes, atMs, windowMs)).toBeLessThanOrEqual(limit);
  }
}

test(
  "no sixty seconds have more than the limit, over all processes, restarts and pauses [R2-080] [R2-085]",
  async () => {
    const [some, limits] = [fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 120 })];
    await fc.assert(
      fc.asyncProperty(some, limits, eventsOf(3), async (processes, limit, events) => {
        const within = events.map((event) => ({ ...event, at: event.at % processes }));
        await mustHold(await createWorld(inMemory, processes, limit), within, limit);
      }),
      runsOf("limits of requests over processes", 300),
    );
  },
  patienceMs,
);

test(
  "the same on a database",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), eventsOf(2), async (limit, events) => {
        await mustHold(await createWorld(onDatabase, 2, limit), events, limit);
      }),
      runsOf("limits of requests on a database", 60),
    );
  },
  patienceMs,
);

const executable = findRedis();

test.skipIf(executable === undefined)(
  "the same on a server that gateways share, each over its own connection [R2-083]",
  async () => {
    await using server = await startRedis(executable ?? "", ["--appendonly", "no"]);
    let count = 0;
    const onServer: OpenStores = (clock, processes) => {
      const shared = { url: server.url, prefix: `world-${count++}:`, clock, sessionTimeoutMs: 1000 };
      return Promise.all(Array.from({ length: processes }, () => openRedisStore(shared)));
    };
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), eventsOf(2), async (limit, events) => {
        await mustHold(await createWorld(onServer, 2, limit), events, limit);
      }),
      runsOf("limits of requests on a server", 25),
    );
  },
  patienceMs,
);

test(
  "one process refuses nobody who had room within the last 61 seconds, and Retry-After is when one more passes [R2-080]",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 120 }), eventsOf(1), async (limit, events) => {
        const world = await createWorld(inMemory, 1, limit);
        await world.play(events);
        for (const { atMs, refused } of world.outcomes) {
          if (refused === undefined) continue;
          expect(passedBefore(world.outcomes, atMs, windowMs + partMs)).toBeGreaterThanOrEqual(limit);
          expect(refused.retryAfterMs).toBeGreaterThan(0);
          expect(refused.retryAfterMs).toBeLessThanOrEqual(windowMs);
        }
        let last = await world.ask(0);
        while (last.refused === undefined) last = await world.ask(0);
        world.clock.advance((last.refused.retryAfterMs ?? 0) - 1);
        expect((await world.ask(0)).refused).toBeDefined();
        world.clock.advance(1);
        expect((await world.ask(0)).refused).toBeUndefined();
        await world.close();
      }),
      runsOf("room within limits of requests", 300),
    );
  },
  patienceMs,
);

test(
  "several processes refuse nobody who had room, but for what the others hold for the second at hand [R2-080]",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 400 }), eventsOf(3), async (limit, events) => {
        const world = await createWorld(inMemory, 3, limit);
        await world.play(events);
        const held = 2 * Math.max(0, Math.min(100, Math.floor(limit / 20)) - 1);
        for (const { atMs, refused } of world.outcomes) {
          if (refused === undefined) continue;
          expect(passedBefore(world.outcomes, atMs, windowMs + partMs)).toBeGreaterThanOrEqual(limit - held);
        }
        await world.close();
      }),
      runsOf("room over processes", 200),
    );
  },
  patienceMs,
);
