// The form of an answer in words: for models that nothing else holds to it, and for one that has missed it.

import type { AnswerFormat } from "../contract/answer-format.ts";
import { stringifyExact } from "../contract/exact-json.ts";
import { rootOf } from "./answer-schema.ts";

/** Stands behind the last message of the user. */
export function describeFormat({ name, description, schema }: AnswerFormat): string {
  const value = rootOf(schema) === "array" ? "JSON array" : "JSON object";
  const sentences = [
    `\n# Answer format\nAnswer with one ${value} and nothing else: no words before or behind it, no code fence around it.`,
  ];
  if (schema === undefined) return sentences.join("\n");
  if (description !== undefined) sentences.push(`It is called ${JSON.stringify(name)}: ${description}`);
  sentences.push("It has to fit this JSON schema; it is not the schema itself:", stringifyExact(schema));
  return sentences.join("\n");
}

/** The message that asks once more. @param problem what was wrong with the answer, as words that follow a colon */
export function describeMiss(format: AnswerFormat, problem: string): string {
  return `That is not the answer that was asked for: ${problem}. Answer once more.\n${describeFormat(format)}`;
}
