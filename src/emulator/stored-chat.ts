// A chat as its two reads show it: an entry of the list, and the whole tree.

import type { Json } from "../contract/json.ts";
import type { Chat, ChatNode } from "./chat-tree.ts";

/** As captured on 2026-09-25. */
export function listEntry(chat: Chat): Json {
  return {
    id: chat.id,
    title: chat.title,
    updated_at: chat.updatedAtSeconds,
    created_at: chat.createdAtSeconds,
    chat_type: chat.chatType,
    project_id: chat.projectId,
    pinned: false,
    content: null,
    highlight_indexes: null,
    message_id: null,
  };
}

/** As exporters of the web app read it; seconds are strings here. */
export function storedChat(chat: Chat, userId: string): Json {
  const currentResponseIds = chat.currentId === null ? [] : [chat.currentId];
  const messages: Record<string, Json> = {};
  for (const node of chat.nodes.values()) messages[node.id] = storedNode(node);
  return {
    id: chat.id,
    title: chat.title,
    chat_type: chat.chatType,
    pinned: false,
    archived: false,
    project_id: chat.projectId,
    currentId: chat.currentId,
    currentResponseIds,
    user_id: userId,
    created_at: String(chat.createdAtSeconds),
    updated_at: String(chat.updatedAtSeconds),
    share_id: null,
    folder_id: null,
    models: null,
    meta: { timestamp: chat.createdAtSeconds, tags: [] },
    chat: { history: { messages, currentId: chat.currentId, currentResponseIds }, messages: [] },
  };
}

function storedNode(node: ChatNode): Json {
  const { id, parentId, role, timestampSeconds: timestamp, model } = node;
  const childrenIds = [...node.childrenIds];
  if (role === "user") {
    const feature_config = node.featureConfig ?? {};
    return { id, parentId, childrenIds, role, content: node.content, timestamp, model, feature_config };
  }
  const content_list = node.contentList.map((entry) => ({
    phase: entry.phase,
    content: entry.content,
    ...(entry.extra === undefined ? {} : { extra: entry.extra }),
    status: entry.status,
    timestamp: entry.timestamp,
  }));
  return { id, parentId, childrenIds, role, content: "", content_list, timestamp, model };
}
