// What GET /health/detailed tells beside the rest: times as ISO texts, sizes as bytes, never a credential.

import type { Json } from "../../contract/json.ts";
import type { AccountView } from "../../contract/upstream.ts";
import type { Reachability } from "../../telemetry/watch-upstream.ts";
import type { DiagnosisSource } from "./diagnosis.ts";
import { isoTime } from "../iso-time.ts";

/** @param settings as config/describe-config.ts gives them, without secrets */
export function describeHealth(source: DiagnosisSource, settings: Json): Record<string, Json> {
  const descriptors = source.descriptors();
  const requests = source.upstreamRequests();
  const chatStore = source.chatStore();
  return {
    runtime: `bun ${Bun.version}`,
    maxReplies: source.maxReplies ?? null,
    memory: { rssBytes: process.memoryUsage.rss() },
    store: { bytes: source.storeBytes() ?? null, trouble: source.storageTrouble() ?? null },
    chatStore: { state: chatStore.state, reason: chatStore.reason ?? null },
    upstreams: source.upstreams().map(({ name, reachability, breaker, accounts }) => ({
      name,
      ...encodeReachability(reachability),
      breaker,
      accounts: accounts.map(encodeAccount),
    })),
    upstreamRequests: requests === undefined ? null : { inFlight: requests.inFlight, max: requests.max },
    descriptors:
      descriptors === undefined
        ? null
        : { open: descriptors.open, limit: Number.isFinite(descriptors.limit) ? descriptors.limit : null },
    config: settings,
  };
}

function encodeReachability({ state, lastAnswerAtMs, lastFailure }: Reachability): Record<string, Json> {
  return {
    state,
    lastAnswerAt: isoTime(lastAnswerAtMs),
    lastFailure: lastFailure === undefined ? null : { at: isoTime(lastFailure.atMs), kind: lastFailure.kind },
  };
}

function encodeAccount({ id, alias, state, untilMs, reason, openReplies }: AccountView): Json {
  return { id, alias, state, until: isoTime(untilMs), reason: reason ?? null, openReplies };
}
