// Steps to a response body: pull-based, one event an enqueue unless told otherwise, paced, gated, cut by faults.
// Knows nothing about chats; who owns the reply hears what was delivered and how it ended.

import { type Gates, untilAborted, waitFor } from "./gates.ts";
import type { Compressor } from "./compressor.ts";
import type { ReplyStep } from "./reply-steps.ts";

/** `aborted`: the client left. `stopped`: a stop call. `cut`: a fault ended it. */
export type StreamEnd = "complete" | "cut" | "stopped" | "aborted";

export interface StreamWriterOptions {
  readonly steps: Iterator<ReplyStep>;
  readonly gates: Gates;
  readonly gate: string | undefined;
  readonly paceMs: number;
  /** Wait before the first event, on top of the gate. @defaultValue 0 */
  readonly firstDelayMs?: number | undefined;
  /** `keepAlive` is sent whenever this long nothing was said. Undefined: never. */
  readonly pingEveryMs?: number | undefined;
  readonly splitBytes: number | undefined;
  readonly joinEvents: boolean;
  readonly compressor: Compressor | undefined;
  /** Event of an endless stall. */
  readonly keepAlive: () => string;
  /** What a reader in process sees of a reset connection; undefined over a socket, which shows it by itself. */
  readonly resetError: Error | undefined;
  /** The client's hang-up, where it is known apart from `cancel`. */
  readonly signal: AbortSignal;
  readonly onEvent: (step: Extract<ReplyStep, { type: "event" }>) => void;
  /** Exactly once. */
  readonly onEnd: (end: StreamEnd) => void;
}

export interface StreamWriter {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Ends the body at once, cleanly. */
  stop(): void;
}

/** Time for a socket to send what was delivered, before it is cut: else the client sees nothing of it. */
const flushMs = 10;

/** Bounds what `joinEvents` collects. */
const maxJoinedChars = 4 * 1024 * 1024;

const encoder = new TextEncoder();

export function createStreamWriter(options: StreamWriterOptions): StreamWriter {
  const { steps, onEnd } = options;
  /** Aborted when the stream has ended, whatever the reason: wakes every wait. */
  const over = new AbortController();
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  let whenSent: (() => void) | undefined;
  let isFinished = false;
  let isFirst = true;
  let keepAliveEveryMs: number | undefined;
  /** The wait for the next event, while pings go out. */
  let turn: Promise<void> | undefined;

  function finish(end: StreamEnd): boolean {
    if (over.signal.aborted) return false;
    over.abort();
    options.signal.removeEventListener("abort", abort);
    onEnd(end);
    return true;
  }

  function abort(): void {
    if (finish("aborted")) controller?.error(options.signal.reason);
  }

  /** One event is due: the gate, or the pace. What follows the finish comes at once with it. */
  async function waitForTurn(): Promise<void> {
    if (isFinished) return;
    if (options.gate !== undefined) await options.gates.pass(options.gate, over.signal);
    else if (!isFirst && options.paceMs > 0) await waitFor(options.paceMs, over.signal);
    if (isFirst) await waitFor(options.firstDelayMs ?? 0, over.signal);
    isFirst = false;
  }

  /** False: a ping is due before the event. */
  async function turnCame(): Promise<boolean> {
    if (options.pingEveryMs === undefined) {
      await waitForTurn();
      return true;
    }
    turn ??= waitForTurn();
    const waited = new AbortController();
    const pinging = waitFor(options.pingEveryMs, AbortSignal.any([over.signal, waited.signal]));
    const came = await Promise.race([turn.then(() => true), pinging.then(() => false)]);
    waited.abort();
    if (came) turn = undefined;
    return came || over.signal.aborted;
  }

  async function send(text: string, sent: () => void): Promise<void> {
    const plain = encoder.encode(text);
    const bytes = options.compressor === undefined ? plain : await options.compressor.write(plain);
    if (over.signal.aborted) return;
    pieces = split(bytes, options.splitBytes);
    whenSent = sent;
    sendPiece();
  }

  function sendPiece(): void {
    const piece = pieces.shift();
    if (pieces.length === 0) {
      // Counted before the reader may act on it: a finish that was read is a finish that was delivered.
      whenSent?.();
      whenSent = undefined;
    }
    if (piece !== undefined) controller?.enqueue(piece);
  }

  async function close(end: StreamEnd): Promise<void> {
    const tail = await options.compressor?.end();
    if (!finish(end)) return;
    if (tail !== undefined && tail.length > 0) controller?.enqueue(tail);
    controller?.close();
  }

  /** Steps until something was enqueued and nothing follows at once, or the stream is over. */
  async function advance(): Promise<void> {
    let joined = "";
    const joinedSteps: Extract<ReplyStep, { type: "event" }>[] = [];
    const flush = () =>
      send(joined, () => {
        for (const step of joinedSteps) options.onEvent(step);
      });

    while (!over.signal.aborted) {
      if (keepAliveEveryMs !== undefined) {
        await waitFor(keepAliveEveryMs, over.signal);
        await send(options.keepAlive(), () => {});
        return;
      }
      if (!options.joinEvents && !(await turnCame())) return send(options.keepAlive(), () => {});
      const next = over.signal.aborted ? undefined : steps.next();
      if (next === undefined) return;
      if (!next.done && next.value.type === "event") {
        const step = next.value;
        if (options.joinEvents) {
          joined += step.text;
          joinedSteps.push(step);
          if (joined.length < maxJoinedChars) continue;
          return flush();
        }
        await send(step.text, () => options.onEvent(step));
        isFinished ||= step.isFinish === true;
        // Behind the finish the loop goes on at once, unless pieces of it are still to be sent.
        if (!isFinished || pieces.length > 0) return;
        continue;
      }
      if (joined !== "") {
        await flush();
        joined = "";
      }
      if (next.done) return close("complete");
      switch (next.value.type) {
        case "end":
          return close("cut");
        case "drop":
          if (options.resetError === undefined) await waitFor(flushMs, over.signal);
          if (finish("cut")) controller?.error(options.resetError);
          return;
        case "stall":
          keepAliveEveryMs = next.value.keepAliveEveryMs;
          if (keepAliveEveryMs === undefined) await untilAborted(over.signal);
          break;
        default:
          next.value satisfies { type: "event" };
      }
    }
  }

  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(given) {
        controller = given;
        options.signal.addEventListener("abort", abort, { once: true });
      },
      async pull() {
        if (pieces.length === 0) return advance();
        // A turn of the event loop, because the server joins what is enqueued within one.
        await new Promise((resolve) => setImmediate(resolve));
        if (!over.signal.aborted) sendPiece();
      },
      cancel() {
        finish("aborted");
      },
    },
    // Nothing is made before it is asked for, so what was delivered is what the reader took.
    { highWaterMark: 0 },
  );

  return {
    body,
    stop() {
      if (finish("stopped")) controller?.close();
    },
  };
}

function split(bytes: Uint8Array<ArrayBuffer>, size: number | undefined): Uint8Array<ArrayBuffer>[] {
  if (size === undefined || bytes.length <= size) return [bytes];
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let start = 0; start < bytes.length; start += size) pieces.push(bytes.subarray(start, start + size));
  return pieces;
}
