// What was deleted leaves the file as well, behind whoever deleted it: SQLite writes over it at once (secure_delete), and then
// stand the words of it in a search index and its former pages in the log. Both go here, soon and together.

import type { Database } from "bun:sqlite";
import { settledWithin } from "../../contract/settled-within.ts";
import { retryWhileBusy } from "../busy-retry.ts";

export interface Erasure {
  /** Something was deleted. Costs nothing now; what is left of it goes within some moments, or with the next deletion. */
  note(what: "rows" | "words"): void;
  /** How words leave the index: a short step, and whether there may be more to do. */
  mergeBy(step: () => Promise<boolean>): void;
  /** Resolves when what was noted is gone, or could not be made to. Never rejects. */
  settled(): Promise<void>;
  /** Before the database is closed. Never rejects. */
  close(): Promise<void>;
}

/** Deletions that follow one another are cleared away together. */
const gatherMs = 250;
/** While somebody reads the database its log cannot be emptied. */
const retryMs = 1000;
const mostAttempts = 30;
/** A large index takes longer: what is left of its words goes with the next deletion. */
const mostCloseMs = 2000;

const erasures = new WeakMap<Database, Erasure>();

/** One for all stores over a database. */
export function erasureOf(database: Database): Erasure {
  const known = erasures.get(database);
  if (known !== undefined) return known;
  const created = createErasure(database);
  erasures.set(database, created);
  return created;
}

/** @param clearLog of the database; false while somebody else holds it */
export function createErasure(database: Database, clearLog = (): boolean => truncateLog(database)): Erasure {
  let mergeStep: (() => Promise<boolean>) | undefined;
  let isWanted = false;
  let hasWords = false;
  let isClosed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let work: Promise<void> | undefined;
  let attempts = 0;

  function plan(afterMs: number): void {
    if (isClosed) return;
    timer ??= setTimeout(run, afterMs).unref();
  }

  function run(): void {
    clearTimeout(timer);
    timer = undefined;
    work ??= clear().finally(() => {
      work = undefined;
      if (isWanted) plan(retryMs);
    });
  }

  async function clear(): Promise<void> {
    isWanted = false;
    try {
      if (hasWords) await mergeAll();
      const isDone = isClosed || (await retryWhileBusy(clearLog));
      attempts = isDone ? 0 : attempts + 1;
      isWanted ||= !isDone && attempts < mostAttempts;
    } catch {
      // A disk that takes no writes is told by what writes there, and the next deletion tries again.
    }
  }

  async function mergeAll(): Promise<void> {
    hasWords = false;
    try {
      while (!isClosed && (await mergeStep?.()) === true);
    } catch (error) {
      hasWords = true;
      throw error;
    }
  }

  return {
    note(what) {
      isWanted = true;
      attempts = 0;
      hasWords ||= what === "words";
      plan(gatherMs);
    },
    mergeBy(step) {
      mergeStep = step;
    },
    async settled() {
      await work;
      if (isWanted) run();
      await work;
    },
    async close() {
      if (isWanted) run();
      if (work !== undefined) await settledWithin(work, mostCloseMs);
      isClosed = true;
      clearTimeout(timer);
      await work;
    },
  };
}

/** @returns false while somebody reads what stands in the log */
function truncateLog(database: Database): boolean {
  using statement = database.prepare<{ busy: number }, []>("PRAGMA wal_checkpoint(TRUNCATE)");
  return (statement.get()?.busy ?? 0) === 0;
}
