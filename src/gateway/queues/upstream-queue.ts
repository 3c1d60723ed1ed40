// The line in front of one upstream: who may send a request now, and who waits. Callers take turns, and the requests of one
// caller keep their order. Every wait has an end, and the line has one.

import { GatewayError } from "../../contract/gateway-error.ts";
import type { ToldLimits, UpstreamLimits } from "../../contract/limits.ts";
import { LimitsInForce } from "./limits-in-force.ts";
import { type Desk, GrantedPass, type Pass } from "./queue-pass.ts";
import type { Load } from "./told-allowances.ts";

export interface QueueRequest {
  readonly caller: string;
  /** As the upstream is asked for it; "" for its own default. */
  readonly model: string;
  /** An estimate of the prompt; 0 where nobody counts. */
  readonly tokens: number;
  readonly signal: AbortSignal;
  /** How long this request may wait here at most; the upstream's own limit holds beside it. */
  readonly maxWaitMs: number;
}

/** `full`: too many wait. `too-long`: it would have to wait for too long. `expired`: it did. */
export type QueueRefusal = "full" | "too-long" | "expired";

export interface QueueOptions {
  readonly name: string;
  readonly limits: UpstreamLimits;
  /** Milliseconds that only rise. */
  readonly clock: () => number;
  /** Somebody begins to wait: from now on `sweep` has to be called. */
  readonly onWaiting: () => void;
  readonly onRefused: (reason: QueueRefusal) => void;
}

interface Waiter extends QueueRequest {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly resolve: (pass: Pass) => void;
  readonly reject: (reason: unknown) => void;
  readonly onAbort: () => void;
}

const leastRetryMs = 1000;

export class UpstreamQueue {
  readonly #options: QueueOptions;
  #settings: UpstreamLimits;
  #limits: LimitsInForce;
  #adoptedAtMs = Number.NEGATIVE_INFINITY;
  /** Who waits, by caller. The first caller is served next, and goes to the end then. */
  readonly #lines = new Map<string, Waiter[]>();
  #waiting = 0;
  #running = 0;
  /** Sent, and not answered by a head. */
  #unansweredRequests = 0;
  #unansweredTokens = 0;
  readonly #desk: Desk = {
    answered: (pass) => this.#answered(pass),
    note: (pass, told) => this.#note(pass, told),
    left: (pass, really) => this.#left(pass, really),
  };

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#settings = options.limits;
    this.#limits = new LimitsInForce(options.limits);
  }

  /** Other limits from now on: their windows begin empty. The same ones again change nothing. */
  adopt(limits: UpstreamLimits): void {
    if (Bun.deepEquals(limits, this.#settings)) return;
    this.#settings = limits;
    this.#limits = new LimitsInForce(limits);
    this.#adoptedAtMs = this.#options.clock();
    this.#admit(this.#adoptedAtMs);
  }

  get waiting(): number {
    return this.#waiting;
  }

  get running(): number {
    return this.#running;
  }

  get countsTokens(): boolean {
    return this.#limits.countsTokens;
  }

  /** Whether a request that comes now would be sent at once. */
  isFree(model: string, tokens: number): boolean {
    const nowMs = this.#options.clock();
    return this.#waiting === 0 && this.#isOpen(tokens, nowMs) && this.#modelMs(model, tokens, nowMs) === 0;
  }

  /** How long a request that comes now will probably wait, in milliseconds; 0 also where nobody can tell. */
  expectedMs(caller: string, model: string, tokens: number): number {
    if (this.isFree(model, tokens)) return 0;
    const nowMs = this.#options.clock();
    const ahead = this.#aheadOf(caller);
    const ended = this.#limits.endsMs(ahead.requests + 1, nowMs) ?? 0;
    return Math.ceil(Math.max(this.#certainMs(ahead, model, tokens, nowMs), ended));
  }

  /**
   * A pass, at once or when it is this request's turn.
   * @throws {GatewayError} `rate-limited` when the line is full, or the wait would be, or has been, too long; the signal's
   * reason when it is aborted first: the place is given up at once.
   */
  enter(request: QueueRequest): Pass | Promise<Pass> {
    const { caller, model, tokens, signal } = request;
    if (signal.aborted) throw signal.reason;
    if (this.isFree(model, tokens)) return this.#grant(request, 0);
    const nowMs = this.#options.clock();
    const { queueSize, queueWaitMs } = this.#settings;
    if (this.#waiting >= queueSize) throw this.#refuse("full", this.expectedMs(caller, model, tokens));
    const maxWaitMs = Math.min(queueWaitMs, request.maxWaitMs);
    const ahead = this.#aheadOf(caller);
    // Nobody knows when the next reply ends; but those who are before this one will take their time.
    const leastMs = Math.max(
      this.#certainMs(ahead, model, tokens, nowMs),
      this.#limits.endsMs(ahead.requests, nowMs) ?? 0,
    );
    if (leastMs > maxWaitMs || maxWaitMs <= 0) throw this.#refuse("too-long", leastMs);
    const { promise, resolve, reject } = Promise.withResolvers<Pass>();
    const waiter: Waiter = {
      ...request,
      sinceMs: nowMs,
      untilMs: nowMs + maxWaitMs,
      resolve,
      reject,
      onAbort: () => this.#remove(waiter, signal.reason),
    };
    this.#push(waiter);
    // It may wait for nobody but those whose own model is held up.
    this.#admit(nowMs);
    return promise;
  }

  /** Lets in whom the time has let in, and refuses who has waited for too long. */
  sweep(): void {
    if (this.#waiting === 0) return;
    const nowMs = this.#options.clock();
    this.#admit(nowMs);
    for (const line of [...this.#lines.values()]) {
      for (const waiter of line.filter(({ untilMs }) => untilMs <= nowMs)) {
        // Let in when the one before it was refused.
        if (!line.includes(waiter)) continue;
        const { caller, model, tokens } = waiter;
        this.#remove(waiter, this.#refuse("expired", this.expectedMs(caller, model, tokens), nowMs - waiter.sinceMs));
      }
    }
  }

  #isOpen(tokens: number, nowMs: number): boolean {
    return this.#running < this.#limits.maxConcurrent(nowMs) && this.#limits.sharedMs(tokens, nowMs) === 0;
  }

  #modelMs(model: string, tokens: number, nowMs: number): number {
    return this.#limits.modelMs(model, { requests: 1, tokens }, nowMs);
  }

  /** How long it takes at least, whoever leaves: by rates and by what the server told. */
  #certainMs(ahead: Load, model: string, tokens: number, nowMs: number): number {
    const all = { requests: ahead.requests + 1, tokens: ahead.tokens + tokens };
    return Math.max(this.#limits.spreadMs(all, nowMs), this.#modelMs(model, tokens, nowMs));
  }

  /** Those who are served before a request that this caller sends now, if nobody else comes. */
  #aheadOf(caller: string): Load {
    const turns = (this.#lines.get(caller)?.length ?? 0) + 1;
    let requests = 0;
    let tokens = 0;
    for (const [other, line] of this.#lines) {
      for (const waiter of other === caller ? line : line.slice(0, turns)) {
        requests++;
        tokens += waiter.tokens;
      }
    }
    return { requests, tokens };
  }

  #push(waiter: Waiter): void {
    const line = this.#lines.get(waiter.caller);
    if (line === undefined) this.#lines.set(waiter.caller, [waiter]);
    else line.push(waiter);
    this.#waiting++;
    waiter.signal.addEventListener("abort", waiter.onAbort, { once: true });
    this.#options.onWaiting();
  }

  /** What an upstream's limits hold up nobody overtakes; what its model's do is passed over, and keeps its turn. */
  #admit(nowMs: number): void {
    // Who goes to the end is met again: a map's iteration sees what is added meanwhile.
    for (const [caller, line] of this.#lines) {
      const next = line[0];
      if (next === undefined) continue;
      if (!this.#isOpen(next.tokens, nowMs)) return;
      if (this.#modelMs(next.model, next.tokens, nowMs) > 0) continue;
      this.#take(next);
      if (line.length > 0) {
        this.#lines.delete(caller);
        this.#lines.set(caller, line);
      }
      next.resolve(this.#grant(next, nowMs - next.sinceMs));
    }
  }

  #remove(waiter: Waiter, reason: unknown): void {
    this.#take(waiter);
    waiter.reject(reason);
    // Whoever stood behind it may want less.
    this.#admit(this.#options.clock());
  }

  #take(waiter: Waiter): void {
    const line = this.#lines.get(waiter.caller);
    line?.splice(line.indexOf(waiter), 1);
    if (line?.length === 0) this.#lines.delete(waiter.caller);
    this.#waiting--;
    waiter.signal.removeEventListener("abort", waiter.onAbort);
  }

  #grant({ model, tokens }: QueueRequest, waitedMs: number): Pass {
    const takenAtMs = this.#options.clock();
    this.#limits.take(model, tokens, takenAtMs);
    this.#running++;
    this.#unansweredRequests++;
    this.#unansweredTokens += tokens;
    return new GrantedPass(this.#desk, model, tokens, takenAtMs, waitedMs);
  }

  #answered({ tokens }: GrantedPass): void {
    this.#unansweredRequests--;
    this.#unansweredTokens -= tokens;
  }

  #note({ model }: GrantedPass, told: ToldLimits): void {
    const unanswered = { requests: this.#unansweredRequests, tokens: this.#unansweredTokens };
    this.#limits.note(model, told, unanswered, this.#running, this.#options.clock());
  }

  #left({ tokens, takenAtMs }: GrantedPass, really: number | undefined): void {
    const nowMs = this.#options.clock();
    this.#running--;
    // What was taken of windows that count no more is not given back to those that do.
    const isCounted = really !== undefined && takenAtMs >= this.#adoptedAtMs;
    this.#limits.end(isCounted ? really - tokens : 0, takenAtMs, nowMs);
    this.#admit(nowMs);
  }

  #refuse(reason: QueueRefusal, expectedMs: number, waitedMs = 0): GatewayError {
    const { name, onRefused } = this.#options;
    onRefused(reason);
    const retryAfterMs = Math.max(expectedMs, leastRetryMs);
    const told = `Cannot send the request to "${name}": ${reasons[reason](this.#waiting, seconds(waitedMs))}`;
    return new GatewayError("rate-limited", `${told}. Send it again in ${seconds(retryAfterMs)} s`, {
      upstream: name,
      retryAfterMs,
    });
  }
}

const reasons: Readonly<Record<QueueRefusal, (waiting: number, waitedSeconds: number) => string>> = {
  full: (waiting) => `it is at its limit, and ${waiting} requests wait for it already`,
  "too-long": () => "it is at its limit, and would be for longer than a request may wait",
  expired: (_, waitedSeconds) => `it was at its limit for all of the ${waitedSeconds} s that the request waited`,
};

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
