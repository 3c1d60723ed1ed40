// The content of an item: a text, or parts of text, pictures, files and sound.

import type { ContentPart } from "../../contract/chat-request.ts";
import { fileReference } from "../../contract/file-reference.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { LongText } from "../../conversation/long-text.ts";
import { invalid, stringIn } from "../check-body.ts";

/** @throws {GatewayError} `invalid-request` that names the part */
export function parseContent(value: unknown, path: string): ContentPart[] {
  if (value instanceof LongText) return [value];
  if (typeof value === "string") return [{ type: "text", text: value }];
  if (value === undefined || value === null) throw invalid(path, `Invalid request: "${path}" is missing`);
  if (!Array.isArray(value)) throw invalid(path, `Invalid request: "${path}" must be a string or an array of parts`);
  return value.map((part: unknown, index) => parsePart(part, `${path}[${index}]`));
}

function parsePart(value: unknown, path: string): ContentPart {
  if (typeof value === "string") return { type: "text", text: value };
  if (!isJsonObject(value)) throw invalid(path, `Invalid request: "${path}" must be an object`);
  switch (value["type"]) {
    case "input_text":
    case "output_text":
    case "summary_text":
    case "text":
      if (value["text"] instanceof LongText) return value["text"];
      return { type: "text", text: stringIn(value, "text", path) };
    // What a client takes for sealed by the service came from here as it was: nothing is sealed.
    case "encrypted_content":
      return { type: "text", text: stringIn(value, "encrypted_content", path) };
    case "refusal":
      return { type: "text", text: stringIn(value, "refusal", path) };
    case "input_image":
    case "image_url":
      return parseImage(value, path);
    case "input_file":
      return parseFile(value, path);
    case "input_audio":
      return { type: "media", part: value, field: `${path}.input_audio` };
    default:
      throw invalid(
        `${path}.type`,
        `Invalid request: "${path}.type" must be one of input_text, output_text, input_image, input_file, input_audio`,
      );
  }
}

function parseImage(value: JsonObject, path: string): ContentPart {
  const image = value["image_url"];
  if (isJsonObject(image)) {
    return { type: "image", url: stringIn(image, "url", `${path}.image_url`), field: `${path}.image_url.url` };
  }
  const id = uploadedId(value, "image_url");
  if (id !== undefined) return { type: "image", url: fileReference(id), field: `${path}.file_id` };
  return { type: "image", url: stringIn(value, "image_url", path), field: `${path}.image_url` };
}

function parseFile(value: JsonObject, path: string): ContentPart {
  const name = typeof value["filename"] === "string" ? value["filename"] : undefined;
  if (typeof value["file_url"] === "string") {
    return { type: "file", name, url: value["file_url"], field: `${path}.file_url` };
  }
  const id = uploadedId(value, "file_data");
  if (id !== undefined) return { type: "file", name, url: fileReference(id), field: `${path}.file_id` };
  return { type: "file", name, url: stringIn(value, "file_data", path), field: `${path}.file_data` };
}

/** Clients send null for what they do not say. */
function uploadedId(value: JsonObject, field: string): string | undefined {
  const id = value["file_id"];
  return typeof id === "string" && typeof value[field] !== "string" ? id : undefined;
}
