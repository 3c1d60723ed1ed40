// Streams that run no more: read from their spools, swept when they have expired, cut short where their process died.

import { GatewayError } from "../contract/gateway-error.ts";
import type { Clock } from "../contract/clock.ts";
import type { LeaseOwner } from "../store/lease-owner.ts";
import type { ReplayIndex, ReplayRecord } from "../store/replay-index.ts";
import { RunsElsewhere } from "../store/runs-elsewhere.ts";
import type { StopWishes } from "../store/stop-wishes.ts";
import type { Log } from "../telemetry/log.ts";
import { endsWith, findFrame, findWholeFrames } from "./find-frames.ts";
import { FollowedStream } from "./followed-stream.ts";
import type { Mirror } from "./mirrored-spools.ts";
import { Reader, type ReaderClock, type ReaderLimits, type Supply } from "./reader.ts";
import type { EndingFrames, IsEnding, ReaderHooks } from "./replays.ts";
import { emptySpool, type SpoolReader, type Spools, spoolUpTo } from "./spool.ts";
import type { SpoolRoom } from "./spool-room.ts";

/** Files of no stream that are younger may belong to one whose row another process is writing. */
const orphanAgeMs = 10 * 60_000;
/** Looked up in the index at a time. */
const lookedUpAtOnce = 200;

export interface EndedReplaysOptions {
  readonly index: ReplayIndex;
  readonly spools: Spools;
  readonly room: SpoolRoom;
  readonly clock: Clock;
  readonly readerClock: ReaderClock;
  readonly keepMs: number;
  readonly log: Log;
  readonly interruptedFrames: EndingFrames;
  readonly isEnding?: IsEnding | undefined;
  /** Where other gateways see what is sent, and their streams are seen. */
  readonly mirror?: Mirror | undefined;
  /** By them other gateways stop what they run. @defaultValue nobody can be asked */
  readonly wishes?: StopWishes | undefined;
  /** The stream runs here, or has not told the index yet that it has ended. */
  isHere(streamId: string): boolean;
}

export class EndedReplays {
  readonly #options: EndedReplaysOptions;
  readonly #reading = new Set<EndedSupply | FollowedStream>();

  constructor(options: EndedReplaysOptions) {
    this.#options = options;
  }

  get isRead(): boolean {
    return this.#reading.size > 0;
  }

  tick(nowMs: number, limits: ReaderLimits): void {
    for (const supply of this.#reading) supply.tick(nowMs, limits);
  }

  /** @throws {GatewayError} `not-found`, for another caller as well */
  async find(caller: string, streamId: string): Promise<ReplayRecord> {
    const record = await this.#options.index.find(streamId);
    if (record === undefined || record.caller !== caller) throw noSuchStream();
    return record;
  }

  /**
   * Has one that runs in another process stop.
   * @returns false when it runs nowhere
   * @throws {GatewayError} `not-found`; `RunsElsewhere` where no wish reaches that process
   */
  async stop(caller: string, streamId: string): Promise<boolean> {
    const { state, owner, runner } = await this.find(caller, streamId);
    if (state !== "running" || owner !== "another process") return false;
    const { wishes } = this.#options;
    if (wishes === undefined) throw runsElsewhere(runner);
    await wishes.wish(streamId);
    return true;
  }

  /**
   * @returns undefined when nothing is behind `afterId`
   * @throws {GatewayError} `gone`; `RunsElsewhere` while it runs in another process and cannot be seen from here
   */
  async open(
    record: ReplayRecord,
    afterId: number,
    reader?: ReaderHooks,
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    const { clock, spools } = this.#options;
    if (record.state === "too-long" || record.state === "not-kept" || record.state === "expired") {
      throw streamGone(record.state);
    }
    if (record.expiresAtMs !== undefined && record.expiresAtMs <= clock()) throw streamGone("expired");
    if (record.state === "running" && record.owner === "another process") return this.#follow(record, afterId, reader);
    if (record.state === "running") await this.#recover(record.streamId);
    const stored = await spools.open(record.streamId);
    if (stored === undefined && record.bytes > 0) throw streamGone("expired");
    const spool = stored ?? emptySpool;
    try {
      // A part of it would be taken for the whole.
      if (record.state === "ended" && !record.isInterrupted && spool.length < record.bytes)
        throw streamGone("not-kept");
      if (record.state === "running") await this.#noteIfPossible(record, spool.length);
      if (record.state === "running" || record.isInterrupted) {
        return await this.#openCutShort(record.streamId, spool, afterId, reader);
      }
      return this.#read(spool, await findFrame(spool, afterId + 1), reader);
    } catch (error) {
      spool.release();
      throw error;
    }
  }

  /** @throws {GatewayError} `RunsElsewhere` where nobody sees what other processes send */
  #follow(
    { streamId, runner }: ReplayRecord,
    afterId: number,
    hooks: ReaderHooks | undefined,
  ): Promise<ReadableStream<Uint8Array>> {
    const { mirror, readerClock: clock, interruptedFrames, isEnding } = this.#options;
    if (mirror === undefined) throw runsElsewhere(runner);
    const left = (one: FollowedStream): void => void this.#reading.delete(one);
    const followed = new FollowedStream({ mirror, streamId, afterId, clock, hooks, interruptedFrames, isEnding, left });
    this.#reading.add(followed);
    return followed.open().catch((error: unknown) => {
      left(followed);
      throw error;
    });
  }

  async #openCutShort(
    streamId: string,
    stored: SpoolReader,
    afterId: number,
    reader: ReaderHooks | undefined,
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    const { length, lastId } = findWholeFrames(stored);
    const spool = spoolUpTo(stored, length);
    const offset = await findFrame(spool, afterId + 1);
    const { isEnding } = this.#options;
    // Killed before its end could be noted: all of it was said.
    const isWhole = isEnding !== undefined && endsWith(spool, (frame) => isEnding(frame, streamId));
    const unseen = isWhole ? [] : this.#unseenEnding(streamId, lastId, afterId);
    return this.#read(spool, offset, reader, unseen.length === 0 ? undefined : Buffer.concat(unseen));
  }

  #unseenEnding(streamId: string, lastId: number, afterId: number): readonly Uint8Array[] {
    const { interruptedFrames } = this.#options;
    const ending = interruptedFrames(lastId, streamId);
    // Who has seen more than is kept, as a power failure may leave it, must not take the end of it for the end of all.
    if (afterId > lastId + ending.length) return interruptedFrames(afterId, streamId);
    return ending.slice(Math.max(0, afterId - lastId));
  }

  /** Rejects when the index cannot be asked. */
  async sweep(): Promise<void> {
    const { clock, index, keepMs, room, spools } = this.#options;
    // Before it is asked what runs: who dies in between leaves it for the next sweep.
    const removeLeavings = await spools.findLeavings?.();
    const running = await index.listRunning();
    const cutShort = running.filter(
      ({ owner, streamId }) => owner === "dead" || (owner === "this process" && !this.#options.isHere(streamId)),
    );
    const unrecovered = await spools.recover?.(cutShort.map(({ streamId }) => streamId));
    for (const record of cutShort) {
      // The next sweep tries again.
      if (unrecovered?.has(record.streamId) === true) continue;
      const spool = await spools.open(record.streamId);
      try {
        await this.#noteInterruption(record, spool?.length ?? 0);
      } finally {
        spool?.release();
      }
    }
    if ((unrecovered?.size ?? 0) === 0) await removeLeavings?.();
    const expired = new Set(await index.sweep(clock(), clock() - keepMs));
    const stored = (await room.count()).filter(({ goesWithRow }) => goesWithRow !== true);
    for (let at = 0; at < stored.length; at += lookedUpAtOnce) {
      const some = stored.slice(at, at + lookedUpAtOnce);
      const kept = await index.findKept(some.map(({ streamId }) => streamId));
      for (const { streamId, bytes, modifiedAtMs } of some) {
        if (kept.has(streamId) || this.#options.isHere(streamId)) continue;
        if (expired.has(streamId) || clock() - modifiedAtMs > orphanAgeMs) await room.remove(streamId, bytes);
      }
    }
  }

  /** @throws {GatewayError} `overloaded`: it is there, and cannot be brought to where it is read now */
  async #recover(streamId: string): Promise<void> {
    const unrecovered = await this.#options.spools.recover?.([streamId]);
    if (unrecovered?.has(streamId) !== true) return;
    throw new GatewayError("overloaded", "Cannot read the stream now: what is left of it cannot be restored", {
      retryable: true,
    });
  }

  /** It can be read all the same, and the next sweep tries again. */
  async #noteIfPossible(record: ReplayRecord, bytes: number): Promise<void> {
    try {
      await this.#noteInterruption(record, bytes);
    } catch (error) {
      this.#options.log.error("Cannot note that a stream was cut short", { streamId: record.streamId }, error);
    }
  }

  async #noteInterruption({ streamId, state }: ReplayRecord, bytes: number): Promise<void> {
    const { clock, index, keepMs } = this.#options;
    const endedAtMs = clock();
    const isKept = state === "running";
    await index.end(streamId, {
      state: isKept ? "ended" : state === "too-long" ? "too-long" : "not-kept",
      isInterrupted: true,
      endedAtMs,
      expiresAtMs: endedAtMs + keepMs,
      bytes: isKept ? bytes : 0,
    });
  }

  /** @param offset undefined: nothing of the spool is left to be read */
  #read(
    spool: SpoolReader,
    offset: number | undefined,
    reader: ReaderHooks | undefined,
    tail?: Uint8Array,
  ): ReadableStream<Uint8Array> | undefined {
    if (offset === undefined && tail === undefined) {
      spool.release();
      return undefined;
    }
    const supply = new EndedSupply(spool, this.#reading, this.#options.log);
    return supply.read(offset ?? spool.length, tail, this.#options.readerClock, reader);
  }
}

/** What one reader reads of a stream that has ended. */
class EndedSupply implements Supply {
  readonly isOver = true;
  readonly spool: SpoolReader;
  readonly #all: Set<EndedSupply | FollowedStream>;
  readonly #log: Log;
  #reader: Reader | undefined;

  constructor(spool: SpoolReader, all: Set<EndedSupply | FollowedStream>, log: Log) {
    this.spool = spool;
    this.#all = all;
    this.#log = log;
  }

  read(
    offset: number,
    tail: Uint8Array | undefined,
    clock: ReaderClock,
    hooks: ReaderHooks | undefined,
  ): ReadableStream<Uint8Array> {
    const reader = new Reader(this, offset, clock, hooks?.onCut);
    this.#reader = reader;
    this.#all.add(this);
    const body = reader.open();
    if (tail !== undefined) reader.takeUnspooled(tail);
    return body;
  }

  tick(nowMs: number, limits: ReaderLimits): void {
    this.#reader?.tick(nowMs, limits);
  }

  readerWants(): void {}

  readerLeft(): void {
    if (this.#all.delete(this)) this.spool.release();
  }

  readerFailed(error: unknown): void {
    this.#log.error("Cannot read the spool of a stream", {}, error);
  }
}

export function noSuchStream(): GatewayError {
  return new GatewayError("not-found", "There is no such stream");
}

const goneBecause = {
  expired: "it has expired",
  "too-long": "it was too long to keep",
  "not-kept": "it could not be kept",
} as const;

export function streamGone(why: keyof typeof goneBecause): GatewayError {
  return new GatewayError("gone", `Cannot read the stream once more: ${goneBecause[why]}`);
}

function runsElsewhere(runner: LeaseOwner): RunsElsewhere {
  return new RunsElsewhere("Cannot reach the stream now: it runs in another process of the gateway", runner);
}
