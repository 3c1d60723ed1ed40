// The bytes of an upstream's answer to the client, as they come: paused while the client does not read, never rebuilt.

import type { ByteSink, ByteSource } from "../../contract/byte-source.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import { clientStalled, connectionBroke } from "../replies/attempt-errors.ts";
import type { Liveness, Watched } from "../replies/liveness.ts";
import { streamingErrorFrame } from "../replies/streaming-error.ts";

export interface RelayHooks {
  /** Bytes went to the client. */
  sent(bytes: Uint8Array): void;
  /** Called once. Without an error: to its end. */
  ended(outcome: "complete" | "failed" | "aborted", error: GatewayError | undefined): void;
  /** The client has stopped reading for too long: its connection is of no more use. */
  abandoned(): void;
}

/** What a client may leave unread before its source is paused. */
const strategy = new ByteLengthQueuingStrategy({ highWaterMark: 64 * 1024 });
const encoder = new TextEncoder();
/** Line ends are LF, CRLF and CR. */
const blankLine = /(?:\n\n|\r\n\r\n|\r\r)$/;
const blankLineBytes = 4;

/** It is its own underlying source: `start`, `pull` and `cancel` are the stream's to call. */
export class ForwardRelay implements ByteSink, Watched {
  startedAtMs: number;
  lastByteAtMs: number | undefined;
  pausedAtMs: number | undefined = undefined;
  lastWriteAtMs: number;
  readonly #source: ByteSource;
  readonly #isEventStream: boolean;
  readonly #liveness: Liveness;
  readonly #hooks: RelayHooks;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** The last bytes, as far as they tell whether a blank line stands at the end: the next event may begin. */
  #tail = "\n\n";
  #isOver = false;

  constructor(
    source: ByteSource,
    options: { readonly isEventStream: boolean; readonly startedAtMs: number; readonly liveness: Liveness },
    hooks: RelayHooks,
  ) {
    this.#source = source;
    this.#isEventStream = options.isEventStream;
    this.#liveness = options.liveness;
    this.#hooks = hooks;
    this.startedAtMs = options.startedAtMs;
    this.lastByteAtMs = options.liveness.now();
    this.lastWriteAtMs = this.lastByteAtMs;
  }

  open(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(this, strategy);
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    this.#liveness.watch(this);
    this.#source.start(this);
  }

  pull(): void {
    if (this.pausedAtMs === undefined) return;
    this.pausedAtMs = undefined;
    // The pause was the client's: the upstream's silence counts from now on.
    this.lastByteAtMs = this.#liveness.now();
    this.#source.resume();
  }

  cancel(): void {
    this.#controller = undefined;
    this.#finish("aborted", undefined);
  }

  chunk(bytes: Uint8Array): void {
    if (this.#isOver || bytes.length === 0) return;
    const nowMs = this.#liveness.now();
    this.lastByteAtMs = nowMs;
    this.lastWriteAtMs = nowMs;
    if (this.#isEventStream) this.#tail = (this.#tail + lastOf(bytes)).slice(-blankLineBytes);
    this.#enqueue(bytes.slice());
    if ((this.#controller?.desiredSize ?? 0) > 0) return;
    this.pausedAtMs ??= nowMs;
    this.#source.pause();
  }

  end(): void {
    if (this.#isOver) return;
    this.#controller?.close();
    this.#controller = undefined;
    this.#finish("complete", undefined);
  }

  fail(cause: unknown): void {
    this.expire(connectionBroke(cause));
  }

  /** An event stream is told why; anything else is cut, so that nothing looks complete. */
  expire(error: GatewayError): void {
    if (this.#isOver) return;
    if (this.#isEventStream) {
      this.#enqueue(encoder.encode(`\n\n${streamingErrorFrame(error)}`));
      this.#controller?.close();
    } else this.#controller?.error(error);
    this.#controller = undefined;
    this.#finish("failed", error);
  }

  heartbeat(nowMs: number): void {
    this.lastWriteAtMs = nowMs;
    if (this.#isEventStream && blankLine.test(this.#tail)) this.#enqueue(encoder.encode(": keepalive\n\n"));
  }

  cut(): void {
    this.#controller?.error(clientStalled());
    this.#controller = undefined;
    this.#hooks.abandoned();
    this.#finish("aborted", undefined);
  }

  #enqueue(bytes: Uint8Array): void {
    if (this.#controller === undefined) return;
    this.#controller.enqueue(bytes);
    this.#hooks.sent(bytes);
  }

  #finish(outcome: "complete" | "failed" | "aborted", error: GatewayError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#liveness.unwatch(this);
    if (outcome !== "complete") this.#source.cancel();
    this.#hooks.ended(outcome, error);
  }
}

function lastOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(-blankLineBytes)).toString("latin1");
}
