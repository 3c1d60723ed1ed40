// The `system` field: instructions as one text, or as blocks that are told apart, since agents change single ones of them.

import type { Message } from "../../contract/chat-request.ts";
import { isJsonObject } from "../../contract/json.ts";
import { invalid } from "../check-body.ts";

/** What Claude Code tells its maker's billing: it says nothing to a model, and changes with each version (2026-11). */
const billingHeader = /^x-anthropic-billing-header:/i;

/** @throws {GatewayError} `invalid-request` that names the block */
export function parseSystem(value: unknown): Message[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return withoutBilling([value]);
  if (!Array.isArray(value)) {
    throw invalid("system", 'Invalid request: "system" must be a string or an array of text blocks');
  }
  return withoutBilling(value.map((block: unknown, index) => textIn(block, `system[${index}]`)));
}

function textIn(block: unknown, path: string): string {
  if (typeof block === "string") return block;
  const text = isJsonObject(block) && block["type"] === "text" ? block["text"] : undefined;
  if (typeof text === "string") return text;
  throw invalid(path, `Invalid request: "${path}" must be a text block`);
}

function withoutBilling(texts: readonly string[]): Message[] {
  return texts
    .filter((text) => text !== "" && !billingHeader.test(text))
    .map((text) => ({ role: "system", content: [{ type: "text", text }] }));
}
