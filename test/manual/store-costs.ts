// What a turn costs in each store, what a conversation takes of a shared one's memory, and a frame of its time. By hand: bun test/manual/store-costs.ts
// The figures of docs/shared-store.md come from here; both stores are asked in turn, so that a busy machine slows both.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRedisStore } from "../../src/store/redis/open-store.ts";
import { openSqliteStore } from "../../src/store/sqlite/open-store.ts";
import type { PrefixFingerprint, Store, TurnLookup } from "../../src/store/store.ts";
import { findRedis, startRedis } from "../support/redis-server.ts";

const executable = findRedis();
if (executable === undefined) process.exit(1);

const turns = 3000;
const sessionTimeoutMs = 30 * 86_400_000;
const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-costs-"));
await using server = await startRedis(executable, ["--appendfsync", "everysec"]);
const shared = await openRedisStore({ url: server.url, clock: Date.now, sessionTimeoutMs });
const stores: Readonly<Record<string, Store>> = {
  sqlite: openSqliteStore({ path: join(folder, "store.sqlite"), clock: Date.now, sessionTimeoutMs }),
  redis: shared,
};

const hashOf = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");
const fingerprintOf = (name: string): PrefixFingerprint => ({
  strict: hashOf(name),
  loose: hashOf(`${name}l`),
  lastTurn: hashOf(`${name}t`),
});
const system = [hashOf("system")];
const tools = Array.from({ length: 30 }, (_, index) => hashOf(`tool ${index}`));
const times = new Map<string, Map<string, number[]>>();

async function timed<Result>(name: string, step: string, work: () => Promise<Result>): Promise<Result> {
  const startNs = Bun.nanoseconds();
  const result = await work();
  const steps = times.get(name) ?? new Map<string, number[]>();
  const taken = steps.get(step) ?? [];
  taken.push((Bun.nanoseconds() - startNs) / 1000);
  times.set(name, steps.set(step, taken));
  return result;
}

const recordOf = (history: string, chatId: string, nodeId: string) => ({
  fingerprint: fingerprintOf(history),
  ...{ systemHashes: system, toolHashes: tools, sessionHint: undefined, model: "qwen3-max", settleMs: 0 },
  continuation: { chatId, nodeId, responseId: nodeId, parentId: crypto.randomUUID() },
});

async function converse(name: string, store: Store, index: number): Promise<void> {
  const chatId = crypto.randomUUID();
  const opened = await timed(name, "open a conversation", () =>
    store.openConversation("key:0123456789abcdef", {
      ...{
        sessionId: hashOf(`${index}`).slice(0, 32),
        sessionHint: undefined,
        upstream: "qwen-web",
        account: "account-1",
      },
      ...{ model: "qwen3-max", priorReplies: 0, byHead: false, replaces: undefined },
      continuation: { chatId, nodeId: null, responseId: null, parentId: null },
    }),
  );
  await timed(name, "end its first turn", () =>
    store.endTurn(opened, recordOf(`${index} 1`, chatId, crypto.randomUUID())),
  );
  const lookup: TurnLookup = {
    ...{ by: "history", systemHashes: system, sessionHint: undefined },
    prefixes: Array.from({ length: 20 }, (_, turn) => fingerprintOf(turn === 0 ? `${index} 1` : `${index} -${turn}`)),
  };
  const claim = await timed(name, "find and lease a turn", () => store.beginTurn("key:0123456789abcdef", lookup));
  if (claim === undefined || claim === "busy") throw new Error("not found");
  await timed(name, "end a turn", () => store.endTurn(claim, recordOf(`${index} 2`, chatId, crypto.randomUUID())));
}

const memoryOf = async (): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(String(await server.run("INFO", "memory")))?.[1]);
const before = await memoryOf();
for (let index = 0; index < turns; index++) {
  for (const [name, store] of Object.entries(stores)) await converse(name, store, index);
}
const grown = (await memoryOf()) - before;

const at = (sorted: readonly number[], part: number): string =>
  (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(0).padStart(7);
for (const [name, steps] of times) {
  for (const [step, micros] of steps) {
    const sorted = micros.slice(micros.length / 10).sort((one, other) => one - other);
    console.log(`${name.padEnd(8)}${step.padEnd(26)}p50 ${at(sorted, 0.5)} us   p99 ${at(sorted, 0.99)} us`);
  }
}
console.log(`${Math.round(grown / turns)} bytes of the server's memory a conversation of two turns`);

// A stream that can be read on: each of its frames goes to the store, unless several come within 25 ms.
const frames = 20_000;
const frame = 'id: 12\ndata: {"token":"words "}\n\n';
await server.run("CONFIG", "RESETSTAT");
for (let sent = 0; sent < frames; sent += 100) {
  await Promise.all(Array.from({ length: 100 }, (_, stream) => shared.rooms.spools.append(`stream-${stream}`, frame)));
}
const [, micros] =
  /^cmdstat_evalsha:.*usec_per_call=([\d.]+)/m.exec(String(await server.run("INFO", "commandstats"))) ?? [];
console.log(`${micros} us of the server's thread a frame of a stream that can be read on`);
for (const store of Object.values(stores)) await store.close();
rmSync(folder, { recursive: true, force: true });
