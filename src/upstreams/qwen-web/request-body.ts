// The bodies that the web backend is sent: a new chat, and a turn in it.

import type {
  QwenChatType,
  QwenCompletionBody,
  QwenFeatureConfig,
  QwenFile,
  QwenMessage,
  QwenNewChatBody,
} from "../../wire/qwen-web.ts";

export interface MessageOptions {
  readonly content: string;
  /** @defaultValue none */
  readonly files?: readonly QwenFile[];
  /** The node that the turn continues; null for the first turn of a chat. */
  readonly parentId: string | null;
  readonly model: string;
  readonly chatType: QwenChatType;
  readonly featureConfig: QwenFeatureConfig;
  readonly nowMs: number;
}

export function createQwenMessage(options: MessageOptions): QwenMessage {
  return {
    id: null,
    fid: crypto.randomUUID(),
    parentId: options.parentId,
    parent_id: options.parentId,
    childrenIds: [],
    role: "user",
    content: options.content,
    user_action: "chat",
    files: options.files ?? [],
    timestamp: Math.floor(options.nowMs / 1000),
    models: [options.model],
    model: "",
    chat_type: options.chatType,
    sub_chat_type: options.chatType,
    feature_config: options.featureConfig,
    extra: { meta: { subChatType: options.chatType } },
  };
}

export function createCompletionBody(
  chatId: string,
  parentId: string | null,
  model: string,
  message: QwenMessage,
): QwenCompletionBody {
  return {
    stream: true,
    version: "2.1",
    incremental_output: true,
    chatId,
    chat_id: chatId,
    // As the web client sends it (2026-09-25): the first turn has "" here and null in parent_id.
    parentId: parentId ?? "",
    parent_id: parentId,
    chat_mode: "normal",
    model,
    messages: [message],
    timestamp: message.timestamp,
  };
}

export function createNewChatBody(
  title: string,
  model: string,
  chatType: QwenChatType,
  nowMs: number,
): QwenNewChatBody {
  return { title, models: [model], chat_mode: "normal", chat_type: chatType, project_id: "", timestamp: nowMs };
}
