// Chunks that say one text and nothing else: the shape that most of a stream has.

import { isJsonObject } from "../../../contract/json.ts";
import type { TextKind } from "../../think-tags.ts";

/** The fields of a delta that hold text, in the order in which they count. */
const textFields: readonly (readonly [field: string, kind: TextKind])[] = [
  ["reasoning_content", "reasoning-delta"],
  ["reasoning", "reasoning-delta"],
  ["content", "text-delta"],
];
/** The one text of a chunk that says nothing else; undefined for whatever has to be looked at closer. */
export function plainText(event: unknown): readonly [field: string, kind: TextKind, text: string] | undefined {
  if (!isJsonObject(event) || !Array.isArray(event["choices"]) || event["choices"].length !== 1) return undefined;
  if (event["usage"] != null || event["error"] != null || event["timings"] != null || event["search_info"] != null)
    return undefined;
  const choice: unknown = event["choices"][0];
  if (!isJsonObject(choice) || (choice["index"] ?? 0) !== 0 || choice["finish_reason"] != null) return undefined;
  const delta = choice["delta"];
  if (!isJsonObject(delta) || delta["tool_calls"] != null || delta["function_call"] != null) return undefined;
  if (delta["refusal"] != null || delta["thinking"] != null || delta["annotations"] != null) return undefined;
  const texts = textFields.filter(([field]) => delta[field] != null && delta[field] !== "");
  const [first] = texts;
  if (first === undefined || texts.length > 1) return undefined;
  const [field, kind] = first;
  const text = delta[field];
  return typeof text === "string" ? [field, kind, text] : undefined;
}

/** For a template that is being learnt. */
export function textOfPlain(event: unknown): unknown {
  return plainText(event)?.[2];
}
