// The web backend's events as JSON, and the fields that the decoder asks for.

import { isJsonObject } from "../../../contract/json.ts";
import type { QwenStreamEvent } from "../../../wire/qwen-web.ts";
import { textOf } from "../../read-fields.ts";

export function textsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map((item) => textOf(item) ?? "") : [];
}

export function parseEvent(text: string): QwenStreamEvent | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // Fields are checked one by one where they are used.
    return isJsonObject(value) ? (value as QwenStreamEvent) : undefined;
  } catch {
    // A broken line is skipped, the stream goes on: the caller says so once.
    return undefined;
  }
}

/** Where a plain delta has its text. */
export function contentOf(event: unknown): unknown {
  // Fields are checked one by one where they are used.
  const { choices } = event as QwenStreamEvent;
  return Array.isArray(choices) ? choices[0]?.delta?.content : undefined;
}
