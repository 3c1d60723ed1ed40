// Finding a conversation among few and among many: the cost should not know the difference.

import { join } from "node:path";
import type { Continuation } from "../../contract/continuation.ts";
import { openSqliteStore } from "../../store/sqlite-store.ts";
import type { Store } from "../../store/store.ts";
import { median, percentile, row, rounded } from "./measure.ts";

const caller = "local";
const sampleCount = 2000;

export async function* benchLookups(folder: string, isFull: boolean): AsyncGenerator<string> {
  const path = join(folder, "lookups.sqlite");
  const store = openSqliteStore({ path, clock: Date.now, sessionTimeoutMs: 86_400_000 });
  let stored = 0;
  let first: number | undefined;
  for (const wanted of isFull ? [100, 10_000, 1_000_000] : [100, 10_000]) {
    for (; stored < wanted; stored++) await storeTurn(store, stored);
    const times = await sample(store, wanted);
    const p50 = median(times);
    first ??= p50;
    yield row(
      `find and lease a conversation, ${wanted.toLocaleString("en-US")} turns stored`,
      `p50 ${rounded(p50)} us`,
      `p99 ${rounded(percentile(times, 0.99))} us`,
      `${rounded(p50 / first, 2)} x first`,
    );
  }
  await store.close();
}

function fingerprintOf(turn: number) {
  const hash = new Bun.CryptoHasher("sha256").update(`turn ${turn}`).digest("hex");
  return { strict: hash, loose: `${hash}l`, lastTurn: `${hash}t` };
}

async function storeTurn(store: Store, turn: number): Promise<void> {
  const continuation: Continuation = {
    chatId: `chat ${turn}`,
    nodeId: `node ${turn}`,
    responseId: null,
    parentId: null,
  };
  const claim = await store.openConversation(caller, {
    sessionId: `session ${turn}`,
    sessionHint: undefined,
    upstream: "bench",
    account: "a",
    model: "m",
    continuation: { ...continuation, nodeId: null },
    priorReplies: 0,
    byHead: false,
    replaces: undefined,
  });
  await store.endTurn(claim, {
    fingerprint: fingerprintOf(turn),
    systemHashes: [],
    toolHashes: [],
    sessionHint: undefined,
    model: "m",
    continuation,
    settleMs: 0,
  });
}

async function sample(store: Store, stored: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < sampleCount; index++) {
    const prefixes = [fingerprintOf(Math.floor((index * stored) / sampleCount))];
    const start = Bun.nanoseconds();
    const claim = await store.beginTurn(caller, { by: "history", prefixes, systemHashes: [], sessionHint: undefined });
    times.push((Bun.nanoseconds() - start) / 1000);
    if (claim === undefined || claim === "busy") throw new Error("a stored turn was not found");
    await store.releaseTurn(claim, 0);
  }
  return times;
}
