// What a request says, as items that can be kept and shown: each with a type and an id, texts as parts.

import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { LongText } from "../../conversation/long-text.ts";
import { firstInputPlace, itemId } from "./items.ts";

/** Ids that a request refers to instead of saying what they stand for. */
export function referredIds(body: unknown): string[] {
  const input = isJsonObject(body) ? body["input"] : undefined;
  if (!Array.isArray(input)) return [];
  const ids: string[] = [];
  for (const item of input) {
    const id = isJsonObject(item) ? referredId(item) : undefined;
    if (id !== undefined) ids.push(id);
  }
  return ids;
}

/** Some clients refer to an item by its id alone. */
export function referredId(item: JsonObject): string | undefined {
  const isReference =
    item["type"] === "item_reference" ||
    (item["type"] === undefined && item["role"] === undefined && item["content"] === undefined);
  return isReference && typeof item["id"] === "string" ? item["id"] : undefined;
}

/**
 * @param input of a request that has been parsed, so that it holds nothing else than items
 * @param byId what its references stand for
 */
export function inputItems(input: unknown, replyId: string, byId: ReadonlyMap<string, unknown>): readonly JsonObject[] {
  return withItemIds(inputItemsFrom(0, input, byId), replyId);
}

/** The same without so many at the beginning, and as they are kept: those that were sent without an id have none. */
export function inputItemsFrom(start: number, input: unknown, byId: ReadonlyMap<string, unknown>): JsonObject[] {
  const items = itemsIn(input);
  return items.slice(start).flatMap((item) => {
    if (!isJsonObject(item)) return [];
    const id = referredId(item);
    const said = id === undefined ? item : (byId.get(id) ?? item);
    return isJsonObject(said) ? [wholeItem(said)] : [];
  });
}

function itemsIn(input: unknown): readonly unknown[] {
  if (Array.isArray(input)) return input;
  return input === undefined || input === null ? [] : [{ role: "user", content: input }];
}

function wholeItem(item: JsonObject): JsonObject {
  const type = typeof item["type"] === "string" ? item["type"] : "message";
  const whole = { ...item, type };
  if (type !== "message") return whole;
  return { status: "completed", ...whole, content: partsOf(item) };
}

/** All that came in with one request, as it is told: with ids that say which answer they belong to where they were sent without. */
export function withItemIds(items: readonly JsonObject[], replyId: string): readonly JsonObject[] {
  return items.map((item, index) => {
    const prefix = prefixes[String(item["type"])] ?? "item";
    const id =
      typeof item["id"] === "string" && item["id"] !== ""
        ? item["id"]
        : itemId(prefix, { replyId }, firstInputPlace + index);
    if (!hasStatus.test(prefix)) return id === item["id"] ? item : { ...item, id };
    return { ...item, id, status: item["status"] ?? "completed" };
  });
}

/** Prefixes of calls and their results: whoever lists them is told that they are whole, as of messages. */
const hasStatus = /^(?:fc|ctc|tsc|sh|lsh|apc)o?$|^tso$/;

const prefixes: Readonly<Record<string, string>> = {
  message: "msg",
  reasoning: "rs",
  function_call: "fc",
  function_call_output: "fco",
  custom_tool_call: "ctc",
  custom_tool_call_output: "ctco",
  additional_tools: "at",
  agent_message: "amsg",
  compaction: "cmp",
  compaction_trigger: "cmpt",
  tool_search_call: "tsc",
  tool_search_output: "tso",
  shell_call: "sh",
  shell_call_output: "sho",
  local_shell_call: "lsh",
  local_shell_call_output: "lsho",
  apply_patch_call: "apc",
  apply_patch_call_output: "apco",
};

function partsOf({ role, content }: JsonObject): Json {
  const text = (words: string): Json =>
    role === "assistant" ? { type: "output_text", text: words, annotations: [] } : { type: "input_text", text: words };
  if (typeof content === "string") return [text(content)];
  if (content instanceof LongText) return [text(content.decode())];
  if (!Array.isArray(content)) return [];
  // Came out of JSON.parse.
  return content.map((part: unknown) => (typeof part === "string" ? text(part) : (part as Json)));
}
