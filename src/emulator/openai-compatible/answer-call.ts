// One request from its arrival to its response: noted in the log, held back or refused by a script, its key and its
// rate looked at, else routed.

import { isJsonObject } from "../../contract/json.ts";
import { brokenConnection } from "../broken-connection.ts";
import { untilAborted, waitFor } from "../gates.ts";
import { createUuid } from "../random.ts";
import { countTokens } from "../reply-steps.ts";
import { headersObject, member, parseBody } from "../request-log.ts";
import { abandonCall, type Call, refuseCall } from "./call.ts";
import type { CompatibleState } from "./emulator-state.ts";
import { type CompatibleRoute, findRoute } from "./routes.ts";

/** Rate-limit page of Model Studio (2026-10). */
const mostBodyBytes = { plain: 16 * 1024 * 1024, withBase64: 64 * 1024 * 1024 };

/** @param life aborted when the emulator is reset: frees the calls that are never answered */
export async function answerCall(request: Request, state: CompatibleState, life: AbortSignal): Promise<Response> {
  const { call, route, bodyText } = await readCall(request, state);
  const { record, script } = call;
  const leave = AbortSignal.any([request.signal, life]);

  if (script?.delayMs !== undefined) await waitFor(script.delayMs, leave);
  // A stream waits before each event instead.
  const isStream = route.on === "completions" && script?.refuse === undefined && member(call.body, "stream") === true;
  if (script?.gate !== undefined && !isStream) await state.gates.pass(script.gate, leave);
  if (leave.aborted) return abandonCall(call, state);

  const refusal = typeof script?.refuse === "string" ? { name: script.refuse } : script?.refuse;
  if (refusal?.name === "silence") {
    record.refusal = refusal.name;
    state.log.touch();
    await untilAborted(leave);
    return abandonCall(call, state);
  }
  if (refusal?.name === "reset") {
    record.refusal = refusal.name;
    record.endedAtMs = state.clock();
    state.log.touch();
    return brokenConnection(state.resetError);
  }
  const response =
    refusal === undefined ? await routeCall(call, route, state, bodyText, leave) : refuseCall(call, state, refusal);
  record.status = response.status;
  if (!call.isStreaming) record.endedAtMs ??= state.clock();
  state.log.touch();
  return response;
}

async function routeCall(
  call: Call,
  route: CompatibleRoute,
  state: CompatibleState,
  bodyText: string,
  leave: AbortSignal,
): Promise<Response> {
  const { dialect, limits, options } = state;
  if (!route.needsKey) return route.answer(call, state, leave);
  const wrongKey = refusedKey(call.key, state);
  if (wrongKey !== undefined) return refuseCall(call, state, { name: wrongKey });
  const most = bodyText.includes(";base64,") ? mostBodyBytes.withBase64 : mostBodyBytes.plain;
  if (dialect.needsKey && call.bodyBytes > most) return refuseCall(call, state, { name: "too-large" });
  const headers = () => limits.headers(call.key, options.rateHeaders ?? dialect.rateHeaders);
  if (call.method === "GET") return route.answer(call, state, leave);
  const overstep = limits.admit(call.key, countTokens(bodyText));
  if (overstep !== undefined) return refuseCall(call, state, { ...overstep, headers: headers() });
  try {
    const response = await route.answer(call, state, leave);
    for (const [name, value] of Object.entries(headers())) response.headers.set(name, value);
    return response;
  } finally {
    // Who streams leaves when the stream has ended.
    if (!call.isStreaming) limits.leave(call.key);
  }
}

function refusedKey(key: string, { dialect, options }: CompatibleState) {
  if (options.keys !== undefined) return options.keys.includes(key) ? undefined : "invalid-key";
  if (key === "") return dialect.needsKey ? "invalid-key" : undefined;
  return dialect.wrongKey(key);
}

async function readCall(
  request: Request,
  state: CompatibleState,
): Promise<{ call: Call; route: CompatibleRoute; bodyText: string }> {
  const url = new URL(request.url);
  // The prefixes of hosted services: compatible-mode, and compatible-api for rerank.
  const path = url.pathname.replace(/^\/compatible-(?:mode|api)(?=\/)/, "").replace(/(?<=.)\/+$/, "");
  const route = findRoute(request.method, path, state);
  // Before the body: Bun 1.4.5 forgets the content type of a form that was read.
  const contentType = request.headers.get("content-type") ?? "";
  const bytes = new Uint8Array(await request.arrayBuffer());
  const isForm = contentType.startsWith("multipart/form-data");
  const bodyText = isForm ? "" : new TextDecoder().decode(bytes);
  const body = isForm ? await formFields(bytes, contentType) : parseBody(bodyText);
  const key = /^bearer\s+(.*)$/i.exec(request.headers.get("authorization") ?? "")?.[1]?.trim() ?? "";
  const record = state.log.add(
    {
      on: route.on,
      method: request.method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: headersObject(request.headers),
      body,
      account: key,
      receivedAtMs: state.clock(),
    },
    bytes.length,
  );
  const content = route.on === "completions" ? newestMessage(body) : `${path}\n${bodyText}`;
  const script = state.scripts.take({ on: route.on, content, account: key, bearer: key });
  const requestId = createUuid(state.idSource, record.ordinal, "request");
  const variant = script?.reply?.variant ?? state.variant;
  const call: Call = {
    request,
    method: request.method,
    path,
    requestId,
    body,
    bodyBytes: bytes.length,
    key,
    variant,
    script,
    record,
    isStreaming: false,
  };
  return { call, route, bodyText };
}

/** Files as their name, type and size. */
async function formFields(bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<unknown> {
  try {
    const form = await new Response(bytes, { headers: { "content-type": contentType } }).formData();
    return Object.fromEntries(
      [...form.entries()].map(([name, value]) => [
        name,
        typeof value === "string" ? value : { name: value.name, type: value.type, size: value.size },
      ]),
    );
  } catch {
    // A broken form is seen as what it is: nothing.
    return undefined;
  }
}

function newestMessage(body: unknown): string {
  const messages = member(body, "messages");
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  const content = member(last, "content");
  if (typeof content === "string") return content;
  const parts = Array.isArray(content) ? content.filter(isJsonObject) : [];
  return parts.map((part) => String(part["text"] ?? "")).join("\n");
}
