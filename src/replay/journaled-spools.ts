// Spools that begin in a journal which all streams of the process share, and in memory. What ends while it is short goes to
// the index, beside its row; what becomes long or lasts long moves to a file of its own. So most streams make no file.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../contract/thrown.ts";
import { type LeaseOwner, thisProcess } from "../store/lease-owner.ts";
import type { ReplayFrames } from "../store/replay-index.ts";
import type { Log } from "../telemetry/log.ts";
import { removeFile } from "./file-spools.ts";
import { readFromJournal } from "./journal.ts";
import {
  ignoreMissing,
  isAbandoned,
  Journals,
  type JournalsOptions,
  journalSuffix,
  type SharedJournal,
} from "./journals.ts";
import { MemorySpool } from "./memory-spools.ts";
import { type Spool, spoolOf, type Spools } from "./spool.ts";

/** `directory`: that of the files. */
export interface JournaledSpoolsOptions extends JournalsOptions {
  /** Where short spools go when they end. */
  readonly frames: ReplayFrames;
  readonly log: Log;
  /** Whose journals these are. @defaultValue this process */
  readonly owner?: LeaseOwner;
  /** Longest spool that is kept in memory and journal. @defaultValue 32_768 */
  readonly mostShortBytes?: number;
}

/** @param files where long spools go */
export function createJournaledSpools(files: Spools, options: JournaledSpoolsOptions): Spools {
  const { directory, frames, log, owner = thisProcess() } = options;
  const opened = openJournals(options, owner);
  if (opened === undefined) return files;
  const journals: Journals = opened;

  async function findJournals(): Promise<readonly string[]> {
    const names = await readdir(directory);
    return names.filter((name) => name.endsWith(journalSuffix) && !journals.names.includes(name)).sort();
  }

  /** A stream stands in one journal at most: where it begins it stays, until it moves to a file. */
  async function findLeft(streamIds: readonly string[]): Promise<readonly (readonly [string, Uint8Array])[]> {
    const wanted = new Set(streamIds);
    const found: (readonly [string, Uint8Array])[] = [];
    for (const name of await findJournals()) {
      const left = await readFromJournal(join(directory, name), wanted).catch(ignoreMissing);
      found.push(...(left ?? []));
    }
    return found;
  }

  /** @returns whether it stands in a file now */
  async function restore(streamId: string, left: Uint8Array): Promise<boolean> {
    const stored = await files.open(streamId);
    const isWhole = stored !== undefined && stored.length >= left.length;
    stored?.release();
    if (isWhole) return true;
    // It was on its way there.
    if (stored !== undefined) await files.remove(streamId);
    const file = files.create(streamId);
    file.append(left);
    const failure = await file.opened;
    file.release();
    // Another process has begun to do the same.
    if (failure === undefined || codeOf(failure) === "EEXIST") return true;
    log.error("Cannot restore what is left of a stream", { streamId }, failure);
    return false;
  }

  async function recover(streamIds: readonly string[]): Promise<ReadonlySet<string>> {
    const failed = new Set<string>();
    for (const [streamId, left] of await findLeft(streamIds)) {
      if (!(await restore(streamId, left))) failed.add(streamId);
    }
    return failed;
  }

  /** One after the other: two readers may come back to the same stream. */
  let recovering: Promise<unknown> = Promise.resolve();

  return {
    create: (streamId) => new JournaledSpool(streamId, journals, files, options),
    async open(streamId) {
      const bytes = await frames.find(streamId);
      return bytes === undefined ? await files.open(streamId) : spoolOf(bytes);
    },
    remove: (streamId) => files.remove(streamId),
    async list() {
      const short = await frames.list();
      return [
        ...(await files.list()),
        ...short.map((one) => ({ ...one, modifiedAtMs: Number.POSITIVE_INFINITY, goesWithRow: true as const })),
      ];
    },
    recover(streamIds) {
      if (streamIds.length === 0) return Promise.resolve(new Set());
      const recovered = recovering.then(() => recover(streamIds));
      recovering = recovered.catch(() => {});
      return recovered;
    },
    async findLeavings() {
      const paths: string[] = [];
      for (const name of await findJournals()) {
        const path = join(directory, name);
        if (await isAbandoned(name, path, owner)) paths.push(path);
      }
      return async () => {
        for (const path of paths) await removeFile(path);
      };
    },
    async close() {
      try {
        await journals.close();
      } catch (error) {
        log.error("Cannot remove the journal of what ran: a sweep of the next process tries again", {}, error);
      }
    },
  };
}

/** Where they cannot be made, files cannot either: each stream says so. */
function openJournals(options: JournaledSpoolsOptions, owner: LeaseOwner): Journals | undefined {
  try {
    return new Journals(options, owner);
  } catch (error) {
    options.log.error("Cannot make a journal for what runs: each stream gets a file of its own", {}, error);
    return undefined;
  }
}

const nothingToForget = (): void => {};
const nothingFailed = Promise.resolve(undefined);

class JournaledSpool implements Spool {
  readonly #streamId: string;
  readonly #journals: Journals;
  readonly #files: Spools;
  readonly #mostShortBytes: number;
  /** Undefined: it stands elsewhere. */
  #journal: SharedJournal | undefined;
  /** Undefined: it has moved. */
  #memory: MemorySpool | undefined = new MemorySpool(nothingToForget);
  #file: Spool | undefined;
  #isStoredElsewhere = false;
  #users = 1;
  length = 0;

  constructor(
    streamId: string,
    journals: Journals,
    files: Spools,
    { mostShortBytes = 32 * 1024 }: JournaledSpoolsOptions,
  ) {
    this.#streamId = streamId;
    this.#journals = journals;
    this.#files = files;
    this.#mostShortBytes = mostShortBytes;
    this.#journal = journals.enter(this);
  }

  get opened(): Promise<Error | undefined> {
    return this.#file?.opened ?? nothingFailed;
  }

  get short(): Uint8Array | undefined {
    return this.#memory?.read(0, this.length);
  }

  append(bytes: Uint8Array): void {
    // Also while it moves: until its file is there, this is what would be left of it.
    this.#journal?.file.append(this.#streamId, bytes);
    (this.#memory ?? this.#file)!.append(bytes);
    this.length += bytes.length;
    if (this.#memory !== undefined && this.length > this.#mostShortBytes) this.move();
  }

  read(offset: number, maxBytes: number): Uint8Array {
    return (this.#memory ?? this.#file)!.read(offset, maxBytes);
  }

  retain(): void {
    this.#users++;
  }

  release(): void {
    if (--this.#users > 0) return;
    // The index did not take it: it is found in its file as what was cut short.
    if (!this.#isStoredElsewhere && this.length > 0) this.move();
    if (this.#file === undefined) this.#leave();
    this.#file?.release();
  }

  storedElsewhere(): void {
    this.#isStoredElsewhere = true;
    this.#leave();
  }

  async discard(): Promise<void> {
    this.storedElsewhere();
    await this.#file?.discard();
  }

  /** To a file of its own. */
  move(): void {
    if (this.#memory === undefined || this.#isStoredElsewhere) return;
    const file = this.#files.create(this.#streamId);
    if (this.length > 0) file.append(this.#memory.read(0, this.length));
    this.#file = file;
    this.#memory = undefined;
    // A failure is told by what is appended next.
    void file.opened.then(() => this.#leave());
  }

  #leave(): void {
    if (this.#journal !== undefined) this.#journals.leave(this.#journal, this);
    this.#journal = undefined;
  }
}
