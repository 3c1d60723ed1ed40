// The history in SQLite, in a database of its own that never grows beyond its budget: SQLite itself refuses a page too
// many, and the log beside it is emptied before it could grow too long.

import type { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import type { Log } from "../../telemetry/log.ts";
import { BusyError } from "../busy-retry.ts";
import { type HistoryBudget, logBytesOf } from "../history-budget.ts";
import { prepareHistoryQuestions } from "./history-questions.ts";
import { contentBytes, type HistoryStore, mostWordPieces, type NewExchange } from "../history-store.ts";
import history from "../history-migrations/001-history.sql" with { type: "text" };
import { inMemory, openDatabase } from "../open-database.ts";
import { prepareHistoryReads, historyScope } from "./history-reads.ts";

export const historyMigrations: readonly string[] = [history];

/** The index of the log: 32 KiB for each 4096 pages of it. */
const logIndexBytes = 64 * 1024;
/** Content becomes so many bytes of file, its words included; measured 1.1 to 2.4 (test/property/history.test.ts holds the budget). */
const contentFactor = 3;
/** The row, its entries in four indexes, and what is written of the pages around them. */
const exchangeBytes = 16 * 1024;
const contentsDropped = 16;
const rowsDropped = 64;
const mergePages = 16;
/** A step of merging writes before it frees what it has read, and overwrites that. */
const mergeReserveBytes = 256 * 1024;
const mergeLogShare = 0.75;
/** What is deleted is written over: so many bytes of log for each of content. */
const erasureFactor = 1.25;
const shrinkPages = 64;

/**
 * @param path of the file, or `inMemory`
 * @throws {GatewayError} when the file cannot be opened, is no database, is damaged, or belongs to a newer version.
 */
export function openSqliteHistory(path: string, budget: HistoryBudget, log: Log): HistoryStore {
  const database = openDatabase(path, log, historyMigrations);
  try {
    return createStore(database, path, budget);
  } catch (error) {
    database.close();
    throw error;
  }
}

function createStore(database: Database, path: string, budget: HistoryBudget): HistoryStore {
  const pageBytes = pragma(database, "page_size");
  let logBytes = 0;
  let mostPages = 0;
  // What is deleted is written over at once, whole pages included, and does not wait for their next use.
  database.run("PRAGMA secure_delete = ON");
  // The log is emptied here, whenever the next transaction might not fit.
  database.run("PRAGMA wal_autocheckpoint = 0");
  setBudget(budget);
  const questions = prepareHistoryQuestions(database);
  const reads = prepareHistoryReads(database);

  const bytesOf = (end: string): number => (path === inMemory ? 0 : sizeOf(path + end));
  const livePages = (): number => pragma(database, "page_count") - pragma(database, "freelist_count");

  function setBudget({ maxBytes }: HistoryBudget): void {
    logBytes = logBytesOf(maxBytes);
    mostPages = Math.floor((maxBytes - logBytes - logIndexBytes) / pageBytes);
    limitPages();
  }

  /** A file that is larger keeps its size until it has shrunk. */
  function limitPages(): void {
    database.run(`PRAGMA max_page_count = ${mostPages}`);
  }

  function checkpoint(): void {
    using statement = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    statement.get();
  }

  const hasLog = (neededBytes: number): boolean => bytesOf("-wal") + neededBytes <= logBytes;

  /** @throws {BusyError} while another process reads or writes the file, so that its log cannot be emptied */
  function reserveLog(neededBytes: number): void {
    if (!hasLog(neededBytes)) checkpoint();
    requireLog(neededBytes);
  }

  function requireLog(neededBytes: number): void {
    if (hasLog(neededBytes)) return;
    throw new BusyError("Cannot write the history: another process keeps its file open in a transaction");
  }

  /** @param neededBytes that it may write at most */
  function write<Result>(neededBytes: number, work: () => Result): Result {
    reserveLog(neededBytes);
    const writeAlone = database.transaction(() => {
      // Another process may have filled the log until the lock was ours.
      requireLog(neededBytes);
      return work();
    });
    return writeAlone.immediate();
  }

  function insertOne({ content, stream, isEstimated, ...facts }: NewExchange): number {
    const { exchangeKey } = questions.insert.get({
      ...facts,
      stream: Number(stream),
      isEstimated: Number(isEstimated),
      contentState: content === undefined ? "none" : "kept",
    })!;
    if (content === undefined) return exchangeKey;
    questions.insertContent.run({ exchangeKey, request: content.request, reply: content.reply });
    insertWords(exchangeKey, facts.caller, 0, content.words[0] ?? "");
    return exchangeKey;
  }

  function insertWords(exchangeKey: number, caller: string, piece: number, words: string): void {
    if (piece >= mostWordPieces) return;
    questions.insertWords.run({ rowid: exchangeKey * mostWordPieces + piece, scope: historyScope(caller), words });
  }

  function forget(exchangeKey: number): void {
    questions.deleteContent.run({ exchangeKey });
    const first = exchangeKey * mostWordPieces;
    questions.deleteWords.run({ first, last: first + mostWordPieces - 1 });
  }

  function forgetWhole(exchangeKey: number): void {
    forget(exchangeKey);
    questions.deleteExchange.run({ exchangeKey });
  }

  /** As many transactions as the log wants. @returns how many */
  function forgetAll(rows: readonly { readonly exchangeKey: number }[]): number {
    for (const { keys, neededBytes } of erasuresOf(rows)) {
      write(neededBytes, () => {
        for (const key of keys) forgetWhole(key);
      });
    }
    return rows.length;
  }

  /** In groups whose erasure fits half of the log each. */
  function* erasuresOf(rows: readonly { readonly exchangeKey: number }[]) {
    let keys: number[] = [];
    let neededBytes = 0;
    for (const { exchangeKey } of rows) {
      const bytes = exchangeBytes + erasureFactor * (questions.bytesOf.get({ exchangeKey })?.bytes ?? 0);
      if (keys.length > 0 && neededBytes + bytes > logBytes / 2) {
        yield { keys, neededBytes };
        [keys, neededBytes] = [[], 0];
      }
      keys.push(exchangeKey);
      neededBytes += bytes;
    }
    if (keys.length > 0) yield { keys, neededBytes };
  }

  /** The first group of the oldest: whoever makes room looks after each whether there is enough. */
  function dropContents(): number {
    const [oldest] = erasuresOf(questions.oldestContents.all({ limit: contentsDropped }));
    if (oldest === undefined) return 0;
    write(oldest.neededBytes, () => {
      for (const exchangeKey of oldest.keys) {
        forget(exchangeKey);
        questions.noteDropped.run({ exchangeKey });
      }
    });
    return oldest.keys.length;
  }

  /** What it writes over goes by how much was deleted: it has most of the log. */
  function merge(pages: number): boolean {
    return write(logBytes * mergeLogShare, () => {
      const before = questions.totalChanges.get()?.count ?? 0;
      questions.mergeSegments.run({ pages });
      // One is the command itself.
      return (questions.totalChanges.get()?.count ?? 0) - before > 1;
    });
  }

  return {
    insert: (exchanges) => write(estimate(contentBytesOf(exchanges), exchanges.length), () => exchanges.map(insertOne)),
    addWords: (exchangeKey, caller, piece, words) =>
      write(words.length * contentFactor + exchangeBytes, () => {
        if (questions.hasContent.get({ exchangeKey }) !== null) insertWords(exchangeKey, caller, piece, words);
      }),
    hasRoom: (contentBytes, exchanges) =>
      livePages() * pageBytes + estimate(contentBytes, exchanges) + mergeReserveBytes <= mostPages * pageBytes,
    dropOldest() {
      const contents = dropContents();
      if (contents > 0) return { contents, exchanges: 0 };
      return { contents: 0, exchanges: forgetAll(questions.oldest.all({ limit: rowsDropped })) };
    },
    dropExpired: (endedBeforeMs) => forgetAll(questions.endedBefore.all({ endedBeforeMs, limit: rowsDropped })),
    mergeSome: () => merge(mergePages),
    // Negative: of all segments, not only of those that have many neighbours or many gaps.
    mergeAll: () => merge(-mergePages),
    shrinkSome() {
      if (pragma(database, "freelist_count") === 0) return false;
      // Moving a page writes it and what points to it.
      reserveLog(4 * shrinkPages * pageBytes);
      using statement = database.prepare(`PRAGMA incremental_vacuum(${shrinkPages})`);
      statement.all();
      limitPages();
      return pragma(database, "freelist_count") > 0;
    },
    checkpoint,
    setBudget,
    fileBytes: () => bytesOf("") + bytesOf("-wal") + bytesOf("-shm"),
    ...reads,
    remove(scope, exchangeId) {
      const exchangeKey = reads.keyOf(scope, exchangeId);
      return exchangeKey !== undefined && forgetAll([{ exchangeKey }]) > 0;
    },
    removeKeys: (exchangeKeys) => void forgetAll(exchangeKeys.map((exchangeKey) => ({ exchangeKey }))),
    close() {
      try {
        checkpoint();
      } finally {
        database.close();
      }
    },
  };
}

function estimate(contentBytes: number, exchanges: number): number {
  return contentBytes * contentFactor + exchanges * exchangeBytes;
}

function contentBytesOf(exchanges: readonly NewExchange[]): number {
  let bytes = 0;
  for (const { content } of exchanges) if (content !== undefined) bytes += contentBytes(content);
  return bytes;
}

function pragma(database: Database, name: "page_size" | "page_count" | "freelist_count"): number {
  using statement = database.prepare<Record<string, number>, []>(`PRAGMA ${name}`);
  return statement.get()?.[name] ?? 0;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
