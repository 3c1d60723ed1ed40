// The chats of all accounts, each a tree of nodes. Who may ask and what is answered is decided elsewhere.

import type { Json } from "../contract/json.ts";
import { createUuid } from "./random.ts";

export interface ContentEntry {
  readonly phase: string;
  content: string;
  status: "typing" | "finished";
  readonly timestamp: number;
  extra?: Json;
}

export interface ChatNode {
  readonly id: string;
  readonly parentId: string | null;
  readonly childrenIds: string[];
  readonly role: "user" | "assistant";
  /** Text of a user; an assistant's text stands in `contentList`. */
  readonly content: string;
  readonly contentList: ContentEntry[];
  readonly timestampSeconds: number;
  readonly model: string;
  readonly featureConfig: Json | undefined;
  /** Text of attached files, which belongs to the context but not to the message. */
  readonly fileText: string;
  /** The answer came to its end. */
  complete: boolean;
}

/** One running reply. A chat has at most one. */
export interface Generation {
  readonly responseId: string;
  /** Ends it at once. */
  stop(): void;
}

export interface Chat {
  readonly id: string;
  readonly account: string;
  /** Counted from 1 over the life of the emulator. */
  readonly ordinal: number;
  readonly chatType: string;
  readonly projectId: string | null;
  readonly createdAtSeconds: number;
  readonly nodes: Map<string, ChatNode>;
  title: string;
  updatedAtSeconds: number;
  currentId: string | null;
  /** Turns that were accepted so far. */
  turns: number;
  running: Generation | undefined;
  /** Epoch milliseconds before which no message is accepted, though nothing runs. */
  busyUntilMs: number;
}

export interface ChatStore {
  create(account: string, title: string, chatType: string, projectId: string | null, nowMs: number): Chat;
  /** Another account's chat does not exist. */
  find(account: string, chatId: string): Chat | undefined;
  /** Newest first. */
  list(account: string): Chat[];
  all(): Chat[];
  delete(chat: Chat): void;
  /** Forgets everything and ends what runs. */
  clear(): void;
}

/** Beyond it the chat that was used longest ago is forgotten: the emulator may run for months inside a gateway. */
const mostChats = 5000;

/** @param idSource mixed into every id; equal sources give equal ids. */
export function createChatStore(idSource: string): ChatStore {
  const chats = new Map<string, Chat>();
  let ordinal = 0;

  function remove(chat: Chat): void {
    chats.delete(chat.id);
    chat.running?.stop();
  }

  function findLongestUnused(): Chat | undefined {
    let found: Chat | undefined;
    for (const chat of chats.values()) {
      if (chat.running !== undefined) continue;
      if (found === undefined || chat.updatedAtSeconds < found.updatedAtSeconds) found = chat;
    }
    return found;
  }

  return {
    create(account, title, chatType, projectId, nowMs) {
      ordinal++;
      const createdAtSeconds = Math.floor(nowMs / 1000);
      const chat: Chat = {
        id: createUuid(idSource, "chat", ordinal),
        account,
        ordinal,
        chatType,
        projectId,
        createdAtSeconds,
        nodes: new Map(),
        title,
        updatedAtSeconds: createdAtSeconds,
        currentId: null,
        turns: 0,
        running: undefined,
        busyUntilMs: 0,
      };
      const longestUnused = chats.size < mostChats ? undefined : findLongestUnused();
      if (longestUnused !== undefined) remove(longestUnused);
      chats.set(chat.id, chat);
      return chat;
    },
    find(account, chatId) {
      const chat = chats.get(chatId);
      return chat?.account === account ? chat : undefined;
    },
    list: (account) =>
      [...chats.values()]
        .filter((chat) => chat.account === account)
        .sort((one, other) => other.updatedAtSeconds - one.updatedAtSeconds || other.ordinal - one.ordinal),
    all: () => [...chats.values()],
    delete: remove,
    clear() {
      // The ordinal goes on: a client that kept an id must not find another chat under it.
      for (const chat of [...chats.values()]) remove(chat);
    },
  };
}

export interface TurnFields {
  readonly parentId: string | null;
  readonly content: string;
  readonly fileText: string;
  readonly model: string;
  readonly featureConfig: Json | undefined;
  readonly nowMs: number;
  /** Ids to use instead of fresh ones, for recordings that carry their own. */
  readonly ids?: { readonly userId: string | undefined; readonly responseId: string | undefined };
}

/** A user's node and the still empty node of its answer. The ids are the server's own, never the client's. */
export function addTurn(
  chat: Chat,
  idSource: string,
  fields: TurnFields,
): { readonly user: ChatNode; readonly assistant: ChatNode } {
  chat.turns++;
  const userId = fields.ids?.userId ?? createUuid(idSource, chat.id, "user", chat.turns);
  const responseId = fields.ids?.responseId ?? createUuid(idSource, chat.id, "assistant", chat.turns);
  const shared = { timestampSeconds: Math.floor(fields.nowMs / 1000), contentList: [], childrenIds: [] };
  const user: ChatNode = {
    ...shared,
    id: userId,
    parentId: fields.parentId,
    childrenIds: [responseId],
    role: "user",
    content: fields.content,
    contentList: [],
    model: "",
    featureConfig: fields.featureConfig,
    fileText: fields.fileText,
    complete: true,
  };
  const assistant: ChatNode = {
    ...shared,
    id: responseId,
    parentId: userId,
    childrenIds: [],
    role: "assistant",
    content: "",
    contentList: [],
    model: fields.model,
    featureConfig: undefined,
    fileText: "",
    complete: false,
  };
  chat.nodes.set(userId, user);
  chat.nodes.set(responseId, assistant);
  if (fields.parentId !== null) chat.nodes.get(fields.parentId)?.childrenIds.push(userId);
  chat.currentId = responseId;
  chat.updatedAtSeconds = Math.max(user.timestampSeconds, chat.createdAtSeconds + 1);
  // As observed: the backend names the chat after its first turn.
  if (chat.turns === 1) chat.title = titleOf(fields.content) || chat.title;
  return { user, assistant };
}

/** From the root to the node itself: what a turn that continues the node can remember. */
export function pathTo(chat: Chat, nodeId: string | null): ChatNode[] {
  const path: ChatNode[] = [];
  let node = nodeId === null ? undefined : chat.nodes.get(nodeId);
  // Recordings bring their own ids, so a ring is possible; no path is longer than the tree.
  while (node !== undefined && path.length < chat.nodes.size) {
    path.push(node);
    node = node.parentId === null ? undefined : chat.nodes.get(node.parentId);
  }
  return path.reverse();
}

/** What the node says, files included. */
export function nodeText(node: ChatNode): string {
  if (node.role === "user") return node.fileText === "" ? node.content : `${node.fileText}\n\n${node.content}`;
  return node.contentList
    .filter((entry) => entry.phase === "answer")
    .map((entry) => entry.content)
    .join("");
}

function titleOf(content: string): string {
  return content.trim().split(/\s+/).slice(0, 6).join(" ").slice(0, 60);
}
