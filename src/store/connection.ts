// One open database with its questions, as the halves of the SQLite driver share it.

import type { Database } from "bun:sqlite";
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

export class Connection {
  readonly questions: Questions;
  readonly log: Log;
  readonly #options: StoreOptions;
  readonly #database: Database;
  #closed = false;

  constructor(options: StoreOptions & { path: string }) {
    this.#options = options;
    this.log = options.log ?? silentLog;
    this.#database = openDatabase(options.path, this.log);
    this.questions = prepareQuestions(this.#database);
  }

  /** One transaction that takes the write lock first. `work` is run again when the lock was not to be had. */
  write<Result>(work: (moment: Moment) => Result): Promise<Result> {
    return retryWhileBusy(() => this.writeNow(work));
  }

  /** The same without a second attempt: throws when the lock is taken. */
  writeNow<Result>(work: (moment: Moment) => Result): Result {
    this.#database.run("BEGIN IMMEDIATE");
    try {
      const result = work(this.moment());
      this.#database.run("COMMIT");
      return result;
    } catch (error) {
      // A full disk has rolled it back already.
      if (this.#database.inTransaction) this.#database.run("ROLLBACK");
      throw error;
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
    this.#database.close();
  }
}
