// What was seen of one exchange, held until it is over. Bytes are kept as they came; what finds no room is counted.

import type { MemoryBudget } from "./budget.ts";
import type { AnswerLine, ClosingLine, CutLine, Direction, EndLine, LogLine, RequestLine } from "./format.ts";

/** A chunk as it was seen. */
export interface SeenBytes {
  readonly type: "bytes";
  readonly atMs: number;
  readonly of: Direction;
  readonly call?: number;
  readonly bytes: Uint8Array;
}

export type SeenLine = SeenBytes | RequestLine | AnswerLine | EndLine | CutLine | LogLine | ClosingLine;

/** A line before the time and the call are written on it. */
type Fact<Line> = Line extends unknown ? Omit<Line, "type" | "atMs" | "call"> : never;

export interface ExchangeCaptureOptions {
  readonly requestId: string;
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
  /** Bytes of bodies that are kept. */
  readonly maxBytes: number;
  readonly budget: MemoryBudget;
  /** Milliseconds of a clock that only goes on. */
  now(): number;
  /** Both sides are quiet, for now or for good. */
  onQuiet(): void;
  /** Something begins: it was not over yet. */
  onBusy(): void;
}

/** What a line costs beside its bytes. */
const lineBytes = 200;
/** Heads, ends and lines of the log: few, and wanted even where bodies are cut. */
const maxOtherLines = 2000;

export class ExchangeCapture {
  readonly requestId: string;
  readonly startedAtMs: number;
  readonly lines: SeenLine[] = [];
  readonly #options: ExchangeCaptureOptions;
  readonly #originMs: number;
  readonly #cuts = new Map<string, { of: Direction; call: number | undefined; chunks: number; bytes: number }>();
  /** Bodies that have not ended. */
  readonly #open = new Set<string>();
  #heldBytes = 0;
  #otherLines = 0;
  #calls = 0;
  #hasAnswered = false;
  #isClosed = false;

  constructor(options: ExchangeCaptureOptions) {
    this.#options = options;
    this.requestId = options.requestId;
    this.startedAtMs = options.startedAtMs;
    this.#originMs = options.now();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get hasCalls(): boolean {
    return this.#calls > 0;
  }

  /** The client's request. */
  asked(request: Fact<RequestLine>): void {
    this.#add({ type: "request", atMs: this.#atMs, ...request });
  }

  /** A request to an upstream. @returns its number */
  calls(request: Fact<RequestLine>): number {
    this.#calls++;
    this.#begin("answer", this.#calls);
    this.#add({ type: "request", atMs: this.#atMs, call: this.#calls, ...request });
    return this.#calls;
  }

  /** The head of an answer. @param call undefined: to the client */
  answered(answer: Fact<AnswerLine>, call?: number): void {
    if (call === undefined) {
      this.#hasAnswered = true;
      this.#begin("answer", undefined);
    }
    this.#add({ type: "answer", atMs: this.#atMs, ...ofCall(call), ...answer });
  }

  bytes(of: Direction, bytes: Uint8Array, call?: number): void {
    if (this.#isClosed || bytes.length === 0) return;
    const key = keyOf(of, call);
    const cost = bytes.length + lineBytes;
    const cut = this.#cuts.get(key);
    const fits = cut === undefined && this.#heldBytes + cost <= this.#options.maxBytes;
    if (fits && this.#options.budget.take(cost)) {
      this.#heldBytes += cost;
      // A copy: a view may keep a much larger buffer alive.
      this.lines.push({ type: "bytes", atMs: this.#atMs, ...ofCall(call), of, bytes: bytes.slice() });
      return;
    }
    if (cut === undefined) this.#cuts.set(key, { of, call, chunks: 1, bytes: bytes.length });
    else {
      cut.chunks++;
      cut.bytes += bytes.length;
    }
  }

  ends(end: Fact<EndLine>, call?: number): void {
    const cut = this.#cuts.get(keyOf(end.of, call));
    if (cut !== undefined) this.#tellCut(cut);
    this.#add({ type: "end", atMs: this.#atMs, ...ofCall(call), ...end });
    if (end.of === "answer") this.#open.delete(keyOf(end.of, call));
    this.#tellQuiet();
  }

  logged(line: Fact<LogLine>): void {
    this.#add({ type: "log", atMs: this.#atMs, ...line });
    this.#tellQuiet();
  }

  /** Nothing is noted any more. */
  close(why: ClosingLine["why"]): void {
    if (this.#isClosed) return;
    for (const cut of [...this.#cuts.values()]) this.#tellCut(cut);
    this.lines.push({ type: "close", atMs: this.#atMs, why });
    this.#isClosed = true;
  }

  /** Its memory is free again. */
  forget(): void {
    this.close("stopped");
    this.#options.budget.give(this.#heldBytes);
    this.#heldBytes = 0;
    this.lines.length = 0;
  }

  get #atMs(): number {
    return Math.round((this.#options.now() - this.#originMs) * 100) / 100;
  }

  #begin(of: Direction, call: number | undefined): void {
    if (this.#isClosed) return;
    this.#open.add(keyOf(of, call));
    this.#options.onBusy();
  }

  #add(line: Exclude<SeenLine, SeenBytes>): void {
    if (this.#isClosed || this.#otherLines >= maxOtherLines) return;
    this.#otherLines++;
    this.lines.push(line);
  }

  #tellCut({
    of,
    call,
    chunks,
    bytes,
  }: {
    of: Direction;
    call: number | undefined;
    chunks: number;
    bytes: number;
  }): void {
    this.#cuts.delete(keyOf(of, call));
    this.lines.push({ type: "cut", atMs: this.#atMs, ...ofCall(call), of, chunks, bytes });
  }

  #tellQuiet(): void {
    if (!this.#isClosed && this.#hasAnswered && this.#open.size === 0) this.#options.onQuiet();
  }
}

function ofCall(call: number | undefined): { readonly call?: number } {
  return call === undefined ? {} : { call };
}

function keyOf(of: Direction, call: number | undefined): string {
  return `${call ?? 0} ${of}`;
}
