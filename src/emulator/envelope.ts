// Answers that are no stream: the v2 envelope and the headers that every answer of the backend carries.

import type { Json } from "../contract/json.ts";

/**
 * As captured on 2026-09-25. Refusals travel as HTTP 200; the real status stands in `x-actual-status-code`.
 * `transfer-encoding` and `content-encoding` are the server's business.
 */
export function answerHeaders(requestId: string, actualStatus: number, contentType: string): Headers {
  return new Headers({
    "content-type": contentType,
    "cache-control": "no-cache",
    "x-actual-status-code": String(actualStatus),
    "x-request-id": requestId,
    "x-robots-tag": "noindex",
    "ga-ap": "ap-southeast-1",
    "x-frame-options": "SAMEORIGIN",
    "access-control-allow-origin": "https://chat.qwen.ai",
    vary: "Accept-Encoding, Origin",
  });
}

/** The status that an answer really has: its header says, not its HTTP status. */
export function actualStatusOf(response: Response): number {
  return Number(response.headers.get("x-actual-status-code") ?? response.status);
}

export function successEnvelope(requestId: string, data: Json): Response {
  return jsonAnswer(requestId, { success: true, request_id: requestId, data });
}

export function jsonAnswer(requestId: string, body: Json, actualStatus = 200, httpStatus = 200): Response {
  const headers = answerHeaders(requestId, actualStatus, "application/json");
  return new Response(JSON.stringify(body), { status: httpStatus, headers });
}
