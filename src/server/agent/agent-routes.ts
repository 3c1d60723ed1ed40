// The routes of the agent, under both their names: docs/protocol-agent.md.

import { encodeResult, openRun, type Run } from "../../agent/agent-stream.ts";
import type { AgentEngine, RunOptions } from "../../agent/engine.ts";
import { parseCancel, parseConfirm, parseQuery } from "../../agent/parse-request.ts";
import type { Clock } from "../../contract/clock.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { randomId } from "../../contract/random-id.ts";
import { accepts } from "../accepts.ts";
import { agentPlaces, type AgentRoute } from "./agent-places.ts";
import type { Edge } from "../create-server.ts";
import { eventStreamHeaders } from "../../sse/event-stream-headers.ts";
import { readBody } from "../body/read-body.ts";
import { pathRest, type ServerRoute, type Trip } from "../trip.ts";

export interface AgentRoutesOptions extends Edge {
  readonly engine: AgentEngine;
  readonly keepAliveMs: number;
  readonly clock: Clock;
}

/** A query is short; arguments that a person has changed may be long. */
const maxBodyBytes = 1024 * 1024;

type Answer = (trip: Trip) => Promise<Response>;

export function agentRoutes(options: AgentRoutesOptions): ServerRoute[] {
  // Nothing listens to `stopping` but what runs: it lasts as long as the process, and would keep every service of a reload.
  const { engine, stopping } = options;

  const stream: Answer = async (trip) => {
    const { run, sessionId } = await queryOf(trip);
    return streamed(trip, run, { "x-session-id": sessionId });
  };
  const whole: Answer = async (trip) => answered(trip, (await queryOf(trip)).run);

  async function queryOf(trip: Trip): Promise<{ run: Run; sessionId: string }> {
    // Named here: whoever wants to end a run while it works has to know it.
    const { query, sessionId = randomId(), model } = parseQuery(await bodyOf(trip));
    const asked = optionsOf(trip, sessionId, model);
    const run: Run = ({ onProgress, signal }) =>
      engine.processQuery(trip.caller, query, { ...asked, onProgress, signal });
    return { run, sessionId };
  }

  const confirm: Answer = async (trip) => {
    const { confirmationId, decision, changed } = parseConfirm(await bodyOf(trip));
    const asked = { ...optionsOf(trip, undefined, undefined), ...(changed !== undefined && { changed }) };
    const run: Run = ({ onProgress, signal }) =>
      engine.confirm(trip.caller, confirmationId, decision, { ...asked, onProgress, signal });
    const wantsEvents = accepts(trip.request.headers.get("accept"), "text/event-stream");
    return wantsEvents ? streamed(trip, run) : answered(trip, run);
  };

  const drop: Answer = async (trip) => {
    const confirmationId = pathRest(trip, trip.path.slice(0, trip.path.lastIndexOf("/") + 1)) ?? "";
    if (!(await engine.drop(trip.caller, confirmationId))) {
      throw new GatewayError("not-found", "Cannot find this question: it has expired, was answered, or never was");
    }
    return Response.json({ confirmation_id: confirmationId, deleted: true });
  };

  const cancel: Answer = async (trip) => {
    const sessionId = parseCancel(await bodyOf(trip));
    return Response.json({ session_id: sessionId, cancelled: await engine.cancel(trip.caller, sessionId) });
  };

  const capabilities: Answer = async ({ caller, request }) =>
    Response.json(await engine.capabilities(caller, request.signal));

  const examples: Answer = async ({ caller, request }) =>
    Response.json({ examples: await engine.examples(caller, request.signal) });

  async function bodyOf({ request }: Trip): Promise<Uint8Array> {
    const body = await readBody(request, Math.min(maxBodyBytes, options.maxBodyBytes));
    // Not before: a body that never ends is cut by the idle timeout.
    options.keepOpen(request);
    return body;
  }

  async function streamed({ request }: Trip, run: Run, more: Readonly<Record<string, string>> = {}): Promise<Response> {
    const signal = AbortSignal.any([request.signal, stopping]);
    const { keepAliveMs, clock } = options;
    const body = await openRun(run, { signal, keepAliveMs, clock });
    return new Response(body, { headers: { ...eventStreamHeaders, ...more } });
  }

  async function answered({ request }: Trip, run: Run): Promise<Response> {
    const signal = AbortSignal.any([request.signal, stopping]);
    const result = await run({ onProgress() {}, signal });
    return Response.json(result.error === undefined ? encodeResult(result) : result);
  }

  const answers: Readonly<Record<AgentRoute, Answer>> = {
    whole,
    stream,
    capabilities,
    examples,
    confirm,
    drop,
    cancel,
    deprecated: whole,
  };
  return agentPlaces.map(({ method, path, route }) => ({ method, path, answer: answers[route] }));
}

function optionsOf(trip: Trip, sessionId: string | undefined, model: string | undefined): RunOptions {
  return {
    streaming: true,
    requestId: trip.requestId,
    access: trip.access,
    ...(sessionId !== undefined && { sessionId }),
    ...(model !== undefined && { model }),
  };
}
