// The time in which an upstream has not answered yet: its first-byte clock runs, and a client whose head is out hears
// heartbeats. One object serves all attempts of an exchange.

import type { GatewayError } from "../contract/gateway-error.ts";
import type { Liveness, Watched } from "./liveness.ts";
import type { ReplyConsumer } from "./reply-consumer.ts";

export class Opening implements Watched {
  startedAtMs = 0;
  readonly lastByteAtMs = undefined;
  readonly pausedAtMs = undefined;
  lastWriteAtMs = 0;
  waitsForWhole = false;
  readonly #liveness: Liveness;
  readonly #consumer: ReplyConsumer;
  readonly #onCut: () => void;
  /** Aborted when the clock runs out. */
  #controller: AbortController | undefined;

  constructor(liveness: Liveness, consumer: ReplyConsumer, onCut: () => void) {
    this.#liveness = liveness;
    this.#consumer = consumer;
    this.#onCut = onCut;
  }

  /** Starts the clock anew. @returns what ends the waiting, for whoever waits */
  begin(): AbortController {
    this.startedAtMs = this.#liveness.now();
    this.lastWriteAtMs = this.startedAtMs;
    this.waitsForWhole = false;
    this.#controller = new AbortController();
    this.#liveness.watch(this);
    return this.#controller;
  }

  /** Waits for somebody else than the upstream: its clock does not run. @returns the time, on the clock of `nowMs` */
  wait(): number {
    this.startedAtMs = Number.POSITIVE_INFINITY;
    this.lastWriteAtMs = this.nowMs;
    this.#liveness.watch(this);
    return this.lastWriteAtMs;
  }

  get nowMs(): number {
    return this.#liveness.now();
  }

  stop(): void {
    this.#liveness.unwatch(this);
  }

  /** Also ends what was opened: its signal bounds the reply as long as it runs. */
  abort(reason: GatewayError): void {
    this.#controller?.abort(reason);
  }

  expire(error: GatewayError): void {
    this.#controller?.abort(error);
  }

  heartbeat(nowMs: number): void {
    if (this.#consumer.heartbeat()) this.lastWriteAtMs = nowMs;
  }

  cut(): void {
    this.#onCut();
  }
}
