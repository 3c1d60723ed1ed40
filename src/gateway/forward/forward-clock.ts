// The time in which nobody has answered yet: who is waited for, for how long, and what ends the waiting.

import { GatewayError } from "../../contract/gateway-error.ts";
import { clientLeft } from "../replies/attempt-errors.ts";
import type { Liveness, Watched } from "../replies/liveness.ts";
import type { UploadHooks } from "./upload.ts";

export class ForwardClock implements Watched, UploadHooks {
  startedAtMs: number;
  lastByteAtMs: number | undefined = undefined;
  /** While the client is waited for: its upload is as slow as it likes, but not silent. */
  pausedAtMs: number | undefined = undefined;
  lastWriteAtMs: number;
  readonly #liveness: Liveness;
  readonly #controller = new AbortController();
  readonly #clientSignal: AbortSignal;
  readonly #onBodyOver: () => void;
  readonly #onClientAbort = (): void => this.abort(clientLeft());

  /** @param onBodyOver called once the client has sent all of its body */
  constructor(liveness: Liveness, clientSignal: AbortSignal, onBodyOver: () => void) {
    this.#liveness = liveness;
    this.#clientSignal = clientSignal;
    this.#onBodyOver = onBodyOver;
    this.startedAtMs = liveness.now();
    this.lastWriteAtMs = this.startedAtMs;
    clientSignal.addEventListener("abort", this.#onClientAbort, { once: true });
    if (clientSignal.aborted) this.abort(clientLeft());
    liveness.watch(this);
  }

  /** Aborted when the waiting is over without an answer. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get hasLeft(): boolean {
    return this.#clientSignal.aborted;
  }

  /** An attempt begins, or a wait before one. */
  begin(): void {
    this.startedAtMs = this.#liveness.now();
    this.lastByteAtMs = undefined;
    this.#liveness.watch(this);
  }

  /** Nobody is asked for now, so that nobody can be silent. */
  rest(): void {
    this.#liveness.unwatch(this);
  }

  alive(): void {
    this.lastByteAtMs = this.#liveness.now();
  }

  /** An answer is there, or none will be. */
  stop(): void {
    this.#clientSignal.removeEventListener("abort", this.#onClientAbort);
    this.#liveness.unwatch(this);
  }

  abort(reason: GatewayError): void {
    this.#controller.abort(reason);
  }

  waiting(): void {
    this.pausedAtMs = this.#liveness.now();
  }

  arrived(isOver: boolean): void {
    this.pausedAtMs = undefined;
    this.alive();
    if (isOver) this.#onBodyOver();
  }

  expire(error: GatewayError): void {
    this.abort(error);
  }

  heartbeat(nowMs: number): void {
    // There is no head yet that could carry one.
    this.lastWriteAtMs = nowMs;
  }

  cut(): void {
    this.abort(new GatewayError("invalid-request", "Cannot read the request body: its client stopped sending"));
  }
}
