// The arguments of a call in a history as servers can read them: templates want an object, and what is none makes vLLM,
// Ollama and llama.cpp refuse every further request of that conversation (vLLM #47761, #43995, 2026-05 to 2026-07). Pure.

import type { ToolCall } from "../../../contract/chat-request.ts";
import { onceFor } from "../../../contract/once-for.ts";
import { isJson } from "../../../tools/json-spans.ts";
import { repairArguments } from "../../../tools/repair-arguments.ts";

/** As they came where they are the JSON of an object. A history comes with each turn: each call is looked at once. */
export const sentArguments = onceFor(({ argumentsText }: ToolCall): string => {
  const text = argumentsText.trim();
  if (text.startsWith("{") && isJson(text)) return argumentsText;
  const repaired = repairArguments(text, {});
  // The model is to see what it wrote: the result behind it tells what was wrong.
  if (repaired.warnings.includes("arguments-unreadable")) return JSON.stringify({ unreadable_arguments: text });
  return repaired.text;
});
