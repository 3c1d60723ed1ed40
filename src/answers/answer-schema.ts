// What of a client's schema decides how an answer is looked for and checked. Pure.

import type { AnswerFormat } from "../contract/answer-format.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { schemaFault } from "./schema-fault.ts";
import { findProblems, type SchemaProblems } from "../tools/schema-problems.ts";

/** What the outermost value is, as far as the schema says. */
export type JsonRoot = "object" | "array" | "any";

/** @param schema undefined: any object */
export function rootOf(schema: JsonObject | undefined): JsonRoot {
  if (schema === undefined) return "object";
  const type = schema["type"];
  if (type === "object" || type === "array") return type;
  return type === undefined && isJsonObject(schema["properties"]) ? "object" : "any";
}

/** Checks values against the schema of a format. */
export interface AnswerCheck {
  /** "large": nothing but its being JSON can be asked for. */
  problems(value: unknown): Exclude<SchemaProblems, { readonly type: "broken" }>;
}

/** @throws {GatewayError} `invalid-request` for a schema that nothing can be checked against */
export function createAnswerCheck({ schema, param }: AnswerFormat): AnswerCheck {
  if (schema === undefined) return { problems: checkObject };
  const fault = schemaFault(schema);
  if (fault !== undefined) throw brokenSchema(fault === "" ? param : `${param}.${fault}`);
  checkPatterns(schema, param);
  const check: AnswerCheck["problems"] = (value) => {
    const found = findProblems(schema, value);
    if (found.type === "broken") throw brokenSchema(param);
    return found;
  };
  // What is broken at its root is told before anybody is asked.
  check(rootOf(schema) === "array" ? [] : {});
  return { problems: check };
}

function checkObject(value: unknown): ReturnType<AnswerCheck["problems"]> {
  return isJsonObject(value) ? { type: "fits" } : { type: "problems", sentences: ["The whole must be object"] };
}

/** Also those that are too costly to be tried: what is wrong is told. */
function checkPatterns(schema: JsonObject, param: string): void {
  JSON.stringify(schema, (key, value: unknown) => {
    if (key !== "pattern" || typeof value !== "string") return value;
    try {
      new RegExp(value, "u");
    } catch (cause) {
      throw brokenSchema(param, cause);
    }
    return value;
  });
}

function brokenSchema(param: string, cause?: unknown): GatewayError {
  return new GatewayError(
    "invalid-request",
    `Invalid request: no answer can be checked against the schema, since "${param}" is broken`,
    { param, ...(cause === undefined ? {} : { cause }) },
  );
}
