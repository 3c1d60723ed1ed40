// Arguments of a call against its tool's schema: repaired where that needs no guessing, else told what is wrong.

import { Check, Errors } from "typebox/schema";
import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { repairArguments } from "../../tools/repair-arguments.ts";
import { briefText } from "./clean-text.ts";
import { withoutCostlyPatterns } from "./pattern-cost.ts";
import { isAffordable } from "./schema-cost.ts";

export type CheckedArguments =
  { readonly input: JsonObject } | { /** Sentences for the model and for a person. */ readonly problem: string };

const maxArgumentsChars = 200_000;
/** The first of them are enough to mend a call. */
const maxProblems = 5;
const maxProblemChars = 200;

/** @param text as the model wrote it. */
export function checkArguments(text: string, schema: JsonObject): CheckedArguments {
  if (text.length > maxArgumentsChars) return { problem: "The arguments are too long" };
  // A cast: the schema came as JSON.
  const { text: repaired, warnings } = repairArguments(text, schema as Json);
  if (warnings.includes("arguments-unreadable")) return { problem: "The arguments are no JSON object" };
  const input: unknown = JSON.parse(repaired);
  return isJsonObject(input) ? checkInput(input, schema) : { problem: "The arguments are no JSON object" };
}

/** Of arguments that are values already: those that a person has changed. */
export function checkInput(input: JsonObject, told: JsonObject): CheckedArguments {
  if (!isAffordable(told)) return { problem: "The schema of this tool is too large to check arguments against it" };
  try {
    const schema = withoutCostlyPatterns(told, input);
    // Interpreted, not compiled: a schema of strangers must not become code.
    if (Check(schema, input)) return { input };
    const [, errors] = Errors(schema, input);
    const problems = errors.map(({ instancePath, message, params }) => tell(instancePath, message, params));
    // What forbids a field is told once more as "schema is false" of that field.
    const distinct = [...new Set(problems)].filter((problem) => !problem.endsWith(" schema is false"));
    return { problem: distinct.slice(0, maxProblems).join("; ") || "The arguments do not fit the schema" };
  } catch {
    // A pattern that is none, or a schema that refers to itself: nothing can be said of any arguments.
    return { problem: "The schema of this tool is broken: no arguments can be checked against it" };
  }
}

function tell(instancePath: string, message: string, params: unknown): string {
  const path = instancePath.split("/").slice(1).join(".");
  const missing = listIn(params, "requiredProperties");
  if (missing !== undefined) return missing.map((name) => `${quote(join(path, name))} is missing`).join("; ");
  const unknown = listIn(params, "additionalProperties");
  if (unknown !== undefined) return unknown.map((name) => `${quote(join(path, name))} is not known`).join("; ");
  return `${path === "" ? "The whole" : quote(path)} ${briefText(message, maxProblemChars)}`;
}

function listIn(params: unknown, key: string): readonly string[] | undefined {
  const list = isJsonObject(params) ? params[key] : undefined;
  return Array.isArray(list) ? list.filter((name) => typeof name === "string").slice(0, maxProblems) : undefined;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function quote(path: string): string {
  return JSON.stringify(briefText(path, maxProblemChars));
}
