// Messages that are not exact, as the SDK wants them. It passes over what has a field too many or one too few, and whoever
// waits for the answer would wait until its time is over.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { withoutOpenFields } from "../open-fields.ts";

/** Of our own, in the range that JSON-RPC leaves to implementations. */
const malformedCode = -32_092;
/** Of an exact answer: `jsonrpc`, `id` and `result`. */
const fieldCount = 3;
/** Of what a server says by itself. */
const openFields = ["id", "params", "result", "error"] as const;

/** What is exact, or cannot be made so, is given back itself. Many servers write fields that they have nothing for as null. */
export function exactMessage(message: JsonObject): JsonObject {
  const { jsonrpc, id, method, result, error } = message;
  if (method != null) return exactSaid(message);
  if (typeof id !== "number" && typeof id !== "string") return message;
  if (error != null) return { jsonrpc, id, error: exactError(error) };
  if (result !== undefined) {
    const exact = exactResult(result);
    return exact === result && Object.keys(message).length === fieldCount ? message : { jsonrpc, id, result: exact };
  }
  const nothing = { code: malformedCode, message: "The server gave an answer that MCP does not know" };
  return { jsonrpc, id, error: nothing };
}

/** A request or a notification. */
function exactSaid(message: JsonObject): JsonObject {
  const isExact = openFields.every((field) => message[field] !== null);
  return isExact ? message : Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null));
}

function exactError(error: unknown): JsonObject {
  const told = isJsonObject(error) ? error : { message: error };
  return {
    ...told,
    code: Number.isInteger(told["code"]) ? told["code"] : malformedCode,
    message: typeof told["message"] === "string" ? told["message"] : "The server gave no reason",
  };
}

/** Whatever it is, it went well: a model that is told otherwise would do it once more. */
function exactResult(result: unknown): JsonObject {
  if (result === null) return {};
  if (!isJsonObject(result)) {
    return { content: typeof result === "string" || Array.isArray(result) ? result : JSON.stringify(result) };
  }
  // The answer to the greeting, which alone is read by a schema of the SDK's.
  if (typeof result["protocolVersion"] === "string") return withoutOpenFields(result);
  if (result["_meta"] !== null) return result;
  const { _meta: _none, ...rest } = result;
  return rest;
}
