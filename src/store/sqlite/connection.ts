// One open database with its questions, as the parts of the SQLite driver share it.

import type { Database } from "bun:sqlite";
import type { Log } from "../../telemetry/log.ts";
import { silentLog } from "../../telemetry/log.ts";
import { retryWhileBusy } from "../busy-retry.ts";
import { type CallerQuestions, prepareCallerQuestions } from "./caller-questions.ts";
import { createFileWatch, type FileWatch } from "./file-watch.ts";
import { migrations, rewriteVersion } from "../migrate.ts";
import { openDatabase } from "../open-database.ts";
import type { Questions } from "./questions.ts";
import { prepareQuestions } from "./questions.ts";
import { SharedTransactions, type Then } from "./shared-transactions.ts";
import type { StoreOptions } from "../store-options.ts";

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
  readonly #transactions: SharedTransactions<Moment>;
  readonly #file: FileWatch | undefined;
  #callerQuestions: CallerQuestions | undefined;
  #closed = false;

  constructor(options: StoreOptions & { path: string }) {
    this.#options = options;
    this.log = options.log ?? silentLog;
    this.#database = openDatabase(options.path, this.log, migrations, options.copying);
    this.questions = prepareQuestions(this.#database);
    const { watch } = options;
    this.#file = watch && createFileWatch(options.path, watch, "file of turns");
    this.#transactions = new SharedTransactions(
      this.#database,
      () => this.moment(),
      watch && { watch, place: "turns" },
    );
  }

  /** Prepared with the first of them. */
  get callerQuestions(): CallerQuestions {
    this.#callerQuestions ??= prepareCallerQuestions(this.#database);
    return this.#callerQuestions;
  }

  /** @see SharedTransactions */
  write<Result>(work: (moment: Moment) => Result): Promise<Result> {
    return this.#transactions.write(work);
  }

  writeThen<Result, Answer>(work: (moment: Moment) => Result, then: Then<Result, Answer>): Promise<Answer> {
    return this.#transactions.writeThen(work, then);
  }

  writeNow<Result>(work: (moment: Moment) => Result): Result {
    return this.#transactions.writeNow(work);
  }

  /** For work with `writeNow` that cannot share a transaction: again when the lock was not to be had. */
  retry(work: () => void): Promise<void> {
    return retryWhileBusy(work);
  }

  /** Resolves when everything that was asked for before has been written, or has failed. */
  flush(): Promise<void> {
    return this.#transactions.flush();
  }

  /** Readers see one committed state and wait for nobody; the retry is for the moments after a crash. */
  read<Result>(work: (moment: Moment) => Result): Promise<Result> {
    return retryWhileBusy(() => work(this.moment()));
  }

  moment(): Moment {
    const nowMs = this.#options.clock();
    return { nowMs, oldestMs: nowMs - this.#options.sessionTimeoutMs };
  }

  /** Writes what is there already, and looks whether it is there. @throws as every write does */
  probe(): Promise<void> {
    this.#file?.look();
    return this.write(() => rewriteVersion(this.#database));
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
    this.#callerQuestions?.finalizeAll();
    this.#transactions.finalize();
    this.#database.close();
  }
}
