// The stream of the Qwen web backend read as plainly as it can be: all of its text at once, line by line, with JSON.parse.
// Slow, without state to get wrong, and written from the protocol's description alone: what the decoder is held against.

import { isJsonObject, type JsonObject } from "../../src/contract/json.ts";
import type { PlainEvent } from "../support/recordings.ts";

type Kind = "text-delta" | "reasoning-delta";

/** What the decoder should say of these bytes. Pieces of text that follow one another are one event. */
export function referenceEvents(bytes: Uint8Array, chatId: string, model: string): PlainEvent[] {
  const events: PlainEvent[] = [];
  const said: Record<Kind, string[]> = { "text-delta": [], "reasoning-delta": [] };
  let ids: { responseId: string | null; parentId: string | null } | undefined;
  let usage: PlainEvent | undefined;
  let thoughts = "";

  const continuation = () =>
    ids === undefined ? {} : { continuation: { chatId, nodeId: ids.responseId ?? ids.parentId, ...ids } };
  function start(): void {
    if (events.length === 0) events.push({ type: "reply-start", model, ...continuation() });
  }
  function say(type: Kind, text: string): void {
    if (text !== "") events.push({ type, text });
  }
  function noteIds(told: JsonObject): void {
    ids ??= { responseId: textIn(told, "response_id") ?? null, parentId: textIn(told, "parent_id") ?? null };
    start();
  }
  function end(last: PlainEvent): PlainEvent[] {
    if (usage !== undefined) events.push(usage);
    return merged([...events, last]);
  }
  function finish(): PlainEvent[] {
    start();
    return end({ type: "reply-end", finishReason: "stop", ...continuation() });
  }

  /** Some rounds repeat what earlier ones have found. */
  const pages = new Set<string>();
  function isNewPage({ source }: PlainEvent): boolean {
    const url = isJsonObject(source) ? String(source["url"]) : "";
    return !pages.has(url) && pages.add(url) === pages;
  }

  for (const data of dataOfEvents(bytes)) {
    const event = objectOf(data);
    if (event === undefined) continue;
    if (isJsonObject(event["response.created"])) {
      noteIds(event["response.created"]);
      continue;
    }
    const responseId = textIn(event, "response_id");
    if (responseId !== undefined) noteIds(event);
    if (responseId !== undefined && ids?.responseId != null && responseId !== ids.responseId) continue;
    if (event["error"] != null) return end({ type: "reply-error", kind: kindOf(event["error"]) });
    if (isJsonObject(event["response.output_text.delta"])) {
      start();
      say("text-delta", textIn(event["response.output_text.delta"], "delta") ?? "");
      continue;
    }
    if (event["response.completed"] !== undefined) return finish();
    if (event["response.info"] !== undefined) continue;
    if (isJsonObject(event["usage"])) usage = usageOf(event["usage"]) ?? usage;
    const choice: unknown = Array.isArray(event["choices"]) ? event["choices"][0] : undefined;
    const delta = isJsonObject(choice) ? choice["delta"] : undefined;
    if (!isJsonObject(delta)) continue;

    start();
    const phase = delta["phase"] ?? "";
    const content = textIn(delta, "content") ?? "";
    const extra = isJsonObject(delta["extra"]) ? delta["extra"] : {};
    if (phase === "think") say("reasoning-delta", newOf(said["reasoning-delta"], content));
    else if (phase === "answer" || phase === "") say("text-delta", newOf(said["text-delta"], content));
    else if (phase === "image_gen") say("text-delta", content === "" ? "" : `![image](${content})\n`);
    else if (phase === "thinking_summary") {
      const whole = thoughtsIn(extra);
      say("reasoning-delta", whole.slice(thoughts.length));
      thoughts = whole === "" ? thoughts : whole;
    } else events.push(...sourcesIn(extra).filter(isNewPage));
    const isFinal = phase === "answer" || phase === "" || phase === "image_gen";
    if (isFinal && delta["status"] === "finished" && delta["role"] !== "function") return finish();
  }
  return end({ type: "reply-error", kind: "upstream-failed" });
}

/** Neighbouring texts of one kind as one. */
export function merged(events: readonly PlainEvent[]): PlainEvent[] {
  const result: PlainEvent[] = [];
  for (const { message: _, ...event } of events) {
    const last = result.at(-1);
    const isMore = (event.type === "text-delta" || event.type === "reasoning-delta") && last?.type === event.type;
    if (isMore) result[result.length - 1] = { ...event, text: `${last["text"]}${event["text"]}` };
    else result.push(event);
  }
  return result;
}

/** The data of each event that has one. */
function dataOfEvents(bytes: Uint8Array): string[] {
  const lines = new TextDecoder().decode(bytes).split(/\r\n|\n|\r/);
  const found: string[] = [];
  let data: string[] = [];
  for (const line of [...lines, ""]) {
    if (line === "data") data.push("");
    if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    if (line !== "" || data.length === 0) continue;
    found.push(data.join("\n"));
    data = [];
  }
  return found;
}

function objectOf(data: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return isJsonObject(value) ? value : undefined;
  } catch {
    // Garbage says nothing.
    return undefined;
  }
}

function textIn(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Of a stream whose deltas each repeat all that was said: the generated ones begin with a mark that pieces do not hold. */
function newOf(said: string[], content: string): string {
  const before = said.join("");
  const isRepeated = before !== "" && content.startsWith(before);
  const fresh = isRepeated ? content.slice(before.length) : content;
  said.push(fresh);
  return fresh;
}

function thoughtsIn(extra: JsonObject): string {
  const listOf = (key: string): unknown[] => {
    const holder = extra[key];
    return isJsonObject(holder) && Array.isArray(holder["content"]) ? holder["content"] : [];
  };
  const titles = listOf("summary_title");
  return listOf("summary_thought")
    .map((thought, index) => `${titles[index]}\n${thought}`)
    .join("\n\n");
}

function sourcesIn(extra: JsonObject): PlainEvent[] {
  const list = extra["web_search_info"];
  if (!Array.isArray(list)) return [];
  return list.filter(isJsonObject).map(({ url, title, snippet }) => ({
    type: "source",
    source: { url, title, snippet },
  }));
}

function usageOf(raw: JsonObject): PlainEvent | undefined {
  const { input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: totalTokens } = raw;
  if (typeof inputTokens !== "number" || typeof outputTokens !== "number") return undefined;
  return { type: "usage-update", usage: { inputTokens, outputTokens, totalTokens } };
}

/** Of the errors that are generated. */
function kindOf(error: unknown): string {
  const code = isJsonObject(error) ? error["code"] : undefined;
  if (code === "quota_limit") return "overloaded";
  if (code === "data_inspection_failed") return "content-filtered";
  return "upstream-failed";
}
