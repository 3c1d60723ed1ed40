// How the parts of the shared store ask it: what time it is and how long things are kept goes with each question.

import type { Log } from "../../telemetry/log.ts";
import { silentLog } from "../../telemetry/log.ts";
import type { StoreOptions } from "../store-options.ts";
import type { RedisConnection } from "./connection.ts";
import type { ScriptName } from "./scripts.ts";
import { StoreUnreachable } from "./store-errors.ts";
import { GatewayError } from "../../contract/gateway-error.ts";

/** Beyond the timeout, so that a sweep still sees what is over and can have its chat deleted. */
const afterwardsMs = 24 * 3600_000;
/** How long the end of a turn is tried while the store is away. */
const giveUpAfterMs = 60_000;
const pauseMs = 100;

export class Session {
  readonly log: Log;
  readonly #connection: RedisConnection;
  readonly #options: StoreOptions;
  #trying = 0;

  constructor(connection: RedisConnection, options: StoreOptions) {
    this.#connection = connection;
    this.#options = options;
    this.log = options.log ?? silentLog;
  }

  nowMs(): number {
    return this.#options.clock();
  }

  /** @see Run */
  ask(script: ScriptName, ask: object, texts?: readonly string[]): Promise<unknown> {
    const now = this.nowMs();
    const { sessionTimeoutMs } = this.#options;
    const moment = { now, oldest: now - sessionTimeoutMs, keep: sessionTimeoutMs + afterwardsMs };
    return this.#connection.run(script, { ...moment, ...ask }, texts);
  }

  /**
   * Once more when the connection broke under it and is there again soon: what a server has done that restarts just then, nobody
   * was told. For what may be done twice.
   */
  async askAgainIfLost(script: ScriptName, ask: object): Promise<unknown> {
    try {
      return await this.ask(script, ask);
    } catch (error) {
      if (!(error instanceof StoreUnreachable) || !error.mayBeDone) throw error;
      if (!(await this.#connection.waitUntilUp(this.#connection.limits.answerMs))) throw error;
    }
    return this.ask(script, ask);
  }

  /** Again as soon as the store is there, for what must not be lost. Once more it says so: what was done stays done. */
  async askUntilDone(script: ScriptName, ask: object, texts?: readonly string[]): Promise<unknown> {
    const deadlineMs = performance.now() + giveUpAfterMs;
    for (let again = false; ; again = true) {
      try {
        return await this.ask(script, again ? { ...ask, again } : ask, texts);
      } catch (error) {
        const isAway = error instanceof GatewayError && error.kind === "overloaded";
        if (!isAway || !(await this.#waitFor(error, deadlineMs))) throw error;
      }
    }
  }

  async #waitFor(error: GatewayError, deadlineMs: number): Promise<boolean> {
    const leftMs = deadlineMs - performance.now();
    if (leftMs <= 0 || this.#trying >= mostTrying) return false;
    this.#trying++;
    try {
      // A server that refuses is there all the same: it is left in peace for a moment.
      if (!(error instanceof StoreUnreachable)) await Bun.sleep(Math.min(pauseMs, leftMs));
      return await this.#connection.waitUntilUp(Math.max(0, deadlineMs - performance.now()));
    } finally {
      this.#trying--;
    }
  }
}

/** Ends of turns that wait for the store, in this process. */
const mostTrying = 10_000;
