// The journals of a process: two files that take turns, and who they belong to by their names.

import { createHash, randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../contract/thrown.ts";
import { isDead, type LeaseOwner } from "../store/lease-owner.ts";
import { Journal } from "./journal.ts";

export interface JournalsOptions {
  readonly directory: string;
  /** Beyond it streams that begin are written to another journal, and what still runs in the older one gets files. @defaultValue 67_108_864 */
  readonly mostJournalBytes?: number;
  /** The same by age: what has ended stands in the journal for about twice as long. @defaultValue 60_000 */
  readonly mostJournalAgeMs?: number;
  /** Monotonic. @defaultValue the process's own */
  readonly now?: () => number;
}

/** What stands in a journal. */
export interface Journaled {
  /** Resolves when it stands elsewhere, if it moves. */
  readonly opened: Promise<unknown>;
  /** To elsewhere. */
  move(): void;
}

export const journalSuffix = ".journal";
/** Of a process on another machine nothing can be asked: a journal is written to for as long as anything runs there. */
const strangeAgeMs = 3_600_000;

/** Two by turns: while one is written to, what began in the other comes to its end. */
export class Journals {
  readonly names: readonly string[];
  readonly #options: JournalsOptions;
  #current: SharedJournal;
  #former: SharedJournal;

  constructor(options: JournalsOptions, owner: LeaseOwner) {
    this.#options = options;
    const { directory, now = () => performance.now() } = options;
    const start = journalStart(owner);
    const one = `${start}-1${journalSuffix}`;
    const other = `${start}-2${journalSuffix}`;
    this.names = [one, other];
    this.#current = new SharedJournal(join(directory, one), now);
    this.#former = new SharedJournal(join(directory, other), now);
  }

  enter(spool: Journaled): SharedJournal {
    this.#turnIfDue();
    this.#current.spools.add(spool);
    return this.#current;
  }

  leave(journal: SharedJournal, spool: Journaled): void {
    if (!journal.spools.delete(spool)) return;
    if (journal.spools.size === 0) journal.file.empty();
    this.#turnIfDue();
  }

  async close(): Promise<void> {
    const left = [...this.#current.spools, ...this.#former.spools];
    for (const spool of left) spool.move();
    await Promise.all(left.map(({ opened }) => opened));
    for (const { file } of [this.#current, this.#former]) await file.remove();
  }

  #turnIfDue(): void {
    const { mostJournalBytes = 64 * 1024 * 1024, mostJournalAgeMs = 60_000 } = this.#options;
    const { file } = this.#current;
    const isDue = file.size > mostJournalBytes || file.ageMs > mostJournalAgeMs;
    if (this.#former.spools.size > 0) {
      if (isDue || this.#former.file.ageMs > 2 * mostJournalAgeMs) this.#former.moveAll();
      return;
    }
    if (!isDue) return;
    [this.#current, this.#former] = [this.#former, this.#current];
    this.#current.isMovedOut = false;
  }
}

export class SharedJournal {
  readonly file: Journal;
  readonly spools = new Set<Journaled>();
  /** All that was in it is on its way to files. */
  isMovedOut = false;

  constructor(path: string, now: () => number) {
    this.file = new Journal(path, now);
  }

  moveAll(): void {
    if (this.isMovedOut) return;
    this.isMovedOut = true;
    for (const spool of this.spools) spool.move();
  }
}

/** Of its own for each that writes here: a process may hold several. */
function journalStart({ ownerHost, ownerPid, ownerStartedMs }: LeaseOwner): string {
  return `${hashOf(ownerHost)}-${ownerPid}-${ownerStartedMs}-${randomBytes(4).toString("hex")}`;
}

/** Fit for a file's name. */
function hashOf(host: string): string {
  return createHash("sha256").update(host).digest("hex").slice(0, 12);
}

const form = new RegExp(`^([0-9a-f]{12})-(\\d+)-(\\d+)-[0-9a-f]{8}-[12]\\${journalSuffix}$`);

/** Whether nobody writes to it any more. */
export async function isAbandoned(name: string, path: string, observer: LeaseOwner): Promise<boolean> {
  const [, host, pid, startedMs] = form.exec(name) ?? [];
  if (host === hashOf(observer.ownerHost)) {
    return isDead(
      { ownerHost: observer.ownerHost, ownerPid: Number(pid), ownerStartedMs: Number(startedMs) },
      observer,
    );
  }
  const facts = await stat(path).catch(ignoreMissing);
  return facts !== undefined && Date.now() - facts.mtimeMs > strangeAgeMs;
}

export function ignoreMissing(error: unknown): undefined {
  if (codeOf(error) === "ENOENT") return undefined;
  throw error;
}
