// The arguments of a call as one JSON object that fits its tool's schema, as far as that needs no guessing.

import type { Json } from "../contract/json.ts";
import { convertValue } from "./convert-values.ts";
import { isJson } from "./json-spans.ts";
import { repairJson } from "./repair-json.ts";
import { viewSchema } from "./schema-types.ts";
import type { ToolWarningKind } from "./tool-warning.ts";

export interface RepairedArguments {
  /** JSON of an object; the text as it came where the warnings hold "arguments-unreadable". */
  readonly text: string;
  readonly warnings: readonly ToolWarningKind[];
}

/**
 * Arguments that are sound come back byte for byte. No value is ever invented: what is missing stays missing, and what
 * cannot be read is passed on with a warning.
 * @param text as the model wrote it: JSON, broken JSON, JSON within a JSON string, or nothing
 * @param schema JSON schema of the arguments
 */
export function repairArguments(text: string, schema: Json): RepairedArguments {
  const warnings: ToolWarningKind[] = [];
  const json = readObject(text, warnings);
  if (json === undefined) return { text, warnings: [...warnings, "arguments-unreadable"] };
  const { json: converted, isInvalid } = convertValue(json, viewSchema(schema));
  if (converted !== json) warnings.push("arguments-converted");
  if (isInvalid) warnings.push("arguments-invalid");
  return { text: converted, warnings };
}

function readObject(text: string, warnings: ToolWarningKind[]): string | undefined {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed === "null" || trimmed === '""') return "{}";
  let json: string | undefined = trimmed;
  if (!isJson(trimmed)) {
    json = repairJson(trimmed);
    if (json === undefined) return undefined;
    warnings.push("arguments-repaired");
  }
  if (json.startsWith("{")) return json;
  if (!json.startsWith('"')) return undefined;
  // Encoded twice, as some servers and models do. A JSON string by its first sign.
  const inner = (JSON.parse(json) as string).trim();
  return inner.startsWith("{") ? readObject(inner, warnings) : undefined;
}
