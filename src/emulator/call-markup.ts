// Calls as models write them into their text: the form that they are told, and those that they fall back to.

import { isJsonObject, type Json } from "../contract/json.ts";
import { pythonJson } from "./python-json.ts";
import type { ComposedCall } from "./wanted-calls.ts";

/**
 * - `told`: `<tool_call>` and JSON on lines of their own
 * - `compact`: the same on one line, each call in its own tag
 * - `function`: `<function=…><parameter=…>` in the tag, as qwen3-coder writes
 * - `fenced`: JSON in a block of code
 * - `bare`: JSON and nothing else
 * - `open`: as told, but the last tag is never closed
 */
export const callForms = ["told", "compact", "function", "fenced", "bare", "open"] as const;
export type CallForm = (typeof callForms)[number];

export function writeCalls(calls: readonly ComposedCall[], form: CallForm): string {
  const blocks = calls.map((call) => writeCall(call, form)).join("\n");
  return form === "open" ? blocks.replace(/\n<\/tool_call>$/, "") : blocks;
}

function writeCall(call: ComposedCall, form: CallForm): string {
  const json = `{"name": ${JSON.stringify(call.name)}, "arguments": ${pythonJson(call.arguments)}}`;
  switch (form) {
    case "told":
    case "open":
      return `<tool_call>\n${json}\n</tool_call>`;
    case "compact":
      return `<tool_call>${json}</tool_call>`;
    case "function":
      return `<tool_call>\n<function=${call.name}>\n${parameters(call.arguments)}</function>\n</tool_call>`;
    case "fenced":
      return `\`\`\`json\n${json}\n\`\`\``;
    case "bare":
      return json;
    default:
      return form satisfies never;
  }
}

function parameters(values: Json): string {
  if (!isJsonObject(values)) return "";
  return Object.entries(values)
    .map(([name, value]) => {
      // A cast: the arguments are JSON.
      const text = typeof value === "string" ? value : pythonJson(value as Json);
      return `<parameter=${name}>\n${text}\n</parameter>\n`;
    })
    .join("");
}
