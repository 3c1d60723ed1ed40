// One group of exchanges into the file: room is made first, from the oldest on, in short steps with others in between.

import { othersFirst } from "../contract/others-first.ts";
import { settledWithin } from "../contract/settled-within.ts";
import type { WordReader } from "../documents/search-words.ts";
import { retryWhileBusy } from "../store/busy-retry.ts";
import { contentBytes, type HistoryStore, type NewExchange } from "../store/history-store.ts";
import type { Log } from "../telemetry/log.ts";
import type { EndedExchange } from "./ended-exchange.ts";
import { searchWords } from "./search-words.ts";

export interface OpenedHistory {
  readonly store: HistoryStore;
  readonly reader: WordReader;
}

export interface WrittenGroup {
  readonly written: number;
  readonly droppedContents: number;
  readonly droppedExchanges: number;
}

type Ended = Omit<NewExchange, "content"> & Pick<EndedExchange, "content">;

/** @throws {Error} of the database, when nothing of the group was written */
export async function writeGroup({ store, reader }: OpenedHistory, group: readonly Ended[]): Promise<WrittenGroup> {
  const exchanges: NewExchange[] = [];
  let bytes = 0;
  for (const { content, ...exchange } of group) {
    if (content === undefined) exchanges.push(exchange);
    else {
      bytes += contentBytes(content);
      exchanges.push({ ...exchange, content: { ...content, words: await searchWords(content, reader) } });
    }
  }
  const dropped = await makeRoom(store, bytes, exchanges.length);
  if (!dropped.hasRoom) return { written: 0, ...dropped };
  const keys = await retryWhileBusy(() => store.insert(exchanges));
  await othersFirst();
  for (const [index, { caller, content }] of exchanges.entries()) {
    for (const [piece, words] of (content?.words ?? []).entries()) {
      if (piece === 0) continue;
      await retryWhileBusy(() => store.addWords(keys[index]!, caller, piece, words));
      await othersFirst();
    }
  }
  await retryWhileBusy(() => store.mergeSome());
  return { written: exchanges.length, ...dropped };
}

async function makeRoom(store: HistoryStore, bytes: number, exchanges: number) {
  let [droppedContents, droppedExchanges] = [0, 0];
  while (!store.hasRoom(bytes, exchanges)) {
    const dropped = await retryWhileBusy(() => store.dropOldest());
    droppedContents += dropped.contents;
    droppedExchanges += dropped.exchanges;
    await finish(() => store.mergeSome());
    if (dropped.contents + dropped.exchanges > 0) continue;
    return { hasRoom: store.hasRoom(bytes, exchanges), droppedContents, droppedExchanges };
  }
  return { hasRoom: true, droppedContents, droppedExchanges };
}

/** Forgets what ended before, and gives its room back. */
export async function tidy(store: HistoryStore, endedBeforeMs: number): Promise<void> {
  await finish(() => store.dropExpired(endedBeforeMs) > 0);
  await finish(() => store.shrinkSome());
  // Also what an earlier process left, or a budget that was larger.
  while (!store.hasRoom(0, 0)) {
    const { contents, exchanges } = await retryWhileBusy(() => store.dropOldest());
    await finish(() => store.mergeSome());
    if (contents + exchanges === 0) break;
  }
  await shrink(store);
}

/**
 * Takes the words of what was deleted out of the index, and gives the room back: nothing of it is left in the file then. Of
 * a large index that takes seconds: whoever waits for it does so within `limitMs`, and it goes on behind.
 */
export async function scrub(store: HistoryStore, limitMs: number, log: Log): Promise<void> {
  const work = scrubAll(store);
  const told = work.catch((error: unknown) =>
    log.warn("Cannot tidy up the history after a deletion: it is deleted, and its room not free", {
      reason: String(error),
    }),
  );
  await settledWithin(told, limitMs);
}

async function scrubAll(store: HistoryStore): Promise<void> {
  await finish(() => store.shrinkSome());
  await finish(() => store.mergeAll());
  await shrink(store);
}

/**
 * Gives the room of what was deleted back to the disk, so that nothing of it remains in the file. First that of contents: where
 * much of the index was deleted, one step of merging writes over all of that, more than its log may have, and has this room then.
 */
async function shrink(store: HistoryStore): Promise<void> {
  await finish(() => store.shrinkSome());
  await finish(() => store.mergeSome());
  await finish(() => store.shrinkSome());
  await retryWhileBusy(() => store.checkpoint());
}

/** Runs it until it has nothing more to do, with others in between. */
async function finish(step: () => boolean): Promise<void> {
  while (await retryWhileBusy(step)) await othersFirst();
}
