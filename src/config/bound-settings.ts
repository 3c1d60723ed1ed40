// The settings of bounds: how often something is tried again, how long it may take, how large it may be, how many there may be.

import { Type } from "typebox";
import {
  dayMs,
  limit,
  list,
  mebibyte,
  minuteMs,
  mostCounted,
  secondMs,
  size,
  tenYearsMs,
  toggle,
  wait,
} from "./setting-kinds.ts";

export const boundSettings = {
  retryMaxAttempts: Type.Integer({
    description: "Attempts at the upstream for one request, the first included",
    default: 3,
    minimum: 1,
    maximum: 100,
  }),
  retryBaseDelayMs: wait("Delay before the second attempt; doubles with each further one", 500, 0),
  retryMaxDelayMs: wait(
    "Longest of these delays. A Retry-After of the upstream may be longer: RETRY_BUDGET_MS bounds it",
    8 * secondMs,
    0,
  ),
  retryBudgetMs: wait("Time that all attempts of one request may take together", minuteMs),
  accountCooldownMaxMs: Type.Optional(
    Type.Integer({
      description: "Longest time that an account is set aside, whatever the upstream asks for",
      minimum: 1,
      maximum: tenYearsMs,
    }),
  ),
  accountChallengeMs: wait(
    "How long an account is set aside after the firewall asked for a human check",
    10 * minuteMs,
  ),
  accountSignInMs: wait("How long an account is set aside after its credentials were refused", 5 * minuteMs),
  accountBusyMs: wait("How long other accounts are preferred after the upstream was too busy for one", 2 * minuteMs),
  breakerOpenMs: wait(
    "How long an upstream that fails again and again is passed over, if another can serve",
    30 * secondMs,
  ),
  healthCheckIntervalMs: wait(
    "Time between two health checks of a server of your own, while it fails or another can stand in for it. 0: none",
    5 * secondMs,
    0,
  ),
  healthCheckTimeoutMs: wait("Longest wait for the answer to a health check", 2 * secondMs),

  firstByteTimeoutMs: wait("Longest wait for the first byte of a reply", 90 * secondMs),
  stallTimeoutMs: wait("Longest silence of the upstream within a reply", 120 * secondMs),
  replyTimeoutMs: wait("Longest duration of a reply", 30 * minuteMs),
  holdHeadersMs: wait(
    "How long an answer's head waits for the first words, so that refusals keep their status",
    15 * secondMs,
    0,
  ),
  sseKeepaliveMs: wait("Time between two heartbeats on a silent stream", 15 * secondMs),
  clientStallMs: wait("How long a client may leave its stream unread", minuteMs),
  drainTimeoutMs: wait("How long running replies may go on after SIGTERM", 30 * secondMs, 0),
  maxBodyBytes: size("Largest request body", 32 * mebibyte),
  maxFileBytes: size(
    "Largest picture, document or other file of a message, where the gateway itself has to read it",
    20 * mebibyte,
  ),
  fileFetch: toggle("Fetches http and https addresses of files for upstreams that do not; false refuses them", true),
  fileFetchOrigins: list(
    "Servers of yours whose files are fetched although their addresses are not public",
    "origins such as http://10.0.0.5:9000",
    "^https?://[^/\\s*]+$",
  ),
  fileFetchTimeoutMs: wait("Longest wait for such a file", 15 * secondMs),
  filesMaxBytes: size("All files together that one caller may upload to /v1/files", 512 * mebibyte),
  filesKeepMs: Type.Integer({
    description: "How long an uploaded file is kept, unless its client asks for less",
    default: 30 * dayMs,
    minimum: minuteMs,
    maximum: tenYearsMs,
  }),
  maxLineBytes: size("Longest line of an upstream's stream", 16 * mebibyte),
  maxMessages: Type.Integer({
    description: "Most messages of one request",
    default: 10_000,
    minimum: 1,
    maximum: mostCounted,
  }),
  maxStreams: limit("Most replies that run at a time, streamed or whole. Beyond it: 503"),
  maxStreamsPerKey: limit(
    "Most replies of one caller at a time: a key, a user, or without keys an address. Beyond it: 429",
  ),
  queueSize: Type.Integer({
    description: "Most requests that wait for one upstream at its limit. Beyond it: 429",
    default: 100,
    minimum: 0,
    maximum: mostCounted,
  }),
  queueWaitMs: wait("Longest wait of a request for an upstream at its limit. Beyond it: 429", 30 * secondMs, 0),
};
