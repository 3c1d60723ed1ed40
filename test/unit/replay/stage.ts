// What tests of replays stand on: a source that says what it is told to, a clock that is set by hand, files that vanish.

import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { createReplaysIn } from "../../../src/replay/create-replays.ts";
import { createFileSpools } from "../../../src/replay/file-spools.ts";
import { createJournaledSpools, type JournaledSpoolsOptions } from "../../../src/replay/journaled-spools.ts";
import { createMemorySpools } from "../../../src/replay/memory-spools.ts";
import type { Spools } from "../../../src/replay/spool.ts";
import type { IsEnding, ReplayChunk, ReplayLimits, ReplaySource, Replays } from "../../../src/replay/replays.ts";
import { openChatDatabase } from "../../../src/store/chat-database.ts";
import { inMemory } from "../../../src/store/open-database.ts";
import type { ReplayIndex } from "../../../src/store/replay-index.ts";
import { createSqliteReplayIndex } from "../../../src/store/sqlite/replay-index.ts";
import { type Log, type LogFields, silentLog } from "../../../src/telemetry/log.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function frame(id: number, data = `frame ${id}`): Uint8Array {
  return encoder.encode(`id: ${id}\ndata: ${data}\n\n`);
}

/** The frames from one id to another in one chunk. */
export function chunkOf(firstId: number, lastId = firstId, data?: string): ReplayChunk {
  const frames = Array.from({ length: lastId - firstId + 1 }, (_, index) => frame(firstId + index, data));
  return { bytes: Buffer.concat(frames), lastId };
}

export const interruptedFrames = (lastId: number): Uint8Array[] => [frame(lastId + 1, "interrupted")];
export const abandonedFrames = (lastId: number): Uint8Array[] => [frame(lastId + 1, "nobody read")];
export const stoppedFrames = (lastId: number): Uint8Array[] => [frame(lastId + 1, "stopped")];

/** Of a source whose last words are always the same. */
export const isEnding = (last: Uint8Array): boolean => /^id: \d+\ndata: the end\n\n$/.test(decoder.decode(last));

/** Says what it is told to, one chunk each time it is asked. */
export class ToldSource implements ReplaySource {
  readonly #chunks: (ReplayChunk | undefined | Error)[] = [];
  #asked: PromiseWithResolvers<ReplayChunk | undefined> | undefined;
  #lastId = 0;
  cancelled: Error | undefined;
  /** How often it was asked. */
  asks = 0;

  next(): Promise<ReplayChunk | undefined> {
    if (this.#asked !== undefined) throw new Error("Asked while it was asked");
    if (this.cancelled !== undefined) throw new Error("Asked after it was cancelled");
    this.asks++;
    const asked = Promise.withResolvers<ReplayChunk | undefined>();
    this.#asked = asked;
    this.#answer();
    return asked.promise;
  }

  cancel(reason: Error): void {
    if (this.cancelled !== undefined) throw new Error("Cancelled twice");
    this.cancelled = reason;
  }

  /** The next frames, as one chunk. */
  say(count = 1, data?: string): this {
    const firstId = this.#lastId + 1;
    this.#lastId += count;
    return this.#add(chunkOf(firstId, this.#lastId, data));
  }

  end(): this {
    return this.#add(undefined);
  }

  fail(error: Error): this {
    return this.#add(error);
  }

  get lastId(): number {
    return this.#lastId;
  }

  /** Chunks that nobody has asked for. */
  get waiting(): number {
    return this.#chunks.length;
  }

  #add(chunk: ReplayChunk | undefined | Error): this {
    this.#chunks.push(chunk);
    this.#answer();
    return this;
  }

  #answer(): void {
    const asked = this.#asked;
    if (asked === undefined || this.#chunks.length === 0) return;
    this.#asked = undefined;
    const chunk = this.#chunks.shift();
    if (chunk instanceof Error) asked.reject(chunk);
    else asked.resolve(chunk);
  }
}

/** Reads a body, a chunk at a time or until something has come. */
export class BodyReader {
  readonly #reader: ReturnType<typeof readerOf>;
  text = "";
  chunks: Uint8Array[] = [];
  isEnded = false;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = readerOf(body);
  }

  async read(): Promise<void> {
    const { done, value } = await this.#reader.read();
    if (done) this.isEnded = true;
    else {
      this.chunks.push(value);
      this.text += decoder.decode(value, { stream: true });
    }
  }

  async until(text: string): Promise<string> {
    while (!this.text.includes(text)) {
      if (this.isEnded) throw new Error(`Ended before ${JSON.stringify(text)}: ${JSON.stringify(this.text)}`);
      await this.read();
    }
    return this.text;
  }

  async toEnd(): Promise<string> {
    while (!this.isEnded) await this.read();
    return this.text;
  }

  async hangUp(): Promise<void> {
    await this.#reader.cancel();
  }
}

function readerOf(body: ReadableStream<Uint8Array>) {
  return body.getReader();
}

export function textOf(body: ReadableStream<Uint8Array>): Promise<string> {
  return new BodyReader(body).toEnd();
}

/** Ids in the order in which they came; comments are left out. */
export function idsIn(text: string): number[] {
  return [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, index) => first + index);
}

/** What other threads do to files. */
const underWay = new Set<Promise<unknown>>();

function noted<Result>(work: Promise<Result>): Promise<Result> {
  const settled: Promise<unknown> = work.then(
    () => underWay.delete(settled),
    () => underWay.delete(settled),
  );
  underWay.add(settled);
  return work;
}

/** The same spools, of which `settle` knows what they are about. */
function watchSpools(spools: Spools): Spools {
  return {
    create(streamId) {
      const spool = spools.create(streamId);
      const { discard } = spool;
      spool.discard = () => noted(discard.call(spool));
      void noted(spool.opened);
      return spool;
    },
    open: (streamId) => spools.open(streamId),
    remove: (streamId) => noted(spools.remove(streamId)),
    list: () => noted(spools.list()),
  };
}

/** Lets everything run that waits for nothing but its turn, or for a file. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    await Promise.all(underWay);
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

export interface LoggedLine {
  readonly message: string;
  readonly fields: LogFields | undefined;
}

export interface Stage {
  readonly replays: Replays;
  readonly index: ReplayIndex;
  readonly directory: string | undefined;
  /** Warnings and errors. */
  readonly lines: LoggedLine[];
  /** Lets time pass, and the one timer run. */
  pass(ms: number): void;
  /** Whether the timer runs. */
  readonly isTicking: boolean;
}

export interface StageOptions {
  readonly limits?: Partial<ReplayLimits>;
  readonly directory?: string | undefined;
  readonly index?: ReplayIndex;
  /** Spools begin in a journal. @defaultValue each has a file from the beginning */
  readonly journal?: Partial<JournaledSpoolsOptions>;
  readonly isEnding?: IsEnding;
}

/** Call once at the top of a test file. */
export function useStages(): { createStage(options?: StageOptions): Stage; newDirectory(): string } {
  const root = mkdtempSync(join(tmpdir(), "qwen-gateway-replay-"));
  let count = 0;
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const newDirectory = (): string => join(root, `${count++}`);
  return { newDirectory, createStage: (options = {}) => stageOf({ directory: newDirectory(), ...options }) };
}

export function memoryIndex(): ReplayIndex {
  return createSqliteReplayIndex(openChatDatabase(inMemory, silentLog));
}

function stageOf({
  limits = {},
  directory,
  index = memoryIndex(),
  journal,
  isEnding: endsStream,
}: StageOptions): Stage {
  const lines: LoggedLine[] = [];
  const note = (message: string, fields?: LogFields): void => void lines.push({ message, fields });
  const log: Log = { ...silentLog, warn: note, error: note };
  let nowMs = 1_000_000;
  let tick: (() => void) | undefined;
  const plain = watchSpools(directory === undefined ? createMemorySpools() : createFileSpools(directory));
  const spools =
    journal === undefined || directory === undefined
      ? plain
      : createJournaledSpools(plain, { directory, frames: index.frames!, log, now: () => nowMs, ...journal });
  const replays = createReplaysIn(spools, {
    index,
    clock: () => nowMs,
    monotonic: { now: () => nowMs },
    log,
    limits,
    interruptedFrames,
    abandonedFrames,
    stoppedFrames,
    isEnding: endsStream,
    repeat(work) {
      tick = work;
      return () => {
        tick = undefined;
      };
    },
  });
  return {
    replays,
    index,
    directory,
    lines,
    pass(ms) {
      nowMs += ms;
      tick?.();
    },
    get isTicking() {
      return tick !== undefined;
    },
  };
}

/** A stream from its beginning to its end. @returns what its reader was sent */
export async function streamOf({ replays }: Stage, streamId: string, source: ToldSource): Promise<string> {
  const text = await textOf(replays.start("me", streamId, source.end(), { resumable: false }));
  await settle();
  return text;
}

/** Kind and message of the GatewayError that work must end with. */
export async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof GatewayError)) throw new Error("Expected a GatewayError", { cause: error });
  return `${error.kind}: ${error.message}`;
}
