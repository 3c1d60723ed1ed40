// Method and path to the function that answers, and the name by which scripts know the call.

import { readAccount, readAccountV1, refreshToken } from "./auth-routes.ts";
import { type Call, refuseCall } from "./call.ts";
import { createChat, deleteAllChats, deleteChat, listChats, readChat, renameChat, stopReply } from "./chat-routes.ts";
import { completions } from "./completions.ts";
import type { EmulatorState } from "./emulator-state.ts";
import { jsonAnswer, successEnvelope } from "./envelope.ts";
import { getUploadToken, parseFile, parseFileStatus, putFile } from "./files.ts";
import { modelEntry } from "./models.ts";
import type { CallName } from "./script.ts";
import { taskStatus } from "./tasks.ts";

export interface EmulatorRoute {
  readonly on: CallName;
  /** False: answered without looking at the token. */
  readonly needsAccount: boolean;
  answer(call: Call, state: EmulatorState): Response;
}

/** @param path without a slash at its end */
export function findRoute(method: string, path: string): EmulatorRoute {
  const exact = table[`${method} ${path}`];
  if (exact !== undefined) return exact;
  if (/^\/api\/v[12]\/tasks?\/status\/[^/]+$/.test(path) && method === "GET") return task;
  if (/^\/api\/v2\/chats\/[^/]+$/.test(path)) return perChat[method] ?? unknown;
  if (method === "PUT" && !path.startsWith("/api/")) return upload;
  return unknown;
}

const route = (on: CallName, answer: EmulatorRoute["answer"]): EmulatorRoute => ({ on, needsAccount: true, answer });
const open = (on: CallName, answer: EmulatorRoute["answer"]): EmulatorRoute => ({ on, needsAccount: false, answer });

const table: Readonly<Record<string, EmulatorRoute>> = {
  // Live without any token, as probed in 2025-10 and 2026-09.
  "GET /api/models": open("models", (call, state) =>
    jsonAnswer(call.requestId, { data: state.options.models.map(modelEntry) }),
  ),
  "GET /api/v2/models": open("models", (call, state) =>
    successEnvelope(call.requestId, { data: state.options.models.map(modelEntry) }),
  ),
  "POST /api/v2/chats/new": route("chats/new", createChat),
  "POST /api/v2/chat/completions": route("completions", completions),
  "POST /api/v2/chat/completions/stop": route("stop", stopReply),
  "GET /api/v2/chats": route("chats", listChats),
  "DELETE /api/v2/chats": route("delete", deleteAllChats),
  "GET /api/v2/chats/pinned": route("chats", (call) => successEnvelope(call.requestId, [])),
  "GET /api/v1/auths": open("auth", readAccountV1),
  "GET /api/v2/auths": route("auth", readAccount),
  "GET /api/v2/auths/refresh": open("refresh", refreshToken),
  "POST /api/v2/files/getstsToken": route("files", getUploadToken),
  "POST /api/v1/files/getstsToken": route("files", getUploadToken),
  "POST /api/v2/files/parse": route("files", parseFile),
  "POST /api/v2/files/parse/status": route("files", parseFileStatus),
};

const perChat: Readonly<Record<string, EmulatorRoute>> = {
  GET: route("chat", readChat),
  POST: route("chat", renameChat),
  DELETE: route("delete", deleteChat),
};

const task = route("other", taskStatus);
const upload = open("files", putFile);
const unknown = open("other", (call) => refuseCall(call, "not-found", { status: 404 }));
