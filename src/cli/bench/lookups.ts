// Remembering a conversation and finding it again, among few and among many: the cost should not know the difference.

import { join } from "node:path";
import type { Continuation } from "../../contract/continuation.ts";
import { openSqliteStore } from "../../store/sqlite/open-store.ts";
import type { Store, TurnClaim, TurnRecord } from "../../store/store.ts";
import { median, percentile, row, rounded } from "./measure.ts";

const caller = "local";
const sampleCount = 2000;

export async function* benchLookups(folder: string, isFull: boolean): AsyncGenerator<string> {
  const path = join(folder, "lookups.sqlite");
  const store = openSqliteStore({ path, clock: Date.now, sessionTimeoutMs: 86_400_000 });
  let stored = 0;
  const first = new Map<string, number>();
  for (const wanted of isFull ? [100, 10_000, 1_000_000] : [100, 10_000]) {
    for (; stored < wanted; stored++) await storeTurn(store, stored);
    const measured = {
      "find and lease a conversation": await sample(store, wanted),
      "remember a new conversation": await timed(() => storeTurn(store, stored++)),
      "find, lease, note and remember a turn": await timed((index) => continueTurn(store, stored - 1 - index)),
    };
    for (const [name, times] of Object.entries(measured)) {
      const p50 = median(times);
      if (!first.has(name)) first.set(name, p50);
      yield row(
        `${name}, ${wanted.toLocaleString("en-US")} turns stored`,
        `p50 ${rounded(p50)} us`,
        `p99 ${rounded(percentile(times, 0.99))} us`,
        `${rounded(p50 / (first.get(name) ?? p50), 2)} x first`,
      );
    }
  }
  await store.close();
}

async function timed(work: (index: number) => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < sampleCount; index++) {
    const start = Bun.nanoseconds();
    await work(index);
    times.push((Bun.nanoseconds() - start) / 1000);
  }
  return times;
}

function fingerprintOf(turn: number | string) {
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
  await store.endTurn(claim, recordOf(turn, continuation));
}

/** As a client does that comes back with its first answer. */
async function continueTurn(store: Store, turn: number): Promise<void> {
  const claim = await begin(store, turn);
  const continuation: Continuation = { ...claim.continuation, nodeId: `node ${turn} again` };
  await store.noteReply(claim, continuation);
  await store.endTurn(claim, recordOf(`${turn} again`, continuation));
}

function recordOf(turn: number | string, continuation: Continuation): TurnRecord {
  const fingerprint = fingerprintOf(turn);
  const hashes = { systemHashes: [], toolHashes: [] };
  return { fingerprint, ...hashes, sessionHint: undefined, model: "m", continuation, settleMs: 0 };
}

async function begin(store: Store, turn: number): Promise<TurnClaim> {
  const prefixes = [fingerprintOf(turn)];
  const claim = await store.beginTurn(caller, { by: "history", prefixes, systemHashes: [], sessionHint: undefined });
  if (claim === undefined || claim === "busy") throw new Error("a stored turn was not found");
  return claim;
}

async function sample(store: Store, stored: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < sampleCount; index++) {
    const turn = Math.floor((index * stored) / sampleCount);
    const start = Bun.nanoseconds();
    const claim = await begin(store, turn);
    times.push((Bun.nanoseconds() - start) / 1000);
    await store.releaseTurn(claim, 0);
  }
  return times;
}
