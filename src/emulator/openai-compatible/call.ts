// One call to the emulator as its routes see it, and how it is refused.

import { formatSseEvent } from "../../sse/sse-writer.ts";
import { brokenConnection } from "../broken-connection.ts";
import type { ErrorRow, Problem } from "./dialect.ts";
import { nativeRows } from "./dialects/dashscope-errors.ts";
import { commonRows } from "./error-rows.ts";
import type { CompatibleRequest, CompatibleState } from "./emulator-state.ts";
import { member } from "../request-log.ts";
import type { AnsweredName, Refusal, RefusalName, ScriptEntry } from "./script.ts";

export interface Call {
  readonly request: Request;
  readonly method: string;
  /** Without what hosted services put before it, and without a slash at its end. */
  readonly path: string;
  readonly requestId: string;
  /** Parsed where it is JSON; of a form its fields; else the text. */
  readonly body: unknown;
  readonly bodyBytes: number;
  readonly key: string;
  readonly variant: string;
  /** The order that fits this call, already counted. Refusals were carried out before. */
  readonly script: ScriptEntry | undefined;
  readonly record: CompatibleRequest;
  /** Its answer goes on after its response has begun. */
  isStreaming: boolean;
}

/** Nobody reads the answer: the client left, or the emulator was reset. @throws the reason of the client's signal */
export function abandonCall(call: Call, state: CompatibleState): Response {
  call.record.aborted = true;
  call.record.endedAtMs = state.clock();
  state.log.touch();
  call.request.signal.throwIfAborted();
  return brokenConnection(state.resetError);
}

/** What a refusal's text is filled with. */
type Facts = Pick<Problem, "tokens" | "limit"> & { readonly model?: string };

export function refuseCall(call: Call, state: CompatibleState, refusal: Refusal, facts: Facts = {}): Response {
  const name = answeredName(refusal.name);
  call.record.refusal = name;
  const row = rowOf(state, refusal, { model: modelOf(call.body), ...facts });
  const headers = new Headers(refusal.headers);
  if (refusal.retryAfterSeconds !== undefined) headers.set("retry-after", String(refusal.retryAfterSeconds));
  if (row.shape === "html") {
    headers.set("content-type", "text/html; charset=utf-8");
    return new Response(row.message, { status: row.status, headers });
  }
  const body = state.dialect.errors.body(row, call.requestId, call.variant);
  if (body === undefined) return new Response(null, { status: row.status, headers });
  headers.set("content-type", "application/json");
  const text = JSON.stringify(body);
  // Fixture dashscope-09: a refusal that is framed as an event because the request asked for a stream.
  return new Response(refusal.framed === true ? `data: ${text}\n\n` : text, { status: row.status, headers });
}

export function refuseProblem(call: Call, state: CompatibleState, problem: Problem, isStream: boolean): Response {
  const { name, message, param, more, isInStream } = problem;
  const refusal: Refusal = {
    name,
    ...(message === undefined ? {} : { message }),
    ...(param === undefined ? {} : { param }),
  };
  const facts = { model: modelOf(call.body), ...problem };
  if (isInStream === true && isStream) {
    call.record.refusal = name;
    const frames = errorFrames(call, state, refusal, facts);
    const done = state.dialect.errors.isDoneBehind ? formatSseEvent("[DONE]") : "";
    return new Response(frames + done, { headers: { "content-type": "text/event-stream" } });
  }
  if (more === undefined) return refuseCall(call, state, refusal, facts);
  call.record.refusal = name;
  const row = { ...rowOf(state, refusal, facts), more };
  return Response.json(state.dialect.errors.body(row, call.requestId, call.variant), { status: row.status });
}

/** Of an error inside a stream, without `[DONE]`. */
export function errorFrames(
  call: Call,
  state: CompatibleState,
  refuse: RefusalName | Refusal,
  facts: Facts = {},
): string {
  const refusal = typeof refuse === "string" ? { name: refuse } : refuse;
  const row = rowOf(state, refusal, { model: modelOf(call.body), tokens: 493_354, limit: 262_144, ...facts });
  return state.dialect.errors.inStream(row, call.requestId);
}

function rowOf({ dialect }: CompatibleState, refusal: Refusal, facts: Facts): ErrorRow {
  const name = answeredName(refusal.name);
  const told = dialect.errors.rows[name] ?? commonRows[name];
  const native = refusal.spelling === "native" ? { ...nativeRows[name], shape: "bare" } : {};
  const row: ErrorRow = { ...told, ...native };
  return {
    ...row,
    status: refusal.status ?? row.status,
    message: filled(refusal.message ?? row.message, facts),
    ...(refusal.type === undefined ? {} : { type: refusal.type }),
    ...(refusal.code === undefined ? {} : { code: refusal.code }),
    ...(refusal.param === undefined ? {} : { param: refusal.param }),
  };
}

function filled(message: string, facts: Facts): string {
  return message
    .replaceAll("{model}", facts.model ?? "")
    .replaceAll("{tokens}", String(facts.tokens ?? ""))
    .replaceAll("{limit}", String(facts.limit ?? ""));
}

function modelOf(body: unknown): string {
  return String(member(body, "model") ?? "");
}

/** Two of the names are no answer: they are carried out before anybody asks for a body. */
function answeredName(name: RefusalName): AnsweredName {
  if (name === "reset" || name === "silence") throw new Error(`Cannot answer with "${name}": it is no answer`);
  return name;
}
