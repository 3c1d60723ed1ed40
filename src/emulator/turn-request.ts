// The body of a completion, checked in the order in which the backend complains.

import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { textMember } from "./call.ts";
import type { Chat } from "./chat-tree.ts";
import type { AttachedFile } from "./files.ts";
import { member } from "./request-log.ts";
import type { RefusalName } from "./script.ts";

export interface TurnRequest {
  readonly chat: Chat;
  readonly parentId: string | null;
  readonly model: string;
  readonly content: string;
  readonly role: string;
  readonly chatType: string;
  readonly featureConfig: JsonObject;
  readonly files: readonly AttachedFile[];
  readonly stream: boolean;
  readonly incremental: boolean;
}

export interface TurnProblem {
  readonly name: Exclude<RefusalName, "reset" | "silence">;
  readonly details?: string;
}

export interface TurnChecks {
  /** `chat_id` of the query. */
  readonly queryChatId: string | null;
  readonly contentType: string;
  readonly modelIds: readonly string[];
  findChat(chatId: string): Chat | undefined;
  isBusy(chat: Chat): boolean;
}

const chatTypes = new Set(
  "t2t search t2i t2v i2v image_edit artifacts web_dev deep_research travel learn slides aipodcast translate".split(
    " ",
  ),
);

export function parseTurn(body: unknown, checks: TurnChecks): TurnRequest | TurnProblem {
  if (!isJsonObject(body) || !checks.contentType.includes("application/json")) {
    const details = "Field '': Input should be a valid dictionary or object to extract fields from";
    return { name: "validation", details };
  }
  const chatId = textMember(body, "chat_id");
  if (chatId === undefined) return { name: "validation" };
  if (checks.queryChatId !== chatId) return { name: "bad-request", details: "Invalid input chat_id." };
  const messages: unknown = body["messages"];
  if (!Array.isArray(messages)) return { name: "validation", details: "Field 'messages': Field required" };
  if (messages.length > 1) return { name: "too-many-messages" };
  const [message]: unknown[] = messages;
  if (!isJsonObject(message)) return { name: "bad-request", details: "Invalid input messages." };
  const role = textMember(message, "role") ?? "user";
  if (role === "assistant") return { name: "first-message" };
  const chatType = textMember(message, "chat_type") ?? "t2t";
  if (!chatTypes.has(chatType)) return { name: "bad-request-flat" };
  const chat = checks.findChat(chatId);
  if (chat === undefined) return { name: "chat-not-exist" };
  const model = textMember(body, "model") ?? "";
  if (!checks.modelIds.includes(model)) return { name: "model-not-found" };
  // The first turn of the web client has `parentId: ""` beside `parent_id: null`.
  const parentId = textMember(body, "parent_id") ?? textMember(body, "parentId") ?? null;
  if (parentId !== null && !chat.nodes.has(parentId)) return { name: "parent-not-exist" };
  if (checks.isBusy(chat)) return { name: "chat-in-progress" };

  const files = filesOf(message);
  const features = member(message, "feature_config");
  return {
    chat,
    parentId,
    model,
    role,
    chatType,
    content: contentText(message["content"]),
    featureConfig: isJsonObject(features) ? features : {},
    files,
    stream: body["stream"] !== false,
    incremental: body["incremental_output"] !== false,
  };
}

export function isProblem(turn: TurnRequest | TurnProblem): turn is TurnProblem {
  return "name" in turn;
}

/** Checked JSON: it came out of `JSON.parse`. */
export function featureConfigJson(turn: TurnRequest): Json {
  return turn.featureConfig as Json;
}

/** A string, or parts as some clients send for images. */
export function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part: unknown) => textMember(part, "text"))
    .filter((text) => text !== undefined)
    .join("\n");
}

function filesOf(message: JsonObject): AttachedFile[] {
  const files = message["files"];
  const objects = Array.isArray(files) ? files.filter(isJsonObject) : [];
  return objects.map((file) => ({
    id: textMember(file, "id") ?? "",
    name: textMember(file, "name") ?? "a file",
    kinds: ["type", "showType", "file_class"].map((field) => textMember(file, field) ?? "").join(" "),
  }));
}
