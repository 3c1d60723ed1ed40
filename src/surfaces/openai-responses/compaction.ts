// Conversations that are compacted here: the question for a summary, and the item that holds one in the place of what was said.
// Codex asks by an item of its input, OpenAI's packages by POST /v1/responses/compact, which the server makes such an item of.

import type { ChatRequest, Message } from "../../contract/chat-request.ts";
import type { FinishReason, ReplyIdentity } from "../../contract/events.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { LongText } from "../../conversation/long-text.ts";
import { invalid } from "../check-body.ts";
import { askForSummary, isWholeSummary, toldSummary } from "../summaries.ts";
import { itemId, type OutputItem } from "./items.ts";

/** The item that holds a summary. */
export const compaction = "compaction";
/** The last item of an input that asks for one. */
export const compactionTrigger = "compaction_trigger";

export function asksForSummary({ body: { input } }: ChatRequest): boolean {
  return Array.isArray(input) && isTrigger(input.at(-1));
}

/** @throws {GatewayError} `invalid-request` for a question that something follows */
export function withSummaryQuestion(request: ChatRequest): ChatRequest {
  const { input } = request.body;
  if (!Array.isArray(input)) return request;
  const index = input.findIndex(isTrigger);
  if (index < 0) return request;
  if (index === input.length - 1) return askForSummary(request);
  throw invalid(
    `input[${index}]`,
    `Invalid request: "input[${index}]" must be the last item: it is a ${compactionTrigger}`,
  );
}

/**
 * What is gone on from, where an answer was a summary: that, and of what was before it the words of users and developers, as
 * clients keep them.
 * @param items of earlier requests and answers, oldest first
 */
export function withoutCompacted(items: readonly unknown[]): readonly unknown[] {
  const at = items.findLastIndex((item, index) => isSummary(item) && isTrigger(items[index - 1]));
  return at < 0 ? items : [...items.slice(0, at).filter(isKeptWhole), ...items.slice(at)];
}

/** What stands beside a summary in its own words: what the model has to keep to, and what it was asked. */
export function isKeptWhole(item: unknown): boolean {
  if (!isJsonObject(item)) return false;
  const { type = "message", role } = item;
  return type === "message" && role !== undefined && role !== "assistant";
}

/** @returns nothing where there is no whole summary */
export function summaryOutput(identity: ReplyIdentity, text: string, finishReason: FinishReason): OutputItem[] {
  if (!isWholeSummary(text, finishReason)) return [];
  return [{ id: itemId("cmp", identity, 0), type: compaction, encrypted_content: sealSummary(text) }];
}

export function noSummary(): GatewayError {
  return new GatewayError("answer-unfit", "Cannot compact this input: the model gave no whole summary of it");
}

/** @throws {GatewayError} `invalid-request` for one that was not made here */
export function parseSummary({ encrypted_content: sealed }: JsonObject, path: string): Message {
  const text = openSummary(sealed instanceof LongText ? sealed.decode() : sealed);
  if (text !== undefined) return toldSummary([{ type: "text", text }]);
  const field = `${path}.encrypted_content`;
  throw invalid(
    field,
    `Invalid request: "${field}" was not made by a gateway of this kind, or is not whole: what it stands for cannot be read`,
  );
}

/** No secret: it came from what its client has said. So every gateway reads what any other has made. */
const mark = "qwen-gateway-summary-1";

function sealSummary(text: string): string {
  const sealed = Buffer.from(text).toString("base64url");
  return `${mark}.${checksumOf(sealed)}.${sealed}`;
}

function openSummary(value: unknown): string | undefined {
  const [start, checksum, sealed = "", ...rest] = typeof value === "string" ? value.split(".", 4) : [];
  if (start !== mark || rest.length > 0 || checksum !== checksumOf(sealed)) return undefined;
  return Buffer.from(sealed, "base64url").toString();
}

/** A summary that a client has cut is not the conversation. */
function checksumOf(sealed: string): string {
  return Bun.hash.crc32(sealed).toString(16);
}

function isTrigger(item: unknown): boolean {
  return isJsonObject(item) && item["type"] === compactionTrigger;
}

function isSummary(item: unknown): boolean {
  return isJsonObject(item) && item["type"] === compaction;
}
