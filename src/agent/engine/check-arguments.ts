// Arguments of a call against its tool's schema: repaired where that needs no guessing, else told what is wrong.

import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { repairArguments } from "../../tools/repair-arguments.ts";
import { findProblems } from "../../tools/schema-problems.ts";
import { briefText } from "./clean-text.ts";

export type CheckedArguments =
  { readonly input: JsonObject } | { /** Sentences for the model and for a person. */ readonly problem: string };

const maxArgumentsChars = 200_000;
const maxProblemChars = 500;

/** @param text as the model wrote it. */
export function checkArguments(text: string, schema: JsonObject): CheckedArguments {
  if (text.length > maxArgumentsChars) return { problem: "The arguments are too long" };
  // A cast: the schema came as JSON.
  const { text: repaired, warnings } = repairArguments(text, schema as Json);
  if (warnings.includes("arguments-unreadable")) return { problem: "The arguments are not a JSON object" };
  const input: unknown = JSON.parse(repaired);
  return isJsonObject(input) ? checkInput(input, schema) : { problem: "The arguments are not a JSON object" };
}

/** Of arguments that are values already: those that a person has changed. */
export function checkInput(input: JsonObject, schema: JsonObject): CheckedArguments {
  const found = findProblems(schema, input);
  switch (found.type) {
    case "fits":
      return { input };
    case "problems": {
      const problems = found.sentences.map((sentence) => briefText(sentence, maxProblemChars));
      return { problem: problems.join("; ") || "The arguments do not fit the schema" };
    }
    case "large":
      return { problem: "The schema of this tool is too large to check arguments against it" };
    case "broken":
      return { problem: "The schema of this tool is broken: no arguments can be checked against it" };
  }
}
