// One request from its arrival to its response: noted in the log, held back or refused by a script, else routed.

import { isUtf8 } from "node:buffer";
import { brokenConnection } from "./broken-connection.ts";
import { type Call, refuseCall, textMember } from "./call.ts";
import type { EmulatorState } from "./emulator-state.ts";
import { actualStatusOf } from "./envelope.ts";
import { untilAborted, waitFor } from "./gates.ts";
import { headersObject, member, parseBody } from "./request-log.ts";
import { type EmulatorRoute, findRoute } from "./routes.ts";
import type { Refusal } from "./script.ts";
import { contentText } from "./turn-request.ts";

/** @param life aborted when the emulator is reset: frees the calls that are never answered */
export async function answerCall(request: Request, state: EmulatorState, life: AbortSignal): Promise<Response> {
  const bodyBytes = request.body === null ? noBytes : await request.bytes();
  const { call, route } = readCall(request, bodyBytes, state);
  const { record, script } = call;
  const leave = AbortSignal.any([request.signal, life]);

  if (script?.delayMs !== undefined) await waitFor(script.delayMs, leave);
  // A stream waits before each event instead.
  const isStream = route.on === "completions" && script?.refuse === undefined && member(call.body, "stream") !== false;
  if (script?.gate !== undefined && !isStream) await state.gates.pass(script.gate, leave);
  if (leave.aborted) return abandon(call, state);

  const refusal = typeof script?.refuse === "string" ? { name: script.refuse } : script?.refuse;
  if (refusal?.name === "silence") {
    record.refusal = refusal.name;
    await untilAborted(leave);
    return abandon(call, state);
  }
  if (refusal?.name === "reset") return resetConnection(call, state);
  const response = refusal === undefined ? routeCall(call, route, state) : refuseByScript(call, refusal);
  record.status = actualStatusOf(response);
  if (!(response.headers.get("content-type") ?? "").startsWith("text/event-stream")) {
    record.endedAtMs = state.options.clock();
  }
  state.log.touch();
  return response;
}

const noBytes = new Uint8Array();

function readCall(request: Request, bodyBytes: Uint8Array, state: EmulatorState): { call: Call; route: EmulatorRoute } {
  const isTold = isUtf8(bodyBytes);
  const bodyText = isTold ? new TextDecoder().decode(bodyBytes) : "";
  const url = new URL(request.url);
  const path = url.pathname.replace(/(?<=.)\/+$/, "");
  const route = findRoute(request.method, path);
  const caller = state.accounts.identify(request.headers);
  const body = isTold ? parseBody(bodyText) : `(${bodyBytes.length} bytes)`;
  const record = state.log.add(
    {
      on: route.on,
      method: request.method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: headersObject(request.headers),
      body,
      account: caller.account,
      receivedAtMs: state.options.clock(),
    },
    bodyText.length,
  );
  const content = route.on === "completions" ? messageText(body) : `${path}\n${bodyText}`;
  const script = state.scripts.take({ on: route.on, content, account: caller.account, bearer: caller.bearer });
  const requestId = request.headers.get("x-request-id") ?? crypto.randomUUID();
  return { call: { request, url, path, requestId, bodyText, bodyBytes, body, caller, script, record }, route };
}

function routeCall(call: Call, route: EmulatorRoute, state: EmulatorState): Response {
  if (route.on === "completions" && call.bodyText.length > state.options.wafBodyChars) {
    return refuseCall(call, "waf-punish");
  }
  if (route.needsAccount && call.caller.refusal !== undefined) return refuseCall(call, call.caller.refusal);
  return route.answer(call, state);
}

function refuseByScript(call: Call, refusal: Refusal): Response {
  const { name, ...fields } = refusal;
  // The two that are no answer were carried out before.
  if (name === "reset" || name === "silence") throw new Error(`Cannot answer with "${name}": it is no answer`);
  return refuseCall(call, name, fields);
}

/** The client left, or the emulator was reset, before there was an answer. */
function abandon(call: Call, state: EmulatorState): Response {
  call.record.aborted = true;
  call.record.endedAtMs = state.options.clock();
  state.log.touch();
  call.request.signal.throwIfAborted();
  return resetConnection(call, state);
}

function resetConnection(call: Call, state: EmulatorState): Response {
  call.record.refusal ??= "reset";
  state.log.touch();
  return brokenConnection(state.options.resetError);
}

function messageText(body: unknown): string {
  const messages = member(body, "messages");
  const first: unknown = Array.isArray(messages) ? messages[0] : undefined;
  return textMember(first, "content") ?? contentText(member(first, "content"));
}
