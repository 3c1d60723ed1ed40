// What was sent of a stream, for whoever comes later: bytes that only grow, and are read at any place.

export interface SpoolReader {
  readonly length: number;
  /** At least one byte, at most `maxBytes`, from `offset`, which is before `length`. Throws when they cannot be read. */
  read(offset: number, maxBytes: number): Uint8Array;
  /** One more needs it. */
  retain(): void;
  /** Whoever made, opened or retained it needs it no longer. */
  release(): void;
}

export interface Spool extends SpoolReader {
  /**
   * What is appended until then is in memory only. Never rejects.
   * @returns the reason when it cannot be written to: what was appended until then is lost.
   */
  readonly opened: Promise<Error | undefined>;
  /** All of it or, when it throws, nothing. */
  append(bytes: Uint8Array): void;
  /** Resolves when all that was appended stands where other machines look, if they do. Never rejects. @defaultValue at once */
  settled?(): Promise<void>;
  /** Its bytes, if there are few of them and they are to stand with the row that tells of its end. Valid until it is released. */
  readonly short?: Uint8Array | undefined;
  /** They stand there now. */
  storedElsewhere?(): void;
  /** Removes it, unless there was another one under its name. Whoever reads it may read on. */
  discard(): Promise<void>;
}

export interface StoredSpool {
  readonly streamId: string;
  readonly bytes: number;
  readonly modifiedAtMs: number;
  /** It stands with its row in the index, and goes with it. @defaultValue it has to be removed */
  readonly goesWithRow?: true;
}

/** Where spools are. */
export interface Spools {
  create(streamId: string): Spool;
  /** @returns undefined when there is none; a promise where it is on another machine */
  open(streamId: string): SpoolReader | undefined | Promise<SpoolReader | undefined>;
  /** Whoever reads it may read on. */
  remove(streamId: string): Promise<void>;
  list(): Promise<readonly StoredSpool[]>;
  /**
   * Brings what dead processes have left of these streams to where `open` finds it. Rejects when it cannot look.
   * @returns those of which it could not be brought there
   * @defaultValue it is there
   */
  recover?(streamIds: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * What dead processes have left behind beside spools.
   * @returns what removes it: to be called when the streams that were found running afterwards are recovered
   */
  findLeavings?(): Promise<() => Promise<void>>;
  /** Nothing is appended any more. Never rejects. */
  close?(): Promise<void>;
}

/** The first bytes of a spool, as one. */
export function spoolUpTo(spool: SpoolReader, length: number): SpoolReader {
  return {
    length,
    read: (offset, maxBytes) => spool.read(offset, Math.min(maxBytes, length - offset)),
    retain: () => spool.retain(),
    release: () => spool.release(),
  };
}

/** Bytes that are there as a whole. */
export function spoolOf(bytes: Uint8Array): SpoolReader {
  return {
    length: bytes.length,
    read: (offset, maxBytes) => bytes.subarray(offset, offset + maxBytes),
    retain() {},
    release() {},
  };
}

/** Of a stream that sent nothing. */
export const emptySpool: SpoolReader = {
  length: 0,
  read() {
    throw new Error("Cannot read an empty spool");
  },
  retain() {},
  release() {},
};
