// What the servers have in common that load a model from disk and render its chat template.

import { isJsonObject } from "../../../contract/json.ts";
import { formatSseEvent } from "../../../sse/sse-writer.ts";
import type { CallPiece, Fields, UsageCount } from "../chunk-form.ts";
import type { Dialect } from "../dialect.ts";
import type { ChatRequest } from "../read-request.ts";

export const selfHosted = {
  quirks: () => [],
  needsKey: false,
  wrongKey: () => undefined,
  callsInParallel: true,
  toolChoice: "obeyed",
  namedFinish: "tool_calls",
  truncatesSilently: false,
  losesForeignParts: false,
  rateHeaders: "none",
  thinks: thinksByTemplate,
  infoRoutes: {},
  ignoredFields: ["enable_thinking", "thinking_budget", "preserve_thinking"],
} satisfies Partial<Dialect>;

/** Templates of Qwen3 and later think unless they are told not to. */
export function thinksByTemplate({ body, card }: ChatRequest): boolean {
  if (card?.thinking === "never") return false;
  const given = body["chat_template_kwargs"];
  const wanted = isJsonObject(given) ? given["enable_thinking"] : undefined;
  return wanted !== false;
}

export function countTotal({ promptTokens, completionTokens }: UsageCount): Fields {
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens: completionTokens,
  };
}

/** Of a whole answer, as OpenAI writes them. */
export function messageCalls(calls: readonly Pick<CallPiece, "id" | "name" | "argumentsText">[]): Fields[] {
  return calls.map(({ id, name, argumentsText }) => ({
    id,
    type: "function",
    function: { name, arguments: argumentsText },
  }));
}

export function errorFrame(error: Fields): string {
  return formatSseEvent({ error });
}
