// Calls and results as text, for a chat that knows nothing but text: the form that Qwen's own templates use.

import type { ToolCall } from "../contract/chat-request.ts";
import { isJson } from "./json-spans.ts";

export interface ToolResult {
  /** Undefined where no call of the history has the result's id. */
  readonly toolName: string | undefined;
  readonly text: string;
  readonly isError: boolean;
}

/** The call as the model itself would write it. `scanTools` finds the same call in it. */
export function encodeToolCall(call: ToolCall): string {
  const text = call.argumentsText.trim();
  const json = text === "" ? "{}" : isJson(text) ? text : JSON.stringify(text);
  return `<tool_call>\n{"name": ${JSON.stringify(call.toolName)}, "arguments": ${json}}\n</tool_call>`;
}

/**
 * The result of a call. Several stand one behind the other, in the order of their calls. A closing tag within the text
 * is written `<\/tool_response>`, so that a result cannot end itself and go on as something else.
 */
export function encodeToolResult({ toolName, text, isError }: ToolResult): string {
  const name = toolName === undefined ? "" : ` name=${JSON.stringify(toolName)}`;
  const error = isError ? ' error="true"' : "";
  return `<tool_response${name}${error}>\n${text.replaceAll(/<\/(?=tool_response)/gi, "<\\/")}\n</tool_response>`;
}
