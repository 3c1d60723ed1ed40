// All streams that may outlive their readers: those that run, by id, and the way to those that have ended.

import type { Clock } from "../contract/clock.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { settledWithin } from "../contract/settled-within.ts";
import type { ReplayIndex } from "../store/replay-index.ts";
import type { StopWishes } from "../store/stop-wishes.ts";
import type { Log } from "../telemetry/log.ts";
import { EndedReplays, noSuchStream, streamGone } from "./ended-replays.ts";
import { createFileSpools } from "./file-spools.ts";
import { findFrame } from "./find-frames.ts";
import { createJournaledSpools } from "./journaled-spools.ts";
import { createMemorySpools } from "./memory-spools.ts";
import { createMirroredSpools, type Mirror } from "./mirrored-spools.ts";
import { Production, type ProductionHooks } from "./production.ts";
import type { ReaderClock } from "./reader.ts";
import {
  defaultReplayLimits,
  type EndingFrames,
  type IsEnding,
  type ReaderHooks,
  type ReplayLimits,
  type ReplaySource,
  type Replays,
  type StartOptions,
} from "./replays.ts";
import type { Spools } from "./spool.ts";
import { SpoolRoom } from "./spool-room.ts";
import { StreamNotes } from "./stream-notes.ts";

export interface ReplaysOptions {
  readonly index: ReplayIndex;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<ReplayLimits>;
  /** Ends a stream whose process died, whose source failed, or that the gateway's end cut short. */
  readonly interruptedFrames: EndingFrames;
  /** Ends a stream that nobody read any more. @defaultValue `interruptedFrames` */
  readonly abandonedFrames?: EndingFrames;
  /** Ends a stream that was stopped. */
  readonly stoppedFrames: EndingFrames;
  /** Whether this is the last frame of a stream, which none of those above follows. @defaultValue its source alone knows */
  readonly isEnding?: IsEnding | undefined;
  /** A stream that runs in another process is forgotten here. @defaultValue it runs to its end */
  readonly forgottenElsewhere?: ((caller: string, streamId: string) => void) | undefined;
  /** Stops a stream that runs at another gateway, and those here that are wished to stop there. @defaultValue nobody can */
  readonly wishes?: StopWishes | undefined;
  /** Measures how long readers are silent, stall or are gone. @defaultValue the process's own */
  readonly monotonic?: ReaderClock;
  /** Runs `work` again and again until what it returns is called. One for all streams. @defaultValue an interval */
  repeat?(work: () => void, everyMs: number): () => void;
}

/**
 * Longest that the first frame waits for index and file, which mostly are there before it. Beyond it the stream goes on, and
 * is kept in memory until its file is there: only after a crash it may be missing.
 */
const registrationMs = 250;
/** As the index wants it. */
const renewEveryMs = 20_000;
const fitId = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * @param options `directory`: of the spools, made where it is missing; without it they are in memory. `mirror`: other gateways read
 * them there
 * @throws when the directory cannot be made.
 */
export function createReplays(
  options: ReplaysOptions & { readonly directory?: string | undefined; readonly mirror?: Mirror | undefined },
): Replays {
  const { directory, mirror, log, index } = options;
  if (directory === undefined && mirror === undefined) return createReplaysIn(createMemorySpools(), options);
  const own = directory === undefined ? createMemorySpools() : createFileSpools(directory);
  if (mirror !== undefined) return createReplaysIn(createMirroredSpools(own, mirror, { log }), options);
  if (directory === undefined || index.frames === undefined) return createReplaysIn(own, options);
  return createReplaysIn(createJournaledSpools(own, { directory, frames: index.frames, log }), options);
}

export function createReplaysIn(
  spools: Spools,
  options: ReplaysOptions & { readonly mirror?: Mirror | undefined },
): Replays {
  const {
    clock,
    index,
    log,
    interruptedFrames,
    abandonedFrames = interruptedFrames,
    stoppedFrames,
    isEnding,
  } = options;
  let limits: ReplayLimits = { ...defaultReplayLimits, ...options.limits };
  const readerClock = options.monotonic ?? performance;
  const repeat = options.repeat ?? repeatByInterval;
  /** Also those that have ended, until the index knows. */
  const here = new Map<string, Production>();
  const room = new SpoolRoom({
    spools,
    index,
    here,
    get maxBytes() {
      return limits.maxTotalBytes;
    },
    log,
  });
  /** Have ended, and somebody still reads what is left. */
  const readToTheEnd = new Set<Production>();
  const drained = new Set<() => void>();
  /** Ends of looking for wishes, by stream. */
  const watched = new Map<string, (() => void) | undefined>();
  const notes = new StreamNotes(log);
  let renewedAtMs = readerClock.now();
  let isClosed = false;
  let stopTicking: (() => void) | undefined;

  const ended = new EndedReplays({
    index,
    spools,
    room,
    clock,
    readerClock,
    get keepMs() {
      return limits.keepMs;
    },
    log,
    interruptedFrames,
    isEnding,
    mirror: options.mirror,
    wishes: options.wishes,
    isHere: (streamId) => here.has(streamId),
  });

  const hooks: ProductionHooks = {
    fits: (bytes) => room.fits(bytes),
    makeRoom: (bytes) => room.make(bytes),
    appended: (bytes) => room.add(bytes),
    gaveUp({ streamId, spool }, why) {
      // The index first: a file that it takes for whole must not lack its end.
      void notes.write(streamId, "is not kept", async () => {
        await index.giveUp(streamId, why);
        await room.discard(streamId, spool);
      });
    },
    ended(production) {
      const { spool, streamId } = production;
      const endedAtMs = clock();
      if (production.readerCount > 0) readToTheEnd.add(production);
      const noted = notes.write(streamId, "has ended", () => noteEnd(production, endedAtMs));
      void noted.then(() => {
        here.delete(streamId);
        watched.get(streamId)?.();
        watched.delete(streamId);
        room.settled(streamId, production.unkept === undefined ? spool.length : 0);
        spool.release();
        if (here.size === 0) for (const tell of drained) tell();
      });
    },
  };

  async function noteEnd(production: Production, endedAtMs: number): Promise<void> {
    const { spool, streamId } = production;
    await spool.opened;
    // Else whoever reads it elsewhere takes a part of it for the whole.
    await spool.settled?.();
    const state = production.unkept ?? "ended";
    const bytes = state === "ended" ? spool.length : 0;
    const expiresAtMs = endedAtMs + limits.keepMs;
    const frames = state === "ended" && bytes > 0 ? spool.short : undefined;
    await index.end(streamId, { state, isInterrupted: false, endedAtMs, expiresAtMs, bytes, frames });
    if (frames !== undefined) spool.storedElsewhere?.();
    if (spool.length === 0) await room.discard(streamId, spool);
  }

  function tick(): void {
    const nowMs = readerClock.now();
    renewIfDue(nowMs);
    for (const production of here.values()) production.tick(nowMs, limits);
    for (const production of readToTheEnd) {
      production.tick(nowMs, limits);
      if (production.readerCount === 0) readToTheEnd.delete(production);
    }
    ended.tick(nowMs, limits);
    // Not when the last one ends: the next begins soon.
    if (here.size === 0 && readToTheEnd.size === 0 && !ended.isRead) pauseTicking();
  }

  function renewIfDue(nowMs: number): void {
    if (here.size === 0 || nowMs - renewedAtMs < renewEveryMs) return;
    renewedAtMs = nowMs;
    index.renew().catch((error: unknown) => log.error("Cannot tell other gateways that streams run here", {}, error));
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

  async function join(
    production: Production,
    afterId: number,
    reader: ReaderHooks | undefined,
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    const { spool, unkept } = production;
    if (unkept !== undefined && production.isOver) throw streamGone(unkept);
    if (afterId >= production.lastId) return production.isOver ? undefined : production.addReader(reader);
    spool.retain();
    try {
      const offset = production.unkept === undefined ? await findFrame(spool, afterId + 1) : undefined;
      // Asked again: what it sent while the place was looked for may be in no spool.
      if (production.unkept !== undefined) throw streamGone(production.unkept);
      return production.addReader(reader, offset);
    } finally {
      spool.release();
    }
  }

  async function openRest(
    caller: string,
    streamId: string,
    afterId: number,
    reader?: ReaderHooks,
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    const production = findHere(caller, streamId);
    const record = production === undefined ? await ended.find(caller, streamId) : undefined;
    keepTicking();
    if (production !== undefined) return await join(production, afterId, reader);
    return await ended.open(record!, afterId, reader);
  }

  // An earlier process may have left much behind.
  room
    .count()
    .catch((error: unknown) =>
      log.error("Cannot count what is kept of streams: the next sweep tries again", {}, error),
    );

  return {
    start(caller, streamId, source: ReplaySource, { resumable, onCut }: StartOptions) {
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
        clock: readerClock,
        log,
        hooks,
        interruptedFrames,
        abandonedFrames,
        stoppedFrames,
        isEnding,
      });
      here.set(streamId, production);
      watched.set(
        streamId,
        options.wishes?.watch(streamId, () => production.stop()),
      );
      keepTicking();
      const body = production.addReader({ onCut });
      const { promise: registration, resolve } = Promise.withResolvers<void>();
      // The source is asked first: it has further to go.
      void production.run(registration);
      const row = { streamId, caller, createdAtMs: production.startedAtMs };
      const begun = notes.write(streamId, "has begun", () => index.begin(row));
      void settledWithin(Promise.all([begun, production.spool.opened]), registrationMs).then(() => resolve());
      return body;
    },
    openRest,
    open: async (...asked) => (await openRest(...asked)) ?? emptyBody(),
    async stop(caller, streamId) {
      const production = findHere(caller, streamId);
      if (production === undefined) return ended.stop(caller, streamId);
      if (production.isOver) return false;
      production.stop();
      return true;
    },
    async forget(caller, streamId) {
      const production = here.get(streamId);
      if (production !== undefined && production.caller !== caller) return;
      production?.stop();
      await notes.write(streamId, "is forgotten", async () => {
        let record = await index.find(streamId);
        // Another process may be about to note it. It is told, sees the wish, or is seen.
        if (record === undefined && production === undefined) {
          options.forgottenElsewhere?.(caller, streamId);
          await options.wishes?.wish(streamId);
          record = await index.find(streamId);
        }
        if (record?.caller !== caller) return;
        // Its process ends it, and a sweep removes the file.
        if (record.state === "running" && record.owner === "another process") {
          await index.giveUp(streamId, "not-kept");
          await options.wishes?.wish(streamId);
          options.forgottenElsewhere?.(caller, streamId);
          // Unless it has ended just before.
          record = await index.find(streamId);
          if (record?.state !== "ended") return;
        }
        await index.expire([streamId]);
        await room.remove(streamId, record.bytes);
      });
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
    adjust(next) {
      limits = next;
      if (stopTicking === undefined) return;
      pauseTicking();
      keepTicking();
    },
    sweep: () => ended.sweep(),
    async recount() {
      await room.count();
    },
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
      await notes.written();
      await spools.close?.();
      pauseTicking();
    },
  };
}

function emptyBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
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
