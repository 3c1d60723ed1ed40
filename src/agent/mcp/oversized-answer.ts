// An answer that was too long to be read, as the error that whoever waits for it gets instead.

import type { JSONRPCErrorResponse } from "@modelcontextprotocol/sdk/types.js";

/** Of our own, in the range that JSON-RPC leaves to implementations. */
export const oversizedCode = -32_090;
/** The connection ended behind the request. */
export const unansweredCode = -32_091;

/** @param ends the two ends of the message: servers write the id first or last */
export function oversizedAnswer(ends: string): JSONRPCErrorResponse | undefined {
  const found =
    /^\s*\{(?:"jsonrpc":\s*"2\.0",\s*)?"id":\s*([0-9]{1,15})\s*,/.exec(ends) ??
    /,\s*"id":\s*([0-9]{1,15})\s*(?:,\s*"jsonrpc":\s*"2\.0"\s*)?\}\s*$/.exec(ends);
  return found === null ? undefined : failedAnswer(Number(found[1]), oversizedCode, "the answer is too long");
}

export function failedAnswer(id: number, code: number, message: string): JSONRPCErrorResponse {
  return { jsonrpc: "2.0", id, error: { code, message } };
}
