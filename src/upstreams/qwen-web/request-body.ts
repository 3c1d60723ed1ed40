// The bodies that the web backend is sent: a new chat, and a turn in it.

import type {
  QwenChatType,
  QwenCompletionBody,
  QwenFeatureConfig,
  QwenFile,
  QwenMessage,
  QwenNewChatBody,
} from "../../wire/qwen-web.ts";
import type { MessageContent } from "./message/message-text.ts";

export interface MessageOptions<Content> {
  readonly content: Content;
  /** @defaultValue none */
  readonly files?: readonly QwenFile[];
  /** The node that the turn continues; null for the first turn of a chat. */
  readonly parentId: string | null;
  readonly model: string;
  readonly chatType: QwenChatType;
  readonly featureConfig: QwenFeatureConfig;
  readonly nowMs: number;
}

export function createQwenMessage<Content>(options: MessageOptions<Content>): QwenMessage<Content> {
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

export function createCompletionBody<Content>(
  chatId: string,
  parentId: string | null,
  model: string,
  message: QwenMessage<Content>,
): QwenCompletionBody<Content> {
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

/** As it is sent. Long texts are views into the client's body. */
export function encodeCompletionBody(body: QwenCompletionBody<MessageContent>): string | readonly Uint8Array[] {
  const [message] = body.messages;
  const { content } = message;
  if (typeof content === "string") return JSON.stringify(body);
  // Nobody can guess what stands for the text.
  const mark = crypto.randomUUID();
  const around = JSON.stringify({ ...body, messages: [{ ...message, content: mark }] });
  const [before = "", after = ""] = around.split(mark);
  return [Buffer.from(before), ...content.jsonPieces(), Buffer.from(after)];
}
