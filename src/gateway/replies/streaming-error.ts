// How a reply that would have been passed on fails when its head is out and no frame of it has come.

import type { GatewayError } from "../../contract/gateway-error.ts";
import { formatSseEvent } from "../../sse/sse-writer.ts";

/** Nothing follows it, not even a mark of the end: browsers' event sources and SDKs alike take the event for a failure. */
export function streamingErrorFrame(error: GatewayError): string {
  return formatSseEvent({ error: error.message, type: "streaming_error", code: error.kind }, "error");
}
