// The JSON in an answer that may be anything, for whoever reads what servers say instead of a stream.

import { isJsonObject, type JsonObject } from "../contract/json.ts";

/** Undefined: the text is no JSON object. */
export function parseObject(text: string): JsonObject | undefined {
  const value = parseJson(text);
  return isJsonObject(value) ? value : undefined;
}

/** Undefined: the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the caller goes on with what the status says.
    return undefined;
  }
}

/**
 * What the first event of a body says. An HTTP 400 may be framed as an event stream because a stream was asked for (DashScope,
 * three clients, 2026).
 */
export function parseFirstEvent(body: string): JsonObject | undefined {
  const line = /^data: ?(\{.*)$/m.exec(body)?.[1];
  return line === undefined ? undefined : parseObject(line);
}
