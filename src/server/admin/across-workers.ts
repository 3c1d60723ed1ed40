// The admin routes where several workers serve: lists and counts of all of them, and what runs in another one is ended there.
// Each worker answers by the same routes for itself alone when another one asks.

import { GatewayError } from "../../contract/gateway-error.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import type { Fellows } from "../../workers/fellows.ts";
import { headersFor } from "../between-workers/passport.ts";
import type { Trip } from "../trip.ts";
import type { AdminRoute } from "./admin-route.ts";

/** What the own worker says, and what the others do, as one answer. */
type Merge = (own: JsonObject, others: readonly JsonObject[]) => JsonObject;

/** A worker that does not answer in time is left out: whoever looks wants to know of the others. */
const answerMs = 2000;

export function acrossWorkers(
  routes: readonly AdminRoute[],
  fellows: Pick<Fellows, "others"> | undefined,
): readonly AdminRoute[] {
  if (fellows === undefined) return routes;
  return routes.map((route) => {
    const key = `${route.operation.method} ${route.operation.path}`;
    const merge = merges[key];
    if (merge !== undefined) return { ...route, answer: mergeWith(route, merge, fellows) };
    return key === endingKey ? { ...route, answer: endAnywhere(route, fellows) } : route;
  });
}

const endingKey = "DELETE /admin/api/streams/{id}";

function mergeWith({ answer }: AdminRoute, merge: Merge, fellows: Pick<Fellows, "others">): AdminRoute["answer"] {
  return async (call) => {
    if (call.trip.isRelayed === true) return answer(call);
    const [own, others] = await Promise.all([answer(call), askOthers(call.trip, fellows)]);
    return Response.json(merge(asObject(await own.json()), others));
  };
}

function endAnywhere({ answer }: AdminRoute, fellows: Pick<Fellows, "others">): AdminRoute["answer"] {
  return async (call) => {
    try {
      return await answer(call);
    } catch (error) {
      const isUnknown = error instanceof GatewayError && error.kind === "not-found";
      if (!isUnknown || call.trip.isRelayed === true) throw error;
      const [ended] = await askOthers(call.trip, fellows);
      if (ended === undefined) throw error;
      return Response.json(ended);
    }
  };
}

/** The answers of those that have one. Never rejects. */
async function askOthers(trip: Trip, fellows: Pick<Fellows, "others">): Promise<readonly JsonObject[]> {
  const { request, path } = trip;
  const address = request.url.slice(request.url.indexOf(path, "http://".length));
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(answerMs)]);
  const asked = fellows.others().map(async (fellow) => {
    const answer = await fellow.send(address, { method: request.method, headers: headersFor(trip), signal });
    const body: unknown = await answer.json();
    return answer.ok ? [asObject(body)] : [];
  });
  return (await Promise.allSettled(asked)).flatMap((one) => (one.status === "fulfilled" ? one.value : []));
}

/** What our own routes answer. */
function asObject(body: unknown): JsonObject {
  return isJsonObject(body) ? body : {};
}

const merges: Readonly<Record<string, Merge>> = {
  "GET /admin/api/status": (own, others) => {
    const all = [own, ...others];
    return {
      ...own,
      workers: all.length,
      started_at: earliest(all.map((one) => one["started_at"])),
      uptime_ms: Math.max(...all.map((one) => Number(one["uptime_ms"]))),
      live_streams: sumOf(all, (one) => one["live_streams"]),
      requests_waiting: sumOf(all, (one) => one["requests_waiting"]),
      memory: { rss_bytes: sumOf(all, (one) => asObject(one["memory"])["rss_bytes"]) },
    };
  },
  "GET /admin/api/streams": (own, others) => ({
    data: [own, ...others]
      .flatMap(rowsOf)
      .sort((one, other) => Number(other["running_ms"]) - Number(one["running_ms"])),
  }),
  "GET /admin/api/samples": (own, others) => ({
    ...own,
    from: earliest([own, ...others].map((one) => one["from"])),
    to: latest([own, ...others].map((one) => one["to"])),
    data: [...Map.groupBy([own, ...others].flatMap(rowsOf), (row) => String(row["at"])).values()]
      .map(mergeSamples)
      .sort((one, other) => String(one["at"]).localeCompare(String(other["at"]))),
  }),
  "GET /admin/api/upstreams": (own, others) => mergeRows(own, others, "name", mergeUpstreams),
  "GET /admin/api/accounts": (own, others) =>
    mergeRows(own, others, "id", (all) => ({ ...all[0], open_replies: sumOf(all, (one) => one["open_replies"]) })),
};

/** The rows of the own worker, each with what the others say of the same. */
function mergeRows(
  own: JsonObject,
  others: readonly JsonObject[],
  key: string,
  merge: (all: readonly [JsonObject, ...JsonObject[]]) => JsonObject,
): JsonObject {
  const foreign = others.flatMap(rowsOf);
  return {
    ...own,
    data: rowsOf(own).map((row) => merge([row, ...foreign.filter((other) => other[key] === row[key])])),
  };
}

const circuits = ["closed", "half-open", "open"];

/** Whether it answers: by the newest word of any of them. Of circuits the worst, since requests come to all workers. */
function mergeUpstreams(all: readonly [JsonObject, ...JsonObject[]]): JsonObject {
  const lastWord = (one: JsonObject): string =>
    [one["last_answer_at"], asObject(one["last_failure"])["at"]].map((at) => String(at ?? "")).sort()[1] ?? "";
  const newest = [...all].sort((one, other) => lastWord(other).localeCompare(lastWord(one)))[0] ?? all[0];
  const circuit = Math.max(...all.map((one) => circuits.indexOf(String(one["circuit"]))));
  return {
    ...all[0],
    state: newest["state"] ?? null,
    last_answer_at: latest(all.map((one) => one["last_answer_at"])),
    last_failure: newest["last_failure"] ?? null,
    circuit: circuits[circuit] ?? "closed",
    paused: all.some((one) => one["paused"] === true),
    queue: {
      running: sumOf(all, (one) => asObject(one["queue"])["running"]),
      waiting: sumOf(all, (one) => asObject(one["queue"])["waiting"]),
    },
  };
}

/** One slot. Of replies at a time their sums; of first words the middle of the middles, and the slowest. */
function mergeSamples(all: readonly JsonObject[]): JsonObject {
  const tokens = all.map((one) => one["first_token_ms"]).filter(isJsonObject);
  const middles = tokens.map((one) => Number(one["p50"])).sort((one, other) => one - other);
  return {
    ...all[0],
    requests: sumFields(all.map((one) => asObject(one["requests"]))),
    errors: sumFields(all.map((one) => asObject(one["errors"]))),
    live_streams: sumOf(all, (one) => one["live_streams"]),
    first_token_ms:
      tokens.length === 0
        ? null
        : {
            p50: middles[Math.ceil(middles.length / 2) - 1],
            p95: Math.max(...tokens.map((one) => Number(one["p95"]))),
          },
  };
}

function sumFields(all: readonly JsonObject[]): JsonObject {
  const names = new Set(all.flatMap((one) => Object.keys(one)));
  return Object.fromEntries(Array.from(names, (name) => [name, sumOf(all, (one) => one[name])]));
}

function rowsOf({ data }: JsonObject): readonly JsonObject[] {
  return Array.isArray(data) ? data.filter(isJsonObject) : [];
}

function sumOf(all: readonly JsonObject[], read: (one: JsonObject) => unknown): number {
  return all.reduce((total, one) => total + Number(read(one) ?? 0), 0);
}

/** Of times as ISO texts, which sort as they follow one another. */
function earliest(times: readonly unknown[]): string | null {
  return times.filter((time) => typeof time === "string").sort()[0] ?? null;
}

function latest(times: readonly unknown[]): string | null {
  return (
    times
      .filter((time) => typeof time === "string")
      .sort()
      .at(-1) ?? null
  );
}
