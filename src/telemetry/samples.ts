// The last hour in slots of ten seconds, for whoever looks at the gateway without a monitoring system. Moved once a reply, as
// the counters are; without a timer, because nothing changes between two replies but the time.

import type { ErrorKind } from "../contract/gateway-error.ts";
import type { Clock } from "../contract/clock.ts";
import type { ReplyFigures } from "./metrics.ts";

/** One slot. */
export interface Sample {
  /** When it began. */
  readonly atMs: number;
  /** Replies that ended in it, by how they ended. */
  readonly complete: number;
  readonly failed: number;
  readonly aborted: number;
  /** Requests on a surface that became no reply. */
  readonly refused: number;
  /** Replies that ran at the same time, at most. */
  readonly liveReplies: number;
  /** Undefined when no word came. */
  readonly firstTokenMs: FirstToken | undefined;
  /** What failed or was refused, by its kind. */
  readonly errors: Readonly<Partial<Record<ErrorKind, number>>>;
}

/** Of the replies of a slot, by nearest rank. */
interface FirstToken {
  readonly p50: number;
  readonly p95: number;
}

export const sampleIntervalMs = 10_000;
/** An hour of them. */
const keptSlots = 360;
/** Of a slot these many first words are remembered, the first ones: a hundred a second. */
const maxFirstTokens = 1000;

interface Slot {
  readonly index: number;
  complete: number;
  failed: number;
  aborted: number;
  refused: number;
  liveReplies: number;
  readonly firstTokensMs: number[];
  readonly errors: Partial<Record<ErrorKind, number>>;
}

export class Samples {
  readonly #clock: Clock;
  /** Behind us, oldest first. Slots in which nothing happened and nothing ran are left out. */
  #closed: { readonly index: number; readonly sample: Sample }[] = [];
  #slot: Slot | undefined;
  #liveReplies = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  replyStarted(): void {
    const slot = this.#present();
    this.#liveReplies++;
    slot.liveReplies = Math.max(slot.liveReplies, this.#liveReplies);
  }

  replyEnded({ outcome, kind, firstTokenMs }: Pick<ReplyFigures, "outcome" | "kind" | "firstTokenMs">): void {
    const slot = this.#present();
    this.#liveReplies--;
    slot[outcome]++;
    if (outcome === "failed" && kind !== undefined) countError(slot, kind);
    if (firstTokenMs !== undefined && slot.firstTokensMs.length < maxFirstTokens) slot.firstTokensMs.push(firstTokenMs);
  }

  requestRefused(kind: ErrorKind): void {
    const slot = this.#present();
    slot.refused++;
    countError(slot, kind);
  }

  /**
   * Oldest first; the last one may still be running. What is not listed was quiet.
   * @param sinceMs slots that began then or later. @defaultValue all of the last hour
   */
  list(sinceMs = 0): readonly Sample[] {
    const slot = this.#present();
    const samples = this.#closed.map(({ sample }) => sample);
    if (!isQuiet(slot)) samples.push(toSample(slot));
    return samples.filter(({ atMs }) => atMs >= sinceMs);
  }

  /** The slot of this moment. Closes the one before, and repeats it for those in which replies only ran. */
  #present(): Slot {
    const index = Math.floor(this.#clock() / sampleIntervalMs);
    const last = this.#slot;
    if (last?.index === index) return last;
    const oldest = index - keptSlots + 1;
    // A clock that was set back: what would lie ahead of us never was.
    this.#closed = this.#closed.filter((one) => one.index >= oldest && one.index < index);
    if (last !== undefined && last.index < index) {
      if (last.index >= oldest && !isQuiet(last)) this.#close(last);
      for (let between = Math.max(last.index + 1, oldest); this.#liveReplies > 0 && between < index; between++) {
        this.#close(createSlot(between, this.#liveReplies));
      }
    }
    this.#slot = createSlot(index, this.#liveReplies);
    return this.#slot;
  }

  #close(slot: Slot): void {
    this.#closed.push({ index: slot.index, sample: toSample(slot) });
  }
}

function createSlot(index: number, liveReplies: number): Slot {
  return { index, complete: 0, failed: 0, aborted: 0, refused: 0, liveReplies, firstTokensMs: [], errors: {} };
}

function countError({ errors }: Slot, kind: ErrorKind): void {
  errors[kind] = (errors[kind] ?? 0) + 1;
}

function isQuiet({ complete, failed, aborted, refused, liveReplies }: Slot): boolean {
  return complete + failed + aborted + refused + liveReplies === 0;
}

function toSample({ index, firstTokensMs, errors, ...counts }: Slot): Sample {
  return {
    atMs: index * sampleIntervalMs,
    ...counts,
    firstTokenMs: firstTokenOf(firstTokensMs),
    errors: { ...errors },
  };
}

function firstTokenOf(values: readonly number[]): FirstToken | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return { p50: at(0.5), p95: at(0.95) };
}
