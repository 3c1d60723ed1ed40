// /admin/api/upstreams: how each is, pausing it, and asking it whether it answers.

import { Type } from "typebox";
import { GatewayError, toGatewayError } from "../../contract/gateway-error.ts";
import type { WatchedUpstream } from "../../telemetry/watch-upstream.ts";
import { isoTime } from "../iso-time.ts";
import { anyObject, json, jsonBody, type Operation } from "../openapi/operation.ts";
import type { AdminParts } from "./admin-parts.ts";
import type { AdminCall, AdminRoute } from "./admin-route.ts";
import { count, nullable } from "./schemas.ts";

const upstreamView = Type.Object({
  name: Type.String(),
  /** By the newest request or health check. */
  state: Type.Enum(["unknown", "answering", "failing"]),
  last_answer_at: nullable(Type.String()),
  last_failure: nullable(Type.Object({ at: nullable(Type.String()), kind: Type.String() })),
  circuit: Type.Enum(["closed", "open", "half-open"]),
  paused: Type.Boolean(),
  queue: Type.Object({ running: count, waiting: count }),
  accounts: Type.Object({ total: count, ready: count }),
});

const outcome = Type.Object({
  name: Type.String(),
  passed: Type.Boolean(),
  duration_ms: count,
  /** What it offers; null when it did not say. */
  models: nullable(count),
  reason: nullable(Type.String()),
});

const testTimeoutMs = 20_000;

export function upstreamRoutes(parts: AdminParts): readonly AdminRoute[] {
  const { gateway, clock } = parts;

  function encode({ name, reachability, accounts }: WatchedUpstream) {
    const { state, lastAnswerAtMs, lastFailure } = reachability();
    const queue = gateway.queues().find(({ upstream }) => upstream === name);
    const views = accounts?.() ?? [];
    return {
      name,
      state,
      last_answer_at: isoTime(lastAnswerAtMs),
      last_failure: lastFailure === undefined ? null : { at: isoTime(lastFailure.atMs), kind: lastFailure.kind },
      circuit: gateway.circuits.state(name),
      paused: gateway.pauses.isPaused(name),
      queue: { running: queue?.running ?? 0, waiting: queue?.waiting ?? 0 },
      accounts: { total: views.length, ready: views.filter((view) => view.state === "ready").length },
    };
  }

  function find(call: AdminCall): WatchedUpstream {
    const name = call.param("name");
    const found = parts.upstreams().find((upstream) => upstream.name === name);
    if (found === undefined)
      throw new GatewayError("not-found", "Cannot find this upstream: GET /admin/api/upstreams lists them");
    return found;
  }

  async function test(upstream: WatchedUpstream, client: AbortSignal) {
    const { name } = upstream;
    const startedAtMs = clock();
    const told = (passed: boolean, models: number | null, reason: string | null) => ({
      name,
      passed,
      duration_ms: Math.max(0, clock() - startedAtMs),
      models,
      reason,
    });
    const signal = AbortSignal.any([client, AbortSignal.timeout(testTimeoutMs)]);
    try {
      const isReady = (await upstream.checkHealth?.(signal)) ?? true;
      if (!isReady) return told(false, null, "It says that it is not ready");
      return told(true, (await upstream.listModels(signal)).length, null);
    } catch (error) {
      return told(false, null, signal.aborted ? "It did not answer in time" : toGatewayError(error).message);
    }
  }

  return [
    {
      operation: {
        method: "GET",
        path: "/admin/api/upstreams",
        tag: "admin",
        summary: "The upstreams with state, circuit and queue",
        answers: { 200: json("The first asked first", Type.Object({ data: Type.Array(upstreamView) })) },
      },
      answer: () => Response.json({ data: parts.upstreams().map(encode) }),
    },
    {
      operation: act("pause", "No new requests for it until it is resumed or the gateway restarts", upstreamView),
      async answer(call) {
        const upstream = find(call);
        if (gateway.pauses.pause(upstream.name)) call.changed("an upstream was paused", { upstream: upstream.name });
        await parts.fellows?.change({ kind: "pause", upstream: upstream.name, isOn: true });
        return Response.json(encode(upstream));
      },
    },
    {
      operation: act("resume", "Requests go to it again", upstreamView),
      async answer(call) {
        const upstream = find(call);
        if (gateway.pauses.resume(upstream.name)) call.changed("an upstream was resumed", { upstream: upstream.name });
        await parts.fellows?.change({ kind: "pause", upstream: upstream.name, isOn: false });
        return Response.json(encode(upstream));
      },
    },
    {
      operation: act("test", "Asks it for its models, and for its health where it may be asked", outcome),
      answer: async (call) => Response.json(await test(find(call), call.trip.request.signal)),
    },
  ];
}

function act(verb: string, summary: string, answer: typeof upstreamView | typeof outcome): Operation {
  return {
    method: "POST",
    path: `/admin/api/upstreams/{name}/${verb}`,
    tag: "admin",
    summary,
    body: jsonBody(anyObject, {}),
    answers: { 200: json("How it is now", answer) },
  };
}
