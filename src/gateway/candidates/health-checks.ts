// Small questions to servers of one's own, asked only while the answer matters: when a server seems to be ill, so that it
// is used as soon as it is back, and when another one could stand in for it, so that no request pays for finding it gone.

import { GatewayError, toGatewayError } from "../../contract/gateway-error.ts";
import type { Log } from "../../telemetry/log.ts";
import type { WatchedUpstream } from "../../telemetry/watch-upstream.ts";
import type { UpstreamCircuits } from "./breaker.ts";

export interface HealthChecksOptions {
  readonly upstreams: () => readonly WatchedUpstream[];
  readonly circuits: UpstreamCircuits;
  /** Attempts that run at an upstream. */
  readonly running: (upstream: string) => number;
  /** Between two rounds. 0: there are none. */
  readonly intervalMs: number;
  /** For one check. */
  readonly timeoutMs: number;
  readonly clock: () => number;
  readonly log: Log;
}

export interface HealthChecks {
  start(): void;
  /** Asks everybody of whom it matters. Resolves when that is over; never rejects. */
  round(): Promise<void>;
  /** Ends what runs. */
  stop(): void;
}

type Verdict = "ready" | "not-ready" | "unreachable" | "silent" | "unknown";

const failureKinds = { "not-ready": "overloaded", unreachable: "upstream-failed", silent: "upstream-timeout" } as const;

interface Checked {
  isFailing: boolean;
  silentInRow: number;
  /** Of the check that runs. */
  controller: AbortController | undefined;
}

/** A server that is busy may miss one; one that is gone refuses the connection. */
const mostSilent = 2;

export function createHealthChecks(options: HealthChecksOptions): HealthChecks {
  const { circuits, running, intervalMs, timeoutMs, clock, log } = options;
  const known = new Map<string, Checked>();
  let timer: ReturnType<typeof setInterval> | undefined;
  let isStopped = false;

  function checkedOf(name: string): Checked {
    let checked = known.get(name);
    if (checked === undefined) {
      checked = { isFailing: false, silentInRow: 0, controller: undefined };
      known.set(name, checked);
    }
    return checked;
  }

  function matters({ name, reachability }: WatchedUpstream): boolean {
    const { state, lastAnswerAtMs } = reachability();
    if (checkedOf(name).isFailing || state === "failing" || circuits.state(name) !== "closed") return true;
    if (!circuits.hasAlternative(name) || running(name) > 0) return false;
    // Half of it, since timers are not exact: the answer to the check before must not stand for this one.
    return lastAnswerAtMs === undefined || clock() - lastAnswerAtMs >= intervalMs / 2;
  }

  async function check(upstream: WatchedUpstream): Promise<void> {
    const { checkHealth } = upstream;
    const checked = checkedOf(upstream.name);
    if (checkHealth === undefined || checked.controller !== undefined || !matters(upstream)) return;
    checked.controller = new AbortController();
    const verdict = await ask(checkHealth, checked.controller, timeoutMs);
    checked.controller = undefined;
    if (!isStopped) judge(upstream, checked, verdict);
  }

  function judge(upstream: WatchedUpstream, checked: Checked, verdict: Verdict): void {
    const { name } = upstream;
    if (verdict === "unknown") return;
    if (verdict === "ready") {
      checked.silentInRow = 0;
      upstream.noteCheck(undefined);
      if (!checked.isFailing) return;
      checked.isFailing = false;
      circuits.resume(name);
      log.info("A server passes its health check again", { upstream: name });
      return;
    }
    // Some answer one after the other: whoever is served makes the others wait.
    if (verdict === "silent" && (running(name) > 0 || ++checked.silentInRow < mostSilent)) return;
    const kind = failureKinds[verdict];
    upstream.noteCheck(kind);
    // What answers that it is ill may serve nevertheless: it is suspended once, and then requests are believed.
    if (!checked.isFailing || verdict === "unreachable") circuits.suspend(name);
    if (checked.isFailing) return;
    checked.isFailing = true;
    log.warn("A server fails its health check", { upstream: name, kind });
  }

  async function round(): Promise<void> {
    if (isStopped) return;
    await Promise.all(options.upstreams().map(check));
  }

  return {
    start() {
      const hasServers = options.upstreams().some(({ checkHealth }) => checkHealth !== undefined);
      if (intervalMs === 0 || !hasServers) return;
      timer ??= setInterval(() => void round(), intervalMs);
      timer.unref();
    },
    round,
    stop() {
      isStopped = true;
      clearInterval(timer);
      for (const { controller } of known.values()) controller?.abort();
    },
  };
}

async function ask(
  checkHealth: NonNullable<WatchedUpstream["checkHealth"]>,
  controller: AbortController,
  timeoutMs: number,
): Promise<Verdict> {
  const late = new GatewayError("upstream-timeout", `No answer to a health check within ${timeoutMs} ms`);
  const timer = setTimeout(() => controller.abort(late), timeoutMs);
  timer.unref();
  try {
    return (await checkHealth(controller.signal)) ? "ready" : "not-ready";
  } catch (error) {
    const { kind } = toGatewayError(controller.signal.aborted ? controller.signal.reason : error);
    if (kind === "upstream-timeout") return "silent";
    // What the gateway itself could not send, or gave up, tells nothing.
    return kind === "upstream-failed" ? "unreachable" : "unknown";
  } finally {
    clearTimeout(timer);
  }
}
