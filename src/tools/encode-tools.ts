// Calls and results as text, for a chat that knows nothing but text: the form that Qwen's own templates use.

import type { ToolCall } from "../contract/chat-request.ts";
import { isJson } from "./json-spans.ts";

export interface ResultHead {
  /** Undefined where no call of the history has the result's id. */
  readonly toolName: string | undefined;
  readonly isError: boolean;
}

/** The call as the model itself would write it. `scanTools` finds the same call in it. */
export function encodeToolCall(call: ToolCall): string {
  const text = call.argumentsText.trim();
  const json = text === "" ? "{}" : isJson(text) ? text : JSON.stringify(text);
  return `<tool_call>\n{"name": ${JSON.stringify(call.toolName)}, "arguments": ${json}}\n</tool_call>`;
}

/** What stands before a result's text. Several results stand one behind the other, in the order of their calls. */
export function openToolResult({ toolName, isError }: ResultHead): string {
  const name = toolName === undefined ? "" : ` name=${JSON.stringify(toolName)}`;
  const error = isError ? ' error="true"' : "";
  return `<tool_response${name}${error}>\n`;
}

/** What stands behind the text. */
export const toolResultEnd = "\n</tool_response>";

/**
 * A closing tag within the text is written `<\/tool_response>`, so that a result cannot end itself and go on as something
 * else.
 */
export function escapeResultText(text: string): string {
  return text.replaceAll(/<\/(?=tool_response)/gi, "<\\/");
}

/** Whether the text of a JSON string may need that: cheap, and true when in doubt. */
export function mayEndResult(json: Uint8Array): boolean {
  // A byte is a sign here: what is looked for is ASCII, as it stands or as an escape.
  return /tool_response|\\u00[0-7]/i.test(Buffer.from(json.buffer, json.byteOffset, json.length).toString("latin1"));
}
