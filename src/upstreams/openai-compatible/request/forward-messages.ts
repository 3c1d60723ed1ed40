// Whether the messages of a request can go out as the client wrote them: only if encode-messages.ts would change nothing
// that this server needs changed. What the gateway does not know of a message is the client's and the server's business.

import type { ChatRequest, Message } from "../../../contract/chat-request.ts";
import { isJsonObject, type JsonObject } from "../../../contract/json.ts";
import { LongText } from "../../../conversation/long-text.ts";
import type { RequestRules } from "../dialect.ts";
import type { BodyOptions } from "./encode-messages.ts";
import { sameProtocol } from "./request-body.ts";
import { sentArguments } from "./sent-arguments.ts";

export function canForwardMessages(request: ChatRequest, { dialect, model }: BodyOptions): boolean {
  const { request: rules } = dialect;
  const written = request.surface === sameProtocol ? request.body["messages"] : undefined;
  // A gateway that keeps a history for its clients may have put others before them.
  if (!Array.isArray(written) || written.length !== request.messages.length) return false;
  if (rules.plainTextModels?.test(model) === true) return false;
  let markers = 0;
  for (const [index, message] of request.messages.entries()) {
    const raw: unknown = written[index];
    if (!isJsonObject(raw) || !canForward(raw, message, index, rules)) return false;
    markers += countMarkers(raw["content"]);
  }
  return markers <= rules.maxCacheMarkers;
}

function canForward(raw: JsonObject, message: Message, index: number, rules: RequestRules): boolean {
  // `developer` and `function` have other names at these servers, and a system message stands first or is refused.
  if (raw["role"] !== message.role || (message.role === "system" && index > 0)) return false;
  const content = raw["content"];
  if (Array.isArray(content))
    return message.role === "user" && content.some(isMarkedOrImage) && areParts(content, rules);
  // That a tool failed its text has to say.
  if (message.role === "tool" && message.isError === true) return false;
  if (message.role !== "assistant") return isText(content);
  if (raw["function_call"] != null || !areCalls(raw["tool_calls"])) return false;
  if (message.toolCalls.some((call) => sentArguments(call) !== call.argumentsText)) return false;
  // Null beside thoughts is refused by Ollama.
  const isSilent = content === null && message.toolCalls.length > 0 && message.reasoning === undefined;
  return (isText(content) || isSilent) && isReplayed(raw, message.reasoning, rules);
}

function isText(content: unknown): boolean {
  return typeof content === "string" || content instanceof LongText;
}

/** Text alone in parts becomes a string: every server reads that. */
function isMarkedOrImage(part: unknown): boolean {
  return isJsonObject(part) && (part["type"] === "image_url" || part["cache_control"] != null);
}

function areParts(parts: readonly unknown[], rules: RequestRules): boolean {
  return parts.every((part) => {
    if (!isJsonObject(part)) return false;
    const isKnown = Object.keys(part).every((key) => partFields.has(key) || rules.partExtras.includes(key));
    if (!isKnown) return false;
    if (part["type"] === "text") return isText(part["text"]);
    const image = part["image_url"];
    if (part["type"] !== "image_url" || !isJsonObject(image) || typeof image["url"] !== "string") return false;
    return rules.imageUrls === "any" || image["url"].startsWith("data:");
  });
}

const partFields: ReadonlySet<string> = new Set(["type", "text", "image_url"]);

/** An empty list is refused by some. Whether the arguments can be read, sent-arguments.ts says. */
function areCalls(calls: unknown): boolean {
  if (calls === undefined) return true;
  if (!Array.isArray(calls) || calls.length === 0) return false;
  return calls.every((call) => {
    const called: unknown = isJsonObject(call) ? call["function"] : undefined;
    if (!isJsonObject(call) || call["type"] !== "function" || typeof call["id"] !== "string") return false;
    return isJsonObject(called) && typeof called["arguments"] === "string";
  });
}

const reasoningFields = ["reasoning_content", "reasoning"] as const;

/** Thoughts stand under the names that the server reads, and under no other. */
function isReplayed(raw: JsonObject, reasoning: string | undefined, { reasoningReplay }: RequestRules): boolean {
  if (reasoning === undefined) return reasoningFields.every((field) => raw[field] === undefined);
  return reasoningFields.every((field) => (raw[field] === reasoning) === reasoningReplay.includes(field));
}

function countMarkers(content: unknown): number {
  if (!Array.isArray(content)) return 0;
  return content.filter((part) => isJsonObject(part) && part["cache_control"] != null).length;
}
