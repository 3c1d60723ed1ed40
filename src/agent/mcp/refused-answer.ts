// Answers that come with a status of refusal. Some servers tell the error of a tool so: it is the answer to the request,
// and no sign that nobody has read it.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { type FetchLike, readSent } from "./bounded-fetch.ts";
import { exactMessage } from "./exact-message.ts";

/** The `fetch` of the streamable form, which reads answers out of the responses to its requests. */
export function readRefusedAnswers(fetch: FetchLike): FetchLike {
  return async (url, init = {}) => {
    const response = await fetch(url, init);
    const { asks, method } = readSent(init.body);
    if (response.ok || asks === undefined || isOfConnection(response.status, method, new Headers(init.headers))) {
      return response;
    }
    const { status, statusText, headers } = response;
    const text = await response.text().catch(() => undefined);
    const answer = readAnswer(text, asks);
    return answer === undefined ? new Response(text, { status, statusText, headers }) : Response.json(answer);
  };
}

/**
 * By the status alone it is told which form the server speaks, whether it wants a sign-in, and that a session is over.
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management
 */
function isOfConnection(status: number, method: string | undefined, sent: Headers): boolean {
  if (method === "initialize" || status === 401 || status === 403) return true;
  return status === 404 && sent.has("mcp-session-id");
}

/** @returns undefined where it answers another request, or none: one that could not be read has no id */
function readAnswer(text: string | undefined, id: number): JsonObject | undefined {
  try {
    const message: unknown = JSON.parse(text ?? "");
    if (!isJsonObject(message) || Number(message["id"] ?? Number.NaN) !== id || message["error"] == null)
      return undefined;
    return exactMessage({ jsonrpc: "2.0", ...message });
  } catch {
    return undefined;
  }
}
