// What is wrong with a value by a schema of a stranger, in sentences: of a call's arguments, or of a whole answer.

import { Check, Errors } from "typebox/schema";
import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { withoutCostlyPatterns } from "./pattern-cost.ts";
import { costOfCheck } from "./schema-cost.ts";

/**
 * - `large`: it costs too much to check anything against this schema
 * - `broken`: a pattern that is none, a schema that refers to itself or is nested too deeply: nothing can be said of any value
 */
export type SchemaProblems =
  | { readonly type: "fits" }
  | { readonly type: "problems"; readonly sentences: readonly string[] }
  | { readonly type: "large" | "broken" };

/** The first of them are enough to mend a value. */
const maxProblems = 5;
const maxPathChars = 200;

export function findProblems(given: JsonObject, value: unknown): SchemaProblems {
  const cost = costOfCheck(given, value);
  if (cost === undefined) return { type: "large" };
  try {
    const schema = withoutCostlyPatterns(given, value, cost);
    // Interpreted, not compiled: a schema of strangers must not become code.
    if (Check(schema, value)) return { type: "fits" };
    const [, errors] = Errors(schema, value);
    const problems = errors.map(({ instancePath, message, params }) => tell(instancePath, message, params));
    // What forbids a field is told once more as "schema is false" of that field.
    const distinct = [...new Set(problems)].filter((problem) => !problem.endsWith(" schema is false"));
    return { type: "problems", sentences: distinct.slice(0, maxProblems) };
  } catch {
    return { type: "broken" };
  }
}

function tell(instancePath: string, message: string, params: unknown): string {
  const path = instancePath.split("/").slice(1).join(".");
  const missing = listIn(params, "requiredProperties");
  if (missing !== undefined) return missing.map((name) => `${quote(join(path, name))} is missing`).join("; ");
  const unknown = listIn(params, "additionalProperties");
  if (unknown !== undefined) return unknown.map((name) => `${quote(join(path, name))} is not known`).join("; ");
  return `${path === "" ? "The whole" : quote(path)} ${message.slice(0, maxPathChars)}`;
}

function listIn(params: unknown, key: string): readonly string[] | undefined {
  const list = isJsonObject(params) ? params[key] : undefined;
  return Array.isArray(list) ? list.filter((name) => typeof name === "string").slice(0, maxProblems) : undefined;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function quote(path: string): string {
  return JSON.stringify(path.slice(0, maxPathChars).toWellFormed());
}
