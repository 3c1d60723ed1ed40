// What the gateway tells of itself, as the page knows it: parsed at the border, times as milliseconds.

import { type Fields, fieldsOf, listOf, numberOf, textOf, textsOf } from "../fields.ts";

/** What everybody may know. */
export interface Health {
  readonly version: string;
  readonly uptimeMs: number;
  readonly liveStreams: number;
  readonly upstreams: readonly string[];
}

export interface Status {
  readonly version: string;
  readonly runtime: string;
  readonly uptimeMs: number;
  readonly liveStreams: number;
  readonly waiting: number;
  readonly accounts: Ready;
  readonly rssBytes: number;
}

export interface Ready {
  readonly total: number;
  readonly ready: number;
}

export interface UpstreamFacts {
  readonly name: string;
  readonly state: string;
  readonly circuit: string;
  readonly isPaused: boolean;
  readonly running: number;
  readonly waiting: number;
  readonly accounts: Ready;
  readonly lastFailure: { readonly atMs: number; readonly kind: string } | undefined;
}

export interface AccountFacts {
  readonly upstream: string;
  readonly id: string;
  readonly alias: string;
  readonly state: string;
  readonly untilMs: number | undefined;
  readonly reason: string | undefined;
  readonly openReplies: number;
}

export interface StreamFacts {
  readonly id: string;
  readonly model: string | undefined;
  readonly upstream: string;
  readonly surface: string;
  readonly caller: string;
  readonly runningMs: number;
  readonly firstTokenMs: number | undefined;
}

export interface SampleFacts {
  readonly atMs: number;
  readonly complete: number;
  readonly failed: number;
  readonly aborted: number;
  readonly refused: number;
  readonly firstToken: { readonly p50: number; readonly p95: number } | undefined;
  readonly liveStreams: number;
  readonly errors: Readonly<Record<string, number>>;
}

export interface SamplesFacts {
  /** The clock of the gateway. */
  readonly toMs: number;
  readonly samples: readonly SampleFacts[];
}

/** @returns undefined: something else answers at this address */
export function parseHealth(body: unknown): Health | undefined {
  const fields = fieldsOf(body);
  const version = textOf(fields["version"]);
  if (version === undefined) return undefined;
  return {
    version,
    uptimeMs: count(fields["uptimeSeconds"]) * 1000,
    liveStreams: count(fields["openReplies"]),
    upstreams: textsOf(fields["upstreams"]),
  };
}

/** @returns undefined: something else answers at this address */
export function parseStatus(body: unknown): Status | undefined {
  const fields = fieldsOf(body);
  const version = textOf(fields["version"]);
  if (version === undefined) return undefined;
  return {
    version,
    runtime: textOf(fields["runtime"]) ?? "",
    uptimeMs: count(fields["uptime_ms"]),
    liveStreams: count(fields["live_streams"]),
    waiting: count(fields["requests_waiting"]),
    accounts: readyOf(fields["accounts"]),
    rssBytes: count(fieldsOf(fields["memory"])["rss_bytes"]),
  };
}

export function parseUpstreams(body: unknown): UpstreamFacts[] {
  return dataOf(body).map((fields) => {
    const queue = fieldsOf(fields["queue"]);
    const failure = fieldsOf(fields["last_failure"]);
    const kind = textOf(failure["kind"]);
    return {
      name: textOf(fields["name"]) ?? "?",
      state: textOf(fields["state"]) ?? "unknown",
      circuit: textOf(fields["circuit"]) ?? "closed",
      isPaused: fields["paused"] === true,
      running: count(queue["running"]),
      waiting: count(queue["waiting"]),
      accounts: readyOf(fields["accounts"]),
      lastFailure: kind === undefined ? undefined : { kind, atMs: timeOf(failure["at"]) ?? 0 },
    };
  });
}

export function parseAccounts(body: unknown): AccountFacts[] {
  return dataOf(body).map((fields) => ({
    upstream: textOf(fields["upstream"]) ?? "?",
    id: textOf(fields["id"]) ?? "",
    alias: textOf(fields["alias"]) ?? "?",
    state: textOf(fields["state"]) ?? "unknown",
    untilMs: timeOf(fields["until"]),
    reason: textOf(fields["reason"]),
    openReplies: count(fields["open_replies"]),
  }));
}

export function parseStreams(body: unknown): StreamFacts[] {
  return dataOf(body).flatMap((fields) => {
    const id = textOf(fields["id"]);
    if (id === undefined) return [];
    return {
      id,
      model: textOf(fields["model"]),
      upstream: textOf(fields["upstream"]) ?? "?",
      surface: textOf(fields["surface"]) ?? "?",
      caller: textOf(fields["caller"]) ?? "?",
      runningMs: count(fields["running_ms"]),
      firstTokenMs: numberOf(fields["first_token_ms"]),
    };
  });
}

export function parseSamples(body: unknown): SamplesFacts {
  const samples = dataOf(body).flatMap((fields) => {
    const atMs = timeOf(fields["at"]);
    return atMs === undefined ? [] : parseSample(fields, atMs);
  });
  return { toMs: timeOf(fieldsOf(body)["to"]) ?? 0, samples };
}

function parseSample(fields: Fields, atMs: number): SampleFacts {
  const requests = fieldsOf(fields["requests"]);
  const firstToken = fieldsOf(fields["first_token_ms"]);
  const [p50, p95] = [numberOf(firstToken["p50"]), numberOf(firstToken["p95"])];
  return {
    atMs,
    complete: count(requests["complete"]),
    failed: count(requests["failed"]),
    aborted: count(requests["aborted"]),
    refused: count(requests["refused"]),
    firstToken: p50 === undefined || p95 === undefined ? undefined : { p50, p95 },
    liveStreams: count(fields["live_streams"]),
    errors: Object.fromEntries(Object.entries(fieldsOf(fields["errors"])).map(([kind, value]) => [kind, count(value)])),
  };
}

/** Ids of models that can stand in a command without being quoted. */
export function parseModelIds(body: unknown): string[] {
  return dataOf(body).flatMap(({ id }) => (typeof id === "string" && isPlainName(id) ? [id] : []));
}

/** The model of requests that name none, out of the settings in force. */
export function parseDefaultModel(body: unknown): string | undefined {
  const setting = listOf(fieldsOf(body)["settings"]).find(({ name }) => name === "DEFAULT_MODEL");
  const model = textOf(setting?.["value"]);
  return model !== undefined && isPlainName(model) ? model : undefined;
}

/** Upstreams name their models; what is copied into a shell must hold nothing that it understands. */
function isPlainName(text: string): boolean {
  return /^[\w.:/@+-]{1,200}$/.test(text);
}

function dataOf(body: unknown): Fields[] {
  return listOf(fieldsOf(body)["data"]);
}

function count(value: unknown): number {
  return Math.max(0, numberOf(value) ?? 0);
}

function readyOf(value: unknown): Ready {
  const fields = fieldsOf(value);
  return { total: count(fields["total"]), ready: count(fields["ready"]) };
}

function timeOf(value: unknown): number | undefined {
  const atMs = Date.parse(textOf(value) ?? "");
  return Number.isFinite(atMs) ? atMs : undefined;
}
