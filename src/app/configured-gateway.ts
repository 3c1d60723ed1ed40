// The gateway as the settings have it.

import type { Config } from "../config/config-schema.ts";
import type { Clock } from "../contract/clock.ts";
import type { HistoryRecorder } from "../history/ended-exchange.ts";
import type { FindFile } from "../gateway/file-references.ts";
import { createGateway, type Gateway } from "../gateway/gateway.ts";
import type { GatewayLedger } from "../gateway/ledger.ts";
import type { Quotas } from "../gateway/quotas/quotas.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { ComposedUpstreams } from "./compose-upstreams.ts";

export interface GatewayParts {
  readonly upstreams: ComposedUpstreams;
  readonly findFile: FindFile;
  readonly history: HistoryRecorder | undefined;
  readonly store: Store;
  readonly ledger: GatewayLedger;
  readonly quotas: Quotas;
  readonly metrics: Metrics;
  readonly tracing: Tracing | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * A turn that has not been kept is begun anew by whichever gateway gets the next one: the end of an answer rather waits while
 * the shared store restarts.
 */
const sharedCommitMs = 5000;

/** How long the end of an answer waits until it is remembered. Undefined: only as long as for a file. */
export function commitLimitOf({ unreachable }: Store, { storeDown }: Config): number | undefined {
  return unreachable !== undefined && storeDown === "refuse" ? sharedCommitMs : undefined;
}

export function createConfiguredGateway(
  config: Config,
  { upstreams, findFile, history, store, ledger, quotas, metrics, tracing, clock, log }: GatewayParts,
): Gateway {
  const commitMs = commitLimitOf(store, config);
  return createGateway({
    upstreams: upstreams.current,
    findFile,
    history,
    modelRoutes: config.modelRoutes ?? {},
    breakerOpenMs: config.breakerOpenMs,
    store,
    storeDown: config.storeDown,
    ...(commitMs === undefined ? {} : { commitMs }),
    defaultModel: config.defaultModel,
    sessionMatch: config.sessionMatch,
    deleteChats: config.qwenDeleteChats,
    stream: config.stream,
    streamUsage: config.streamUsage,
    liveness: {
      firstByteMs: config.firstByteTimeoutMs,
      stallMs: config.stallTimeoutMs,
      replyMs: config.replyTimeoutMs,
      heartbeatMs: config.sseKeepaliveMs,
      clientStallMs: config.clientStallMs,
    },
    holdHeadersMs: config.holdHeadersMs,
    retry: {
      maxAttempts: config.retryMaxAttempts,
      baseDelayMs: config.retryBaseDelayMs,
      maxDelayMs: config.retryMaxDelayMs,
    },
    retryBudgetMs: config.retryBudgetMs,
    display: { thoughts: config.reasoningDisplay, wrapsAnswer: config.wrapAnswer === "attempt_completion" },
    debugStreaming: config.debugStreaming,
    contextTrim: config.contextTrim,
    maxMessages: config.maxMessages,
    admission: { maxStreams: config.maxStreams, slots: upstreams.slots },
    quotas,
    ledger,
    clock,
    log,
    metrics,
    tracing,
  });
}
