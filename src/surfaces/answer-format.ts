// The form that a request wants of its answer, in the spellings of all protocols. Whatever is wrong is named with its path.

import type { AnswerFormat } from "../contract/answer-format.ts";
import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { invalid } from "./check-body.ts";

/**
 * `response_format` of chat completions. Undefined: text, or something that only one server understands.
 * @throws {GatewayError} `invalid-request`
 * @see https://platform.openai.com/docs/guides/structured-outputs
 */
export function parseResponseFormat(value: unknown): AnswerFormat | undefined {
  const path = "response_format";
  if (value === undefined || value === null) return undefined;
  if (!isJsonObject(value)) throw invalid(path, `Invalid request: "${path}" must be an object`);
  if (value["type"] === "json_object") {
    // llama.cpp's own spelling of a schema (README of 2026-08).
    return isJsonObject(value["schema"]) ? namedSchema(value, path) : anyObject(`${path}.type`);
  }
  if (value["type"] !== "json_schema") return undefined;
  const inner = `${path}.json_schema`;
  const schema = value["json_schema"];
  if (!isJsonObject(schema)) throw invalid(inner, `Invalid request: "${inner}" must be an object`);
  // It may be left open, says the protocol.
  return schema["schema"] == null ? anyObject(`${inner}.schema`) : namedSchema(schema, inner);
}

/** `text.format` of responses: the same, one object less deep. @throws {GatewayError} `invalid-request` */
export function parseTextFormat(text: unknown): AnswerFormat | undefined {
  const path = "text.format";
  const format = isJsonObject(text) ? text["format"] : undefined;
  if (!isJsonObject(format)) return undefined;
  if (format["type"] === "json_object") return anyObject(`${path}.type`);
  return format["type"] === "json_schema" ? namedSchema(format, path) : undefined;
}

/**
 * `output_config.format` of messages, and `output_format`, as it was called before (2025-11). Schemas are kept to there.
 * @throws {GatewayError} `invalid-request`
 */
export function parseOutputFormat(body: JsonObject): AnswerFormat | undefined {
  const config = body["output_config"];
  const format = isJsonObject(config) ? config["format"] : undefined;
  return schemaOnly(format, "output_config.format") ?? schemaOnly(body["output_format"], "output_format");
}

function schemaOnly(format: unknown, path: string): AnswerFormat | undefined {
  if (format === undefined || format === null) return undefined;
  if (!isJsonObject(format)) throw invalid(path, `Invalid request: "${path}" must be an object`);
  if (format["type"] !== "json_schema") {
    throw invalid(`${path}.type`, `Invalid request: "${path}.type" must be json_schema`);
  }
  return { name: defaultName, schema: schemaIn(format, path), isStrict: true, param: `${path}.schema` };
}

/** Clients that give none are not refused: not all servers want it. */
const defaultName = "answer";

function anyObject(param: string): AnswerFormat {
  return { name: "object", schema: undefined, isStrict: true, param };
}

function namedSchema(named: JsonObject, path: string): AnswerFormat {
  const { name, description, strict } = named;
  return {
    name: typeof name === "string" && name !== "" ? name : defaultName,
    ...(typeof description === "string" ? { description } : {}),
    schema: schemaIn(named, path),
    isStrict: strict === true,
    param: `${path}.schema`,
  };
}

function schemaIn(value: JsonObject, path: string): JsonObject {
  const schema = value["schema"];
  if (isJsonObject(schema)) return schema;
  throw invalid(`${path}.schema`, `Invalid request: "${path}.schema" must be an object`);
}
