// How much all spools together may hold: counted here, and made by removing what ended first.

import type { ReplayIndex } from "../store/replay-index.ts";
import type { Log } from "../telemetry/log.ts";
import type { Spool, Spools, StoredSpool } from "./spool.ts";

/** A stream, as far as it is counted. */
export interface Counted {
  readonly spool: { readonly length: number };
  /** Set: its spool counts no longer. */
  readonly unkept: unknown;
}

export interface SpoolRoomOptions {
  readonly spools: Spools;
  readonly index: ReplayIndex;
  /** Streams that run in this process, by id. */
  readonly here: ReadonlyMap<string, Counted>;
  readonly maxBytes: number;
  readonly log: Log;
}

/** Asked of the index at a time. */
const removedAtOnce = 16;

export class SpoolRoom {
  readonly #options: SpoolRoomOptions;
  #usedBytes = 0;
  /** Streams that wait for room wait for the same one. */
  #removal: Promise<boolean> | undefined;
  #counting: Promise<void> | undefined;
  /** Spools that ended or were removed while others are counted, with what they hold. */
  readonly #settledMeanwhile = new Map<string, number>();

  constructor(options: SpoolRoomOptions) {
    this.#options = options;
  }

  fits(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.#options.maxBytes;
  }

  add(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** @returns whether so many bytes fit now. Never rejects. */
  async make(bytes: number): Promise<boolean> {
    if (bytes > this.#options.maxBytes) return false;
    while (!this.fits(bytes)) {
      this.#removal ??= this.#removeSome(bytes).finally(() => {
        this.#removal = undefined;
      });
      if (!(await this.#removal)) return false;
    }
    return true;
  }

  /** A stream runs here no more, or its spool is removed. */
  settled(streamId: string, bytes: number): void {
    if (this.#counting !== undefined) this.#settledMeanwhile.set(streamId, bytes);
  }

  /** Never rejects. @param bytes of the spool, as far as it was counted */
  async remove(streamId: string, bytes: number, work = () => this.#options.spools.remove(streamId)): Promise<void> {
    try {
      await work();
      this.settled(streamId, 0);
      this.#usedBytes = Math.max(this.#usedBytes - bytes, 0);
    } catch (error) {
      this.#options.log.error(
        "Cannot remove what was kept of a stream: the next sweep tries again",
        { streamId },
        error,
      );
    }
  }

  /** The same for the spool of a stream that runs or ends here. */
  discard(streamId: string, spool: Spool): Promise<void> {
    return this.remove(streamId, spool.length, () => spool.discard());
  }

  /**
   * Counts anew: other processes may use the directory, and an earlier one has.
   * @returns all that is there.
   */
  async count(): Promise<readonly StoredSpool[]> {
    // Not together with one that has begun: it may have passed what came since.
    while (this.#counting !== undefined) await this.#counting;
    const counting = this.#countAll();
    this.#counting = counting.then(
      () => this.#endCount(),
      () => this.#endCount(),
    );
    return await counting;
  }

  #endCount(): void {
    this.#counting = undefined;
    this.#settledMeanwhile.clear();
  }

  async #countAll(): Promise<readonly StoredSpool[]> {
    const { here, spools } = this.#options;
    const stored = await spools.list();
    let usedBytes = 0;
    for (const { streamId, bytes } of stored) {
      if (!here.has(streamId) && !this.#settledMeanwhile.has(streamId)) usedBytes += bytes;
    }
    // Of those that moved while files were listed, what is known here.
    for (const bytes of this.#settledMeanwhile.values()) usedBytes += bytes;
    for (const { spool, unkept } of here.values()) if (unkept === undefined) usedBytes += spool.length;
    this.#usedBytes = usedBytes;
    return stored;
  }

  /** Somewhat more than is needed, so that not every chunk has to ask. @returns false when there is nothing to remove. */
  async #removeSome(bytes: number): Promise<boolean> {
    const { index, log, maxBytes } = this.#options;
    try {
      const oldest = await index.listOldestEnded(removedAtOnce);
      const goalBytes = maxBytes - Math.max(bytes, maxBytes / 64);
      const removed: string[] = [];
      for (const { streamId, bytes: kept } of oldest) {
        if (this.#usedBytes <= goalBytes && removed.length > 0) break;
        await this.remove(streamId, kept);
        removed.push(streamId);
      }
      if (removed.length > 0) await index.expire(removed);
      return removed.length > 0;
    } catch (error) {
      log.error("Cannot make room for streams", {}, error);
      return false;
    }
  }
}
