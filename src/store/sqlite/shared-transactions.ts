// Transactions that those who ask for one in the same turn of the event loop share: a commit costs more than most of the work
// in it.

import type { Database, Statement } from "bun:sqlite";
import { retryAfter, retryWhileBusy } from "../busy-retry.ts";
import { type StorageWatch, toStorageError } from "../storage-trouble.ts";

/** What follows a transaction at once, when it is committed or when it has failed for good. May not throw. */
export interface Then<Result, Answer> {
  /** @returns what whoever asked is told. */
  committed(result: Result): Answer;
  failed(): void;
}

/** Work that waits for a transaction. */
interface Job<Moment> {
  /** Within a transaction: again when that came to nothing. */
  run(moment: Moment): void;
  /** Once it is committed. */
  tell(): void;
  fail(error: unknown): void;
}

/** Who is told whether what was asked for could be written. */
export interface Watched {
  readonly watch: StorageWatch;
  /** A word for this database. */
  readonly place: string;
}

export class SharedTransactions<Moment> {
  readonly #database: Database;
  readonly #moment: () => Moment;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #jobs: Job<Moment>[] = [];
  readonly #runWaiting = (): void => this.#runBatch(this.#jobs.splice(0));
  /** Batches that wait for the lock of another process, or that one job has failed. */
  readonly #retrying = new Set<Promise<void>>();

  readonly #watched: Watched | undefined;
  #hasFailed = false;

  /** @param moment asked once for each transaction, for all work in it */
  constructor(database: Database, moment: () => Moment, watched?: Watched) {
    this.#watched = watched;
    this.#database = database;
    this.#moment = moment;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#rollback = database.prepare("ROLLBACK");
  }

  /**
   * Runs in a transaction that takes the write lock first, and is shared. `work` is run again when the lock was not to be
   * had.
   */
  write<Result>(work: (moment: Moment) => Result): Promise<Result> {
    return this.writeThen<Result, Result>(work, nothingMore);
  }

  /** The same with something to be done before anybody is told. */
  writeThen<Result, Answer>(work: (moment: Moment) => Result, then: Then<Result, Answer>): Promise<Answer> {
    const asked = new Asked(work, then);
    if (this.#jobs.push(asked) === 1) setImmediate(this.#runWaiting);
    return asked.promise;
  }

  /** The same at once and alone, without a second attempt: throws when the lock is taken. */
  writeNow<Result>(work: (moment: Moment) => Result): Result {
    this.#begin.run();
    try {
      const result = work(this.#moment());
      this.#commit.run();
      if (this.#hasFailed) this.#noteWritten();
      return result;
    } catch (error) {
      this.#takeBack();
      this.#noteFailed(error);
      throw error;
    }
  }

  /** Resolves when everything that was asked for before has been written, or has failed. */
  async flush(): Promise<void> {
    this.#runWaiting();
    while (this.#retrying.size > 0) await Promise.all(this.#retrying);
  }

  finalize(): void {
    for (const statement of [this.#begin, this.#commit, this.#rollback]) statement.finalize();
  }

  #takeBack(): void {
    // A full disk has rolled it back already.
    if (this.#database.inTransaction) this.#rollback.run();
  }

  /** Without a promise of its own: nearly every batch is written at the first attempt. */
  #runBatch(jobs: readonly Job<Moment>[]): void {
    if (jobs.length === 0) return;
    try {
      this.#runTogether(jobs);
    } catch (error) {
      const batch = this.#runAgain(jobs, error);
      this.#retrying.add(batch);
      void batch.finally(() => this.#retrying.delete(batch));
      return;
    }
    for (const job of jobs) job.tell();
  }

  #runTogether(jobs: readonly Job<Moment>[]): void {
    this.#begin.run();
    try {
      const moment = this.#moment();
      for (const job of jobs) job.run(moment);
      this.#commit.run();
      if (this.#hasFailed) this.#noteWritten();
    } catch (error) {
      this.#takeBack();
      throw error;
    }
  }

  #noteWritten(): void {
    this.#hasFailed = false;
    this.#watched?.watch.written(this.#watched.place);
  }

  #noteFailed(error: unknown): void {
    this.#hasFailed = true;
    this.#watched?.watch.failed(this.#watched.place, error);
  }

  #fail(job: Job<Moment>, error: unknown): void {
    this.#noteFailed(error);
    job.fail(toStorageError(error) ?? error);
  }

  /** Never rejects: whoever asked is told. */
  async #runAgain(jobs: readonly Job<Moment>[], failure: unknown): Promise<void> {
    try {
      await retryAfter(failure, () => this.#runTogether(jobs));
      for (const job of jobs) job.tell();
    } catch (error) {
      if (jobs.length === 1) this.#fail(jobs[0]!, error);
      // One of them failed and all are undone: each for itself, so that only that one fails. Savepoints would do the same
      // and double the cost of a transaction (they copy each page that is written).
      else for (const job of jobs) await this.#runAlone(job);
    }
  }

  async #runAlone(job: Job<Moment>): Promise<void> {
    try {
      await retryWhileBusy(() => this.writeNow((moment) => job.run(moment)));
      job.tell();
    } catch (error) {
      this.#fail(job, error);
    }
  }
}

/** A job and its promise. A closure each for running, telling and failing would be most of what a turn allocates. */
class Asked<Moment, Result, Answer> implements Job<Moment> {
  readonly #answer = Promise.withResolvers<Answer>();
  readonly #work: (moment: Moment) => Result;
  readonly #then: Then<Result, Answer>;
  #result: Result | undefined;

  constructor(work: (moment: Moment) => Result, then: Then<Result, Answer>) {
    this.#work = work;
    this.#then = then;
  }

  get promise(): Promise<Answer> {
    return this.#answer.promise;
  }

  run(moment: Moment): void {
    this.#result = this.#work(moment);
  }

  tell(): void {
    // It has run.
    this.#answer.resolve(this.#then.committed(this.#result as Result));
  }

  fail(error: unknown): void {
    this.#then.failed();
    this.#answer.reject(error);
  }
}

const nothingMore = { committed: <Result>(result: Result): Result => result, failed(): void {} };

const shared = new WeakMap<Database, SharedTransactions<void>>();

/** Those of a database that several stores write to: together, whoever of them asks. @param watched of whoever asks first */
export function transactionsOf(database: Database, watched?: Watched): SharedTransactions<void> {
  const known = shared.get(database);
  if (known !== undefined) return known;
  const transactions = new SharedTransactions<void>(database, () => {}, watched);
  shared.set(database, transactions);
  return transactions;
}
