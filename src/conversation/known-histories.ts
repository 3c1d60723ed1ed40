// The histories that requests bring. Agents send all of theirs with each turn, and but for its end it is what they sent before:
// as far as the bytes are the same, so are the values, and nothing of it is parsed again. Bounded.

import { minGrownItems, noteGrowth } from "./grown-lists.ts";

const compare = Buffer.prototype.compare;

const maxHistories = 64;
/** Of all of them together, as they are written; what they are as values takes about as much again. */
const maxBytes = 8 * 1024 * 1024;
/** Of one: it must not drive all others out. */
const maxHistoryBytes = maxBytes / 2;
/** So many bytes in the middle of a history tell whether it is worth a look. */
const probeBytes = 64;
/** A history is gone on with where no more of its items than these are missing or said otherwise: agents mark their newest. */
const maxTailItems = 8;

/** What is so much of a body that came is kept where it stands, and all of the body with it. */
const mostOf = 0.75;

/** What a turn adds has its place behind what it goes on from: one comparison for many turns. */
const blockBytes = 32 * 1024;

/** Written once each place, from its beginning on: what is read elsewhere stays as it is. */
interface Block {
  readonly bytes: Uint8Array;
  used: number;
}

/** Items as they are written, with what stands between them. */
interface Run {
  readonly block: Block;
  readonly start: number;
  readonly bytes: Uint8Array;
  /** Where each item ends. The last ends with the bytes. */
  readonly ends: readonly number[];
}

/** Bytes that are to be kept. */
export interface KeptBytes {
  readonly block: Block;
  readonly start: number;
  /** A copy, where they are not most of what they came in. */
  readonly bytes: Uint8Array;
}

/** The beginning of a list, from its bracket on. */
interface Beginning {
  readonly runs: readonly Run[];
  /** Of its runs, as they are written. */
  readonly length: number;
  /** Of its items. */
  readonly count: number;
}

interface Entry extends Beginning {
  readonly scope: string;
  readonly list: readonly unknown[];
  readonly heldBytes: number;
  readonly probe: Uint8Array;
  /** Where the probe begins. */
  readonly probeStart: number;
}

/** A beginning that is known. Nobody may change its items. */
export interface KnownHistory extends Beginning {
  readonly list: readonly unknown[];
}

/** What follows a known beginning, or a whole list. */
export interface HistoryRest {
  /** Behind the beginning, until the end of the last item. */
  readonly kept: KeptBytes;
  readonly ends: readonly number[];
  readonly values: readonly unknown[];
}

/** The one that was used last at the front. What would be parsed again is memory, not state: whoever sends it gets the same. */
let entries: Entry[] = [];

/**
 * The longest beginning that is known of the list whose bracket stands at `start`.
 * @param scope Whose it is: nobody learns, by how long it takes, what others have sent.
 */
export function findHistory(scope: string, body: Uint8Array, start: number): KnownHistory | undefined {
  let found: KnownHistory | undefined;
  for (const entry of entries) {
    if (entry.scope !== scope || !standsAt(body, start + entry.probeStart, entry.probe)) continue;
    const beginning = commonBeginning(entry, body, start);
    if (beginning.count === 0 || beginning.count <= (found?.count ?? 0)) continue;
    found = { ...beginning, list: entry.list };
    if (isContinued(entry, beginning)) break;
  }
  return found;
}

/** Whether a list of so many items and bytes would be kept. */
export function isWorthKeeping(items: number, bytes: number): boolean {
  return items >= minGrownItems && bytes <= maxHistoryBytes;
}

/** @param bytes what follows the beginning. Nobody may write there any more */
export function keepBytes(known: KnownHistory | undefined, bytes: Uint8Array): KeptBytes {
  const last = known?.runs.at(-1);
  const hasRoom =
    last !== undefined && endOf(last) === last.block.used && endOf(last) + bytes.length <= last.block.bytes.length;
  if (!hasRoom && bytes.length >= mostOf * bytes.buffer.byteLength) {
    return { block: { bytes, used: bytes.length }, start: 0, bytes };
  }
  const block = hasRoom ? last.block : { bytes: new Uint8Array(Math.max(blockBytes, bytes.length)), used: 0 };
  const start = block.used;
  block.bytes.set(bytes, start);
  block.used += bytes.length;
  return { block, start, bytes: block.bytes.subarray(start, block.used) };
}

function endOf({ start, bytes }: Run): number {
  return start + bytes.length;
}

/** @returns the whole list, which nobody may change */
export function keepHistory(scope: string, known: KnownHistory | undefined, rest: HistoryRest): readonly unknown[] {
  const list = [...(known?.list.slice(0, known.count) ?? []), ...rest.values];
  if (known !== undefined) noteGrowth(list, known.list, known.count);
  const runs = withRest(known?.runs ?? [], rest);
  const heldBytes = runs.reduce((sum, { block }) => sum + block.bytes.buffer.byteLength, 0);
  const length = (known?.length ?? 0) + rest.kept.bytes.length;
  const others = entries.filter(
    (entry) => known === undefined || entry.list !== known.list || !isContinued(entry, known),
  );
  entries = [{ scope, list, runs, length, count: list.length, heldBytes, ...probeOf(runs) }, ...others];
  let bytes = entries.reduce((sum, entry) => sum + entry.heldBytes, 0);
  while (entries.length > maxHistories || bytes > maxBytes) bytes -= entries.pop()?.heldBytes ?? bytes;
  return list;
}

function withRest(runs: readonly Run[], { kept, ends }: HistoryRest): readonly Run[] {
  const last = runs.at(-1);
  const { block, start, bytes } = kept;
  if (ends.length === 0) return runs;
  if (last?.block !== block) return [...runs, { block, start, bytes, ends }];
  const together = {
    ...last,
    bytes: block.bytes.subarray(last.start, start + bytes.length),
    ends: [...last.ends, ...ends.map((end) => last.bytes.length + end)],
  };
  return runs.with(-1, together);
}

function isContinued(entry: Entry, { count }: Beginning): boolean {
  return count >= entry.count - maxTailItems;
}

/** Its last sign is the end of an item: what begins with these bytes has this item, whatever follows. */
function probeOf(runs: readonly Run[]): Pick<Entry, "probe" | "probeStart"> {
  const middle = runs.reduce((sum, { bytes }) => sum + bytes.length, 0) / 2;
  let start = 0;
  for (const { bytes, ends } of runs) {
    const end = ends.find((one) => start + one >= middle);
    if (end !== undefined) {
      const from = Math.max(0, end - probeBytes);
      return { probe: bytes.subarray(from, end), probeStart: start + from };
    }
    start += bytes.length;
  }
  return { probe: new Uint8Array(), probeStart: 0 };
}

function commonBeginning(entry: Entry, body: Uint8Array, start: number): Beginning {
  let length = 0;
  let count = 0;
  for (const [index, run] of entry.runs.entries()) {
    if (!standsAt(body, start + length, run.bytes)) {
      const part = commonPart(run, body, start + length);
      const runs = entry.runs.slice(0, index);
      if (part === undefined) return { runs, length, count };
      return { runs: [...runs, part], length: length + part.bytes.length, count: count + part.ends.length };
    }
    length += run.bytes.length;
    count += run.ends.length;
  }
  return { runs: entry.runs, length, count };
}

/** As many items of a run as are the same. */
function commonPart(run: Run, body: Uint8Array, start: number): Run | undefined {
  const { bytes, ends } = run;
  let length = 0;
  let count = 0;
  for (const end of ends) {
    if (!standsAt(body, start + length, bytes.subarray(length, end))) break;
    length = end;
    count++;
  }
  return count === 0 ? undefined : { ...run, bytes: bytes.subarray(0, length), ends: ends.slice(0, count) };
}

function standsAt(body: Uint8Array, start: number, bytes: Uint8Array): boolean {
  const end = start + bytes.length;
  return end <= body.length && compare.call(body, bytes, 0, bytes.length, start, end) === 0;
}
