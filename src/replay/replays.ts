// A reply that outlives its reader: what whoever produces one gives, and what whoever reads one gets. Knows frames, not chat.

/**
 * Whole frames, each with a line `id: <number>` first and a blank line last, lines ended by LF. Ids count from 1 without a
 * gap. The bytes are handed on as they are, so nobody may write to them again.
 */
export interface ReplayChunk {
  readonly bytes: Uint8Array;
  /** Id of the last frame. */
  readonly lastId: number;
}

/** Asked for the next chunk only while somebody wants it. */
export interface ReplaySource {
  /** Undefined: the stream has ended. A rejection is logged, and ends it with `interruptedFrame`. */
  next(): Promise<ReplayChunk | undefined>;
  /** Nothing more is wanted, a chunk that is on its way neither. Called once at most, and not after the end. */
  cancel(reason: Error): void;
}

/** Of one reader. */
export interface ReaderHooks {
  /** It was cut, since it did not read: its connection may be closed. Called once, and not when it has hung up itself. */
  readonly onCut?: (() => void) | undefined;
}

export interface StartOptions extends ReaderHooks {
  /** It goes on for `graceMs` when nobody reads it; else it is cancelled in the very tick in which the last reader hangs up. */
  readonly resumable: boolean;
}

export interface RunningReplay {
  readonly streamId: string;
  readonly caller: string;
  readonly readers: number;
  readonly startedAtMs: number;
}

export interface Replays {
  /**
   * Begins to pull. The body is the first reader.
   * @param streamId random, and fit for a file's name: letters, digits, `-` and `_`
   * @throws {GatewayError} `overloaded` when closed, `internal` when the id is unfit or runs already
   */
  start(caller: string, streamId: string, source: ReplaySource, options: StartOptions): ReadableStream<Uint8Array>;
  /**
   * One more reader, of the frames behind `afterId`; 0 gives all. Of an id that was not reached yet: of what comes.
   * @throws {GatewayError} `not-found`, for another caller as well; `gone` when it has expired, was too long to keep or
   * could not be kept; `RunsElsewhere` while it runs in another process
   */
  open(caller: string, streamId: string, afterId: number, hooks?: ReaderHooks): Promise<ReadableStream<Uint8Array>>;
  /** The same, and undefined where it has ended with `afterId`, or before it: nothing is left to be read. */
  openRest(
    caller: string,
    streamId: string,
    afterId: number,
    hooks?: ReaderHooks,
  ): Promise<ReadableStream<Uint8Array> | undefined>;
  /**
   * Ends a running stream with `stoppedFrame`.
   * @returns false when it runs no more
   * @throws {GatewayError} `not-found`, for another caller as well; `RunsElsewhere` while it runs in another process
   */
  stop(caller: string, streamId: string): Promise<boolean>;
  /** Ends it with `stoppedFrame` if it runs, and removes what is kept of it: `gone`. Nothing happens when there is none. */
  forget(caller: string, streamId: string): Promise<void>;
  running(): readonly RunningReplay[];
  /** Other limits from now on; a stream that runs keeps those of its size and its grace. */
  adjust(limits: ReplayLimits): void;
  /** Removes what has expired, and files that belong to nothing. Rejects when the index cannot be asked. */
  sweep(): Promise<void>;
  /** Counts what other processes have kept in the same place. Rejects when that cannot be read. */
  recount(): Promise<void>;
  /** Resolves when no stream runs. */
  drain(): Promise<void>;
  /** Ends what runs with `interruptedFrame`, and resolves when all is written. Nothing can be started afterwards. */
  close(): Promise<void>;
}

export interface ReplayLimits {
  /** Of one stream's frames. A longer one goes on, but can be read no more by whoever comes back. @defaultValue 4_194_304 */
  readonly maxStreamBytes: number;
  /** Of all. Beyond it those that ended first go; when there are none, new ones are not kept. @defaultValue 268_435_456 */
  readonly maxTotalBytes: number;
  /** How long a stream can be read after its end, and how long afterwards it is answered with `gone`. @defaultValue 3_600_000 */
  readonly keepMs: number;
  /** How long a resumable stream goes on without a reader. @defaultValue 60_000 */
  readonly graceMs: number;
  /** Silence after which a reader is sent a comment, while the stream runs. @defaultValue 15_000 */
  readonly keepAliveMs: number;
  /** How long a reader may leave unread what was sent, before its connection is cut. @defaultValue 60_000 */
  readonly clientStallMs: number;
}

export const defaultReplayLimits: ReplayLimits = {
  maxStreamBytes: 4 * 1024 * 1024,
  maxTotalBytes: 256 * 1024 * 1024,
  keepMs: 3_600_000,
  graceMs: 60_000,
  keepAliveMs: 15_000,
  clientStallMs: 60_000,
};

/** Frames with the ids from `lastId + 1` on, which end a stream that could not end by itself. */
export type EndingFrames = (lastId: number, streamId: string) => readonly Uint8Array[];

/** Whether a whole frame is the last of that stream, whoever has written it. */
export type IsEnding = (frame: Uint8Array, streamId: string) => boolean;
