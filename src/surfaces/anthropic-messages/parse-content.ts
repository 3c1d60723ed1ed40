// Content blocks to the parts that everyone knows. Whatever is wrong is named with its path.

import type { ContentPart } from "../../contract/chat-request.ts";
import { fileReference } from "../../contract/file-reference.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { LongText } from "../../conversation/long-text.ts";
import { invalid } from "../check-body.ts";
import { changesTools } from "./changed-tools.ts";

/**
 * A string or blocks, as users write them and tools answer.
 * @throws {GatewayError} `invalid-request` that names the block
 */
export function parseContent(value: unknown, path: string): ContentPart[] {
  if (value instanceof LongText) return [value];
  if (typeof value === "string") return [{ type: "text", text: value }];
  return blocksIn(value, path).flatMap((block, index) => parseBlock(block, `${path}[${index}]`));
}

/** @throws {GatewayError} `invalid-request` */
export function blocksIn(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  const reason = value === undefined || value === null ? "is missing" : "must be a string or an array of blocks";
  throw invalid(path, `Invalid request: "${path}" ${reason}`);
}

/** One block is several parts where it holds blocks itself. */
export function parseBlock(value: unknown, path: string): ContentPart[] {
  if (typeof value === "string") return [{ type: "text", text: value }];
  if (!isJsonObject(value)) throw invalid(path, `Invalid request: "${path}" must be an object`);
  if (changesTools(value["type"])) return [];
  switch (value["type"]) {
    case "text":
      return [parseText(value, path)];
    case "image":
      return [{ type: "image", ...parseSource(objectIn(value, "source", path), `${path}.source`) }];
    case "document":
      return parseDocument(value, path);
    case "search_result":
      return [
        { type: "text", text: [value["title"], value["source"]].filter(isText).join("\n") },
        ...parseContent(value["content"], `${path}.content`),
      ];
    // What a search among the client's own tools found: its model has to learn the name, the tool itself is declared.
    case "tool_reference":
      return [{ type: "text", text: stringIn(value, "tool_name", path) }];
    default:
      throw invalid(
        `${path}.type`,
        `Invalid request: "${path}.type" must be one of text, image, document, search_result, tool_result`,
      );
  }
}

function parseText(block: JsonObject, path: string): ContentPart {
  return block["text"] instanceof LongText ? block["text"] : { type: "text", text: stringIn(block, "text", path) };
}

/** Base64, an address or an uploaded file: all of them are addresses for the rest of the gateway. */
function parseSource(source: JsonObject, path: string): { readonly url: string; readonly field: string } {
  switch (source["type"]) {
    case "base64": {
      const url = `data:${stringIn(source, "media_type", path)};base64,${stringIn(source, "data", path)}`;
      return { url, field: `${path}.data` };
    }
    case "url":
      return { url: stringIn(source, "url", path), field: `${path}.url` };
    case "file":
      return { url: fileReference(stringIn(source, "file_id", path)), field: `${path}.file_id` };
    default:
      throw invalid(`${path}.type`, `Invalid request: "${path}.type" must be one of base64, url, file`);
  }
}

/** Plain text stays text, so that every upstream reads it; all else is a file. What its author says of it stands before it. */
function parseDocument(block: JsonObject, path: string): ContentPart[] {
  const source = objectIn(block, "source", path);
  const name = isText(block["title"]) ? block["title"] : undefined;
  const context = isText(block["context"]) ? block["context"] : undefined;
  const heading = [name === undefined ? undefined : `${name}:`, context].filter(isText).join("\n");
  switch (source["type"]) {
    case "text": {
      const text = stringIn(source, "data", `${path}.source`);
      return [{ type: "text", text: heading === "" ? text : `${heading}\n${text}` }];
    }
    case "content":
      return [...textOf(heading), ...parseContent(source["content"], `${path}.source.content`)];
    default:
      return [...textOf(context ?? ""), { type: "file", name, ...parseSource(source, `${path}.source`) }];
  }
}

function textOf(text: string): ContentPart[] {
  return text === "" ? [] : [{ type: "text", text }];
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function objectIn(value: JsonObject, key: string, path: string): JsonObject {
  const object = value[key];
  if (isJsonObject(object)) return object;
  throw invalid(`${path}.${key}`, `Invalid request: "${path}.${key}" must be an object`);
}

export function stringIn(value: JsonObject, key: string, path: string): string {
  const text = value[key];
  if (typeof text === "string") return text;
  throw invalid(`${path}.${key}`, `Invalid request: "${path}.${key}" must be a string`);
}
