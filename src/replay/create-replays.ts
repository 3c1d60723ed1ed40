// All streams that may outlive their readers: those that run, by id, and the way to those that have ended.

import type { Clock } from "../contract/clock.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import type { ReplayIndex } from "../store/replay-index.ts";
import type { Log } from "../telemetry/log.ts";
import { EndedReplays, noSuchStream, streamGone } from "./ended-replays.ts";
import { createFileSpools } from "./file-spools.ts";
import { findFrame } from "./find-frames.ts";
import { createMemorySpools } from "./memory-spools.ts";
import { Production, type ProductionHooks } from "./production.ts";
import type { ReaderClock } from "./reader.ts";
import {
  defaultReplayLimits,
  type EndingFrame,
  type ReplayLimits,
  type ReplaySource,
  type Replays,
  type StartOptions,
} from "./replays.ts";
import { SpoolRoom } from "./spool-room.ts";

export interface ReplaysOptions {
  /** Of the spools, made where it is missing. @defaultValue in memory */
  readonly directory?: string;
  readonly index: ReplayIndex;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<ReplayLimits>;
  /** Ends a stream whose process died, whose source failed, that nobody read, or that the gateway's end cut short. */
  readonly interruptedFrame: EndingFrame;
  /** Ends a stream that was stopped. */
  readonly stoppedFrame: EndingFrame;
  /** Measures how long readers are silent, stall or are gone. @defaultValue the process's own */
  readonly monotonic?: ReaderClock;
  /** Runs `work` again and again until what it returns is called. One for all streams. @defaultValue an interval */
  repeat?(work: () => void, everyMs: number): () => void;
}

/** Longest that the first frame waits for the index; beyond it the stream goes on, and is found after a crash perhaps not. */
const registrationMs = 250;
const fitId = /^[A-Za-z0-9_-]{1,128}$/;

/** @throws when the directory cannot be made. */
export function createReplays(options: ReplaysOptions): Replays {
  const { clock, index, log, interruptedFrame, stoppedFrame } = options;
  const limits: ReplayLimits = { ...defaultReplayLimits, ...options.limits };
  const readerClock = options.monotonic ?? performance;
  const repeat = options.repeat ?? repeatByInterval;
  const spools = options.directory === undefined ? createMemorySpools() : createFileSpools(options.directory);
  /** Also those that have ended, until the index knows. */
  const here = new Map<string, Production>();
  const room = new SpoolRoom({ spools, index, here, maxBytes: limits.maxTotalBytes, log });
  /** Have ended, and somebody still reads what is left. */
  const readToTheEnd = new Set<Production>();
  const drained = new Set<() => void>();
  /** What is being written to the index, the last of each stream. */
  const notes = new Map<string, Promise<void>>();
  let isClosed = false;
  let stopTicking: (() => void) | undefined;

  const ended = new EndedReplays({
    index,
    spools,
    room,
    clock,
    readerClock,
    keepMs: limits.keepMs,
    log,
    interruptedFrame,
    isHere: (streamId) => here.has(streamId),
  });

  const hooks: ProductionHooks = {
    fits: (bytes) => room.fits(bytes),
    makeRoom: (bytes) => room.make(bytes),
    appended: (bytes) => room.add(bytes),
    gaveUp({ streamId, spool }, why) {
      room.remove(streamId, spool.length);
      write("is not kept", streamId, () => index.giveUp(streamId, why));
    },
    ended(production) {
      const { spool, streamId, unkept } = production;
      const endedAtMs = clock();
      const end = {
        state: unkept ?? "ended",
        isInterrupted: false,
        endedAtMs,
        expiresAtMs: endedAtMs + limits.keepMs,
        bytes: unkept === undefined ? spool.length : 0,
      } as const;
      if (production.readerCount > 0) readToTheEnd.add(production);
      const told = write("has ended", streamId, () => index.end(streamId, end));
      void told.then(() => {
        here.delete(streamId);
        room.settled(streamId, end.bytes);
        spool.release();
        if (here.size === 0) for (const tell of drained) tell();
      });
    },
  };

  /** Behind the stream's back: what the index does not know is lost with the process, which is no reason to end an answer. */
  async function note(what: string, streamId: string, work: () => Promise<void>): Promise<void> {
    // Of one stream in order, also when the database is busy: a row that begins last would run for ever.
    const before = notes.get(streamId);
    try {
      if (before !== undefined) await before;
      await work();
    } catch (error) {
      log.error(`Cannot note that a stream ${what}`, { streamId }, error);
    }
  }

  function write(what: string, streamId: string, work: () => Promise<void>): Promise<void> {
    const noted = note(what, streamId, work);
    notes.set(streamId, noted);
    void noted.then(() => {
      if (notes.get(streamId) === noted) notes.delete(streamId);
    });
    return noted;
  }

  function tick(): void {
    const nowMs = readerClock.now();
    for (const production of here.values()) production.tick(nowMs, limits);
    for (const production of readToTheEnd) {
      production.tick(nowMs, limits);
      if (production.readerCount === 0) readToTheEnd.delete(production);
    }
    ended.tick(nowMs, limits);
    // Not when the last one ends: the next begins soon.
    if (here.size === 0 && readToTheEnd.size === 0 && !ended.isRead) pauseTicking();
  }

  function keepTicking(): void {
    if (!isClosed) stopTicking ??= repeat(tick, tickMs(limits));
  }

  function pauseTicking(): void {
    stopTicking?.();
    stopTicking = undefined;
  }

  function findHere(caller: string, streamId: string): Production | undefined {
    const production = here.get(streamId);
    if (production !== undefined && production.caller !== caller) throw noSuchStream();
    return production;
  }

  async function join(production: Production, afterId: number): Promise<ReadableStream<Uint8Array>> {
    if (afterId >= production.lastId) return production.addReader();
    const { spool } = production;
    spool.retain();
    try {
      const offset = production.unkept === undefined ? await findFrame(spool, afterId + 1) : undefined;
      // Asked again: what it sent while the place was looked for may be in no spool.
      if (production.unkept !== undefined) throw streamGone(production.unkept);
      return production.addReader(offset);
    } finally {
      spool.release();
    }
  }

  // An earlier process may have left much behind.
  room
    .count()
    .catch((error: unknown) => log.error("Cannot count what is kept of streams, the next sweep will", {}, error));

  return {
    start(caller, streamId, source: ReplaySource, { resumable, onAbandoned }: StartOptions) {
      if (isClosed)
        throw new GatewayError("overloaded", "Cannot begin a stream: the gateway shuts down", { retryable: true });
      if (!fitId.test(streamId) || here.has(streamId)) {
        throw new GatewayError("internal", `Cannot begin a stream: its id "${streamId}" is unfit or taken`);
      }
      const production = new Production({
        streamId,
        caller,
        startedAtMs: clock(),
        source,
        spool: spools.create(streamId),
        maxBytes: limits.maxStreamBytes,
        graceMs: limits.graceMs,
        resumable,
        ...(onAbandoned === undefined ? {} : { onAbandoned }),
        clock: readerClock,
        log,
        hooks,
        interruptedFrame,
        stoppedFrame,
      });
      here.set(streamId, production);
      keepTicking();
      const body = production.addReader();
      const { promise: registration, resolve } = Promise.withResolvers<void>();
      // The source is asked first: it has further to go.
      void production.run(registration);
      const row = { streamId, caller, createdAtMs: production.startedAtMs };
      const begun = write("has begun", streamId, () => index.begin(row));
      void settledWithin(begun, registrationMs).then(resolve);
      return body;
    },
    async open(caller, streamId, afterId) {
      const production = findHere(caller, streamId);
      const record = production === undefined ? await ended.find(caller, streamId) : undefined;
      keepTicking();
      if (production !== undefined) return await join(production, afterId);
      return await ended.open(record!, afterId);
    },
    async stop(caller, streamId) {
      const production = findHere(caller, streamId);
      if (production === undefined) await ended.find(caller, streamId);
      if (production === undefined || production.isOver) return false;
      production.stop();
      return true;
    },
    running() {
      return [...here.values()]
        .filter(({ isOver }) => !isOver)
        .map(({ streamId, caller, readerCount, startedAtMs }) => ({
          streamId,
          caller,
          readers: readerCount,
          startedAtMs,
        }));
    },
    sweep: () => ended.sweep(),
    async drain() {
      while (here.size > 0) {
        await new Promise<void>((resolve) => {
          drained.add(resolve);
        });
      }
      drained.clear();
    },
    async close() {
      isClosed = true;
      for (const production of here.values()) production.interrupt();
      while (notes.size > 0) await Promise.all(notes.values());
      pauseTicking();
    },
  };
}

function tickMs({ keepAliveMs, clientStallMs, graceMs }: ReplayLimits): number {
  // Without a grace nothing waits for it.
  const shortestMs = Math.min(keepAliveMs, clientStallMs, graceMs > 0 ? graceMs : keepAliveMs);
  return Math.min(Math.max(Math.floor(shortestMs / 8), 5), 1000);
}

function repeatByInterval(work: () => void, everyMs: number): () => void {
  const timer = setInterval(work, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Mostly it is settled already, and there is no timer. */
async function settledWithin(work: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([work, timeout]);
  clearTimeout(timer);
}
