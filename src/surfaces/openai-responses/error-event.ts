// The event that tells a failure before `response.failed`, which some clients pass over. OpenAI's service sends an error object,
// its reference has the same fields beside the type (2026-11), and clients look for the one or the other.

import type { OpenAIErrorBody } from "../../contract/openai-error.ts";

export const errorEvent = "error";

/** What stands in it beside its type and number. */
export function errorFields({ error }: OpenAIErrorBody) {
  const { code, message, param } = error;
  return { code, message, param, error };
}
