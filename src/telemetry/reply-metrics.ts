// The counters and histograms by name, meaning and labels, and how a reply, a refusal or a call of the store moves them.

import type { ErrorKind } from "../contract/gateway-error.ts";
import { Count, Distribution, Gathered } from "./gathered.ts";
import type { ReplyFigures, ReplyLabels } from "./metrics.ts";

/** Upper bounds of the buckets, from a local model's first word to a thinking model's. */
const firstTokenSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120];
const durationSeconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280];
const tokensPerSecond = [2, 5, 10, 20, 40, 60, 80, 120, 160, 240, 480, 960];
const waitSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60];
const storeSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

const lane = ["surface", "upstream"];

export class ReplyMetrics {
  readonly #requests = counter("requests_total", "Replies that ended, by how they ended", [
    ...lane,
    "stream",
    "outcome",
  ]);
  readonly #errors = counter("errors_total", "Replies that ended by an error, by its kind", [...lane, "kind"]);
  readonly #responses = counter("http_responses_total", "Answers to whatever was asked, by their status", ["status"]);
  readonly #refusals = counter("refusals_total", "Requests that became no reply, by the reason", ["surface", "kind"]);
  readonly #queueRefusals = counter("queue_refusals_total", "Requests that an upstream's line did not take", [
    "upstream",
    "reason",
  ]);
  readonly #retries = counter("retries_total", "Attempts at an upstream behind the first", lane);
  readonly #attempts = counter(
    "attempts_total",
    "Attempts at an upstream that ended, by how: complete, aborted or the kind of error",
    ["upstream", "end"],
  );
  readonly #turns = counter(
    "turns_total",
    "Ended replies of upstreams that keep conversations, by whether one went on",
    ["upstream", "how"],
  );
  readonly #trimmed = counter("trimmed_messages_total", "Messages left out or shortened to fit a context", lane);
  readonly #tokens = counter("tokens_total", "Tokens of ended replies", [...lane, "direction"]);
  readonly #bytes = counter("bytes_total", "Bytes of ended replies, from the upstream and to the client", [
    ...lane,
    "direction",
  ]);
  readonly #chunks = counter("chunks_total", "Pieces of ended replies, as they came and as they went", [
    ...lane,
    "direction",
  ]);
  readonly #storeFailures = counter("store_failures_total", "Calls of the store that failed", ["operation"]);

  readonly #firstToken = histogram(
    "first_token_seconds",
    "From the request to the first word",
    lane,
    firstTokenSeconds,
  );
  readonly #duration = histogram(
    "reply_duration_seconds",
    "From the request to the end",
    [...lane, "outcome"],
    durationSeconds,
  );
  readonly #upstreamHead = histogram(
    "upstream_head_seconds",
    "From an attempt to its upstream's acceptance",
    ["upstream"],
    firstTokenSeconds,
  );
  readonly #queueWait = histogram("queue_wait_seconds", "Waits of replies that stood in line", lane, waitSeconds);
  readonly #throughput = histogram(
    "output_tokens_per_second",
    "Speed of complete replies between the first word and the end",
    lane,
    tokensPerSecond,
  );
  readonly #store = histogram(
    "store_seconds",
    "Calls of the store until they are settled",
    ["operation"],
    storeSeconds,
  );

  /** In the order in which they are told. */
  readonly counters: readonly Gathered<Count>[] = [
    this.#requests,
    this.#errors,
    this.#refusals,
    this.#responses,
    this.#queueRefusals,
    this.#retries,
    this.#attempts,
    this.#turns,
    this.#trimmed,
    this.#tokens,
    this.#bytes,
    this.#chunks,
    this.#storeFailures,
  ];
  readonly histograms: readonly Gathered<Distribution>[] = [
    this.#firstToken,
    this.#upstreamHead,
    this.#duration,
    this.#queueWait,
    this.#throughput,
    this.#store,
  ];

  reply({ surface, stream }: ReplyLabels, figures: ReplyFigures): void {
    const { upstream, outcome, kind, firstTokenMs, totalMs, outputTokens } = figures;
    this.#requests.at(surface, upstream, String(stream), outcome).value++;
    if (kind !== undefined && outcome === "failed") this.#errors.at(surface, upstream, kind).value++;
    if (figures.attempts > 1) this.#retries.at(surface, upstream).value += figures.attempts - 1;
    this.#tokens.at(surface, upstream, "input").value += figures.inputTokens ?? 0;
    this.#tokens.at(surface, upstream, "output").value += outputTokens ?? 0;
    this.#bytes.at(surface, upstream, "received").value += figures.receivedBytes;
    this.#bytes.at(surface, upstream, "sent").value += figures.sentBytes;
    this.#chunks.at(surface, upstream, "received").value += figures.receivedChunks;
    this.#chunks.at(surface, upstream, "sent").value += figures.sentChunks;
    this.#duration.at(surface, upstream, outcome).observe(totalMs / 1000);
    if (figures.continues !== undefined) this.#turns.at(upstream, figures.continues ? "continued" : "fresh").value++;
    if ((figures.trimmedMessages ?? 0) > 0) this.#trimmed.at(surface, upstream).value += figures.trimmedMessages ?? 0;
    if (figures.queuedMs > 0) this.#queueWait.at(surface, upstream).observe(figures.queuedMs / 1000);
    if (firstTokenMs === undefined) return;
    this.#firstToken.at(surface, upstream).observe(firstTokenMs / 1000);
    const tellingMs = totalMs - firstTokenMs;
    if (outcome !== "complete" || outputTokens === undefined || tellingMs <= 0) return;
    this.#throughput.at(surface, upstream).observe(outputTokens / (tellingMs / 1000));
  }

  attemptOpened(upstream: string, headMs: number): void {
    this.#upstreamHead.at(upstream).observe(headMs / 1000);
  }

  attemptEnded(upstream: string, end: string): void {
    this.#attempts.at(upstream, end).value++;
  }

  answered(status: number): void {
    this.#responses.at(String(status)).value++;
  }

  refusal(surface: string, kind: ErrorKind): void {
    this.#refusals.at(surface, kind).value++;
  }

  queueRefusal(upstream: string, reason: string): void {
    this.#queueRefusals.at(upstream, reason).value++;
  }

  store(operation: string, durationMs: number, hasFailed: boolean): void {
    this.#store.at(operation).observe(durationMs / 1000);
    if (hasFailed) this.#storeFailures.at(operation).value++;
  }
}

function counter(name: string, help: string, labelNames: readonly string[]): Gathered<Count> {
  return new Gathered(`qwen_gateway_${name}`, help, labelNames, () => new Count());
}

function histogram(
  name: string,
  help: string,
  labelNames: readonly string[],
  bounds: readonly number[],
): Gathered<Distribution> {
  return new Gathered(`qwen_gateway_${name}`, help, labelNames, () => new Distribution(bounds));
}
