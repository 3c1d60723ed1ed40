// The time in which an upstream has not answered yet: its first-byte clock runs, and a client whose head is out hears
// heartbeats. One object serves all attempts of an exchange, and ends what they wait for.

import type { GatewayError } from "../../contract/gateway-error.ts";
import type { Liveness, Watched } from "./liveness.ts";
import type { ReplyConsumer } from "./reply-consumer.ts";

export interface OpeningHooks {
  /** The client of an exchange that waits has not read for too long. */
  clientLeft(): void;
}

export class Opening implements Watched {
  startedAtMs = 0;
  readonly lastByteAtMs = undefined;
  readonly pausedAtMs = undefined;
  lastWriteAtMs = 0;
  waitsForWhole = false;
  readonly #liveness: Liveness;
  readonly #consumer: ReplyConsumer;
  readonly #hooks: OpeningHooks;
  /** Of the attempt and of what is waited for before it. Made when somebody asks for its signal. */
  #controller: AbortController | undefined;
  /** Why the whole exchange has ended. */
  #reason: GatewayError | undefined;

  constructor(liveness: Liveness, consumer: ReplyConsumer, hooks: OpeningHooks) {
    this.#liveness = liveness;
    this.#consumer = consumer;
    this.#hooks = hooks;
  }

  /** Ends what is waited for now: aborted with the exchange, and when the attempt's clock runs out. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Why the exchange has been ended from outside. Undefined: it has not. */
  get reason(): GatewayError | undefined {
    return this.#reason;
  }

  /** An attempt: its clock starts anew. */
  begin(): void {
    this.startedAtMs = this.#liveness.now();
    this.lastWriteAtMs = this.startedAtMs;
    this.waitsForWhole = false;
    this.#liveness.watch(this);
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

  /** The attempt has failed: what comes after it is not ended with it. */
  renew(): void {
    this.#controller = undefined;
  }

  /** Also ends what was opened: its signal bounds the reply as long as it runs. Only the first reason counts. */
  abort(reason: GatewayError): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }

  expire(error: GatewayError): void {
    this.#controller?.abort(error);
  }

  heartbeat(nowMs: number): void {
    if (this.#consumer.heartbeat()) this.lastWriteAtMs = nowMs;
  }

  cut(): void {
    this.#hooks.clientLeft();
  }
}
