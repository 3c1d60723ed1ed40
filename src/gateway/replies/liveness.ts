// The clocks of all running replies: one sweeping timer looks after upstreams that fall silent and clients that stop reading.

import { GatewayError } from "../../contract/gateway-error.ts";

export interface LivenessOptions {
  /** From the request to the first byte of its answer. */
  readonly firstByteMs: number;
  /** Longest silence while the upstream is being read; keep-alive events of the upstream count as life. */
  readonly stallMs: number;
  /** A reply in all. */
  readonly replyMs: number;
  /** Silence towards the client after which it hears a heartbeat. */
  readonly heartbeatMs: number;
  /** How long a client may stop reading. */
  readonly clientStallMs: number;
}

/** A reply as the sweeping timer sees it. Plain fields: the hot path writes them, the timer reads them. */
export interface Watched {
  startedAtMs: number;
  /** Undefined until the upstream has sent a byte. */
  lastByteAtMs: number | undefined;
  /** When the client stopped reading; the upstream is not stalled meanwhile. */
  pausedAtMs: number | undefined;
  lastWriteAtMs: number;
  /** Nothing comes before the whole answer: only the clock of the reply counts until then. */
  readonly waitsForWhole?: boolean;
  /** Ends the reply with the error. */
  expire(error: GatewayError): void;
  /** The upstream fell silent: ends the reply well if it was whole before, else with the error. @defaultValue `expire` */
  stalled?(error: GatewayError): void;
  heartbeat(nowMs: number): void;
  /** The client has not read for too long. */
  cut(): void;
}

export interface Liveness {
  /** Monotonic milliseconds, as the fields of `Watched` want them. */
  now(): number;
  watch(watched: Watched): void;
  unwatch(watched: Watched): void;
  stop(): void;
}

export function createLiveness(options: LivenessOptions): Liveness {
  const watchedReplies = new Set<Watched>();
  const shortestMs = Math.min(...Object.values(options));
  const sweepMs = Math.min(Math.max(Math.floor(shortestMs / 8), 5), 1000);
  let timer: ReturnType<typeof setInterval> | undefined;
  const now = (): number => performance.now();

  function sweep(): void {
    const nowMs = now();
    for (const watched of watchedReplies) check(watched, nowMs, options);
    // Not when the last one ends: the next begins soon.
    if (watchedReplies.size === 0) stopTimer();
  }

  function stopTimer(): void {
    clearInterval(timer);
    timer = undefined;
  }

  return {
    now,
    watch(watched) {
      watchedReplies.add(watched);
      timer ??= setInterval(sweep, sweepMs);
    },
    unwatch(watched) {
      watchedReplies.delete(watched);
    },
    stop() {
      watchedReplies.clear();
      stopTimer();
    },
  };
}

function check(watched: Watched, nowMs: number, options: LivenessOptions): void {
  if (nowMs - watched.startedAtMs > options.replyMs) {
    return watched.expire(timeout(`The answer took longer than ${seconds(options.replyMs)} s`));
  }
  if (watched.pausedAtMs !== undefined) {
    if (nowMs - watched.pausedAtMs > options.clientStallMs) watched.cut();
    return;
  }
  if (watched.lastByteAtMs === undefined) {
    if (watched.waitsForWhole !== true && nowMs - watched.startedAtMs > options.firstByteMs) {
      return watched.expire(timeout(`Qwen sent nothing for ${seconds(options.firstByteMs)} s`));
    }
  } else if (nowMs - watched.lastByteAtMs > options.stallMs) {
    const error = timeout(`Qwen fell silent for ${seconds(options.stallMs)} s in the middle of its answer`);
    return watched.stalled === undefined ? watched.expire(error) : watched.stalled(error);
  }
  if (nowMs - watched.lastWriteAtMs >= options.heartbeatMs) watched.heartbeat(nowMs);
}

function timeout(what: string): GatewayError {
  return new GatewayError("upstream-timeout", `${what}: send the message again`, { retryable: true });
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
