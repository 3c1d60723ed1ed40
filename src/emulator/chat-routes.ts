// The calls around the chats of an account: create, list, read, rename, delete, stop.

import { userIdOf } from "./accounts.ts";
import { type Call, refuseCall, textMember } from "./call.ts";
import type { Chat } from "./chat-tree.ts";
import type { EmulatorState } from "./emulator-state.ts";
import { successEnvelope } from "./envelope.ts";
import { member } from "./request-log.ts";
import { listEntry, storedChat } from "./stored-chat.ts";

const chatsPerPage = 50;

/** Both bodies that the web client has used: with a title (2025-10), and with `chatId: ""` (2026-08). */
export function createChat(call: Call, state: EmulatorState): Response {
  const { options } = state;
  const version = call.request.headers.get("version");
  if (options.currentVersion !== undefined && version !== null && version !== options.currentVersion) {
    return refuseCall(call, "unauthorized");
  }
  const models = member(call.body, "models");
  if (!Array.isArray(models) || models.length === 0) {
    return refuseCall(call, "validation", { details: "Field 'models': Field required" });
  }
  if (models.some((model: unknown) => typeof model !== "string" || !options.models.includes(model))) {
    return refuseCall(call, "model-not-found");
  }
  const title = textMember(call.body, "title") ?? "New chat";
  const chatType = textMember(call.body, "chat_type") ?? "t2t";
  const projectId = textMember(call.body, "project_id") ?? null;
  const chat = state.chats.create(call.caller.account, title, chatType, projectId, options.clock());
  return successEnvelope(call.requestId, { id: chat.id });
}

export function listChats(call: Call, state: EmulatorState): Response {
  const page = Math.max(1, Number(call.url.searchParams.get("page") ?? 1) || 1);
  const limit = Math.max(1, Number(call.url.searchParams.get("limit") ?? chatsPerPage) || chatsPerPage);
  const start = (page - 1) * limit;
  const chats = state.chats.list(call.caller.account).slice(start, start + limit);
  return successEnvelope(call.requestId, chats.map(listEntry));
}

export function readChat(call: Call, state: EmulatorState): Response {
  const chat = chatOfPath(call, state);
  if (chat === undefined) return refuseMissing(call);
  return successEnvelope(call.requestId, storedChat(chat, userIdOf(chat.account)));
}

export function renameChat(call: Call, state: EmulatorState): Response {
  const chat = chatOfPath(call, state);
  if (chat === undefined) return refuseMissing(call);
  chat.title = textMember(call.body, "title") ?? chat.title;
  return successEnvelope(call.requestId, listEntry(chat));
}

export function deleteChat(call: Call, state: EmulatorState): Response {
  const chat = chatOfPath(call, state);
  if (chat === undefined) return refuseMissing(call);
  state.chats.delete(chat);
  return successEnvelope(call.requestId, { status: true });
}

export function deleteAllChats(call: Call, state: EmulatorState): Response {
  for (const chat of state.chats.list(call.caller.account)) state.chats.delete(chat);
  return successEnvelope(call.requestId, { status: true });
}

/** Ends the running reply that it names, and with it the time in which the chat settles. */
export function stopReply(call: Call, state: EmulatorState): Response {
  const chatId = textMember(call.body, "chat_id") ?? call.url.searchParams.get("chat_id") ?? "";
  const responseId = textMember(call.body, "response_id");
  if (responseId === undefined) {
    return refuseCall(call, "validation", { details: "Field 'response_id': Field required" });
  }
  const chat = state.chats.find(call.caller.account, chatId);
  if (chat === undefined) return refuseCall(call, "chat-not-exist");
  if (chat.nodes.get(responseId)?.role !== "assistant") {
    return refuseCall(call, "bad-request", { details: `Invalid input response_id ${responseId} is not exist.` });
  }
  if (chat.running?.responseId === responseId) chat.running.stop();
  if (chat.currentId === responseId) chat.busyUntilMs = 0;
  return successEnvelope(call.requestId, { status: true });
}

function chatOfPath(call: Call, state: EmulatorState): Chat | undefined {
  return state.chats.find(call.caller.account, chatIdOfPath(call));
}

function chatIdOfPath(call: Call): string {
  return call.path.slice(call.path.lastIndexOf("/") + 1);
}

function refuseMissing(call: Call): Response {
  const details = `Invalid input the chat ${chatIdOfPath(call)} is not exist.`;
  return refuseCall(call, "chat-not-exist", { details });
}
