// What a call gave, to text and data of a bounded size. Pictures and sound are named, not passed on.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import type { ToolResult } from "../tools.ts";
import { cleanJson } from "./clean-json.ts";
import { cleanLine, cleanText } from "./clean-text.ts";

/** About 25 000 tokens: more than a model makes use of. */
const maxResultChars = 100_000;
/** A server that sends its answer in more pieces is not meant to be read. */
const maxBlocks = 1000;

export function readResult(raw: JsonObject): ToolResult {
  const { content, isError } = raw;
  const data = raw["structuredContent"] ?? undefined;
  // Servers that are not exact give one block, or a bare text.
  const blocks: readonly unknown[] = Array.isArray(content) ? content : [content];
  const parts: string[] = [];
  let rest = maxResultChars;
  let isCut = blocks.length > maxBlocks;
  for (const block of blocks.slice(0, maxBlocks)) {
    const part = cleanText(readBlock(block), rest);
    rest -= part.text.length;
    if (part.text !== "") parts.push(part.text);
    if (!part.isCut) continue;
    isCut = true;
    break;
  }
  const structured = data === undefined ? undefined : cleanJson(data, maxResultChars);
  const text = parts.join("\n");
  return {
    // A result of data alone is told by its data.
    text: text === "" && structured !== undefined ? JSON.stringify(structured) : text,
    ...(structured === undefined ? {} : { structured }),
    isError: isError === true,
    isCut: isCut || (data !== undefined && structured === undefined),
  };
}

/** A failure that the model should read like any other result. */
export function failedResult(text: string, isCut = false): ToolResult {
  const cleaned = cleanText(text, maxResultChars);
  return { text: cleaned.text, isError: true, isCut: isCut || cleaned.isCut };
}

function readBlock(block: unknown): string {
  if (typeof block === "string") return block;
  if (!isJsonObject(block)) return "";
  const { type, text, data, mimeType, resource } = block;
  switch (type) {
    case "text":
    case undefined:
      return typeof text === "string" ? text : "";
    case "image":
    case "audio":
      return `[${type}: ${nameData(mimeType, data)}]`;
    case "resource_link":
      return `[resource: ${nameResource(block)}]`;
    case "resource":
      return isJsonObject(resource) ? readResource(resource) : "";
    default:
      return typeof type === "string" ? `[${cleanLine(type, 40)}]` : "";
  }
}

/** The text of an embedded resource under its name; of bytes, the name alone. */
function readResource(resource: JsonObject): string {
  const { text, blob, mimeType } = resource;
  const name = nameResource(resource);
  if (typeof text === "string") return `[resource: ${name}]\n${text}`;
  return `[resource: ${name}, ${nameData(mimeType, blob)}]`;
}

function nameResource({ uri, name }: JsonObject): string {
  return [name, uri].flatMap((part) => (typeof part === "string" ? [cleanLine(part, 500)] : [])).join(", ");
}

function nameData(mimeType: unknown, base64: unknown): string {
  const kind = typeof mimeType === "string" ? cleanLine(mimeType, 100) : "unknown kind";
  return typeof base64 === "string" ? `${kind}, ${Math.ceil((base64.length * 3) / 4 / 1024)} KB` : kind;
}
