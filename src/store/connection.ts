// One open database with its questions, as the halves of the SQLite driver share it.

import type { Database, Statement } from "bun:sqlite";
import type { Log } from "../telemetry/log.ts";
import { silentLog } from "../telemetry/log.ts";
import { retryWhileBusy } from "./busy-retry.ts";
import { openDatabase } from "./open-database.ts";
import type { Questions } from "./questions.ts";
import { prepareQuestions } from "./questions.ts";
import type { StoreOptions } from "./store-options.ts";

/** What time it is for one transaction. */
export interface Moment {
  readonly nowMs: number;
  /** Conversations that were last accessed before it are expired. */
  readonly oldestMs: number;
}

/** Works in a transaction; what it returns tells the result once that is committed. */
type Job = (moment: Moment) => () => void;

interface WaitingJob {
  readonly job: Job;
  reject(error: unknown): void;
}

export class Connection {
  readonly questions: Questions;
  readonly log: Log;
  readonly #options: StoreOptions;
  readonly #database: Database;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #jobs: WaitingJob[] = [];
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  constructor(options: StoreOptions & { path: string }) {
    this.#options = options;
    this.log = options.log ?? silentLog;
    this.#database = openDatabase(options.path, this.log);
    this.questions = prepareQuestions(this.#database);
    this.#begin = this.#database.prepare("BEGIN IMMEDIATE");
    this.#commit = this.#database.prepare("COMMIT");
    this.#rollback = this.#database.prepare("ROLLBACK");
  }

  /**
   * Runs in a transaction that takes the write lock first. Whatever asks for one while the event loop is busy shares it:
   * a commit costs more than most of the work in it. `work` is run again when the lock was not to be had.
   */
  write<Result>(work: (moment: Moment) => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      const job: Job = (moment) => {
        const result = work(moment);
        return () => resolve(result);
      };
      this.#jobs.push({ job, reject });
      if (this.#jobs.length === 1) setImmediate(() => void this.#runJobs());
    });
  }

  /** The same at once and alone, without a second attempt: throws when the lock is taken. */
  writeNow<Result>(work: (moment: Moment) => Result): Result {
    this.#begin.run();
    try {
      const result = work(this.moment());
      this.#commit.run();
      return result;
    } catch (error) {
      // A full disk has rolled it back already.
      if (this.#database.inTransaction) this.#rollback.run();
      throw error;
    }
  }

  /** For work with `writeNow` that cannot share a transaction: again when the lock was not to be had. */
  retry(work: () => void): Promise<void> {
    return retryWhileBusy(work);
  }

  /** Resolves when everything that was asked for before has been written, or has failed. */
  async flush(): Promise<void> {
    await this.#runJobs();
    // Batches that wait for the lock of another process.
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #runJobs(): Promise<void> {
    const batch = this.#runBatch(this.#jobs.splice(0));
    this.#running.add(batch);
    void batch.finally(() => this.#running.delete(batch));
    return batch;
  }

  /** Never rejects: whoever asked is told. */
  async #runBatch(jobs: readonly WaitingJob[]): Promise<void> {
    if (jobs.length === 0) return;
    try {
      const tell = await retryWhileBusy(() => this.writeNow((moment) => jobs.map(({ job }) => job(moment))));
      for (const tellResult of tell) tellResult();
    } catch (error) {
      if (jobs.length === 1) jobs[0]?.reject(error);
      // One of them failed and all are undone: each for itself, so that only that one fails. Savepoints would do the same
      // and double the cost of a transaction (they copy each page that is written).
      else for (const one of jobs) await this.#runAlone(one);
    }
  }

  async #runAlone({ job, reject }: WaitingJob): Promise<void> {
    try {
      const tellResult = await retryWhileBusy(() => this.writeNow(job));
      tellResult();
    } catch (error) {
      reject(error);
    }
  }

  /** Readers see one committed state and wait for nobody; the retry is for the moments after a crash. */
  read<Result>(work: (moment: Moment) => Result): Promise<Result> {
    return retryWhileBusy(() => work(this.moment()));
  }

  moment(): Moment {
    const nowMs = this.#options.clock();
    return { nowMs, oldestMs: nowMs - this.#options.sessionTimeoutMs };
  }

  /** Gives freed pages back to the file system, a bounded number at a time. */
  shrink(): void {
    using statement = this.#database.prepare("PRAGMA incremental_vacuum(256)");
    statement.all();
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
    this.questions.finalizeAll();
    for (const statement of [this.#begin, this.#commit, this.#rollback]) statement.finalize();
    this.#database.close();
  }
}
