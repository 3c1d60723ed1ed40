// A running answer across a reload of its page: what is kept of it in the storage of the tab.

import type { ChatMessage } from "./chat-message.ts";

/** As much of `sessionStorage` as is needed. */
export interface ChatStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface StoredChat {
  readonly streamId: string;
  readonly sessionId?: string;
  /** The last one is the running answer. */
  readonly messages: readonly ChatMessage[];
}

/** The tab's own; undefined on servers, and where the page may not have one. */
export function tabStorage(): ChatStorage | undefined {
  try {
    // Not every runtime has it, nor do the types of all of them.
    return (globalThis as { readonly sessionStorage?: ChatStorage }).sessionStorage;
  } catch {
    return undefined;
  }
}

export function storeChat(storage: ChatStorage | undefined, key: string, chat: StoredChat): void {
  try {
    storage?.setItem(key, JSON.stringify({ ...chat, messages: chat.messages.map(lighten) }));
  } catch {
    // A full storage costs the coming back after a reload, not the chat.
  }
}

/** What was attached may be large, and is with the server already: by the message that has it, it can go along again. */
function lighten(message: ChatMessage): ChatMessage {
  const { attachments, ...extras } = message.extras ?? {};
  if (attachments === undefined) return message;
  const { serverId } = message;
  return { ...message, extras: serverId === undefined ? extras : { ...extras, attachments_of: serverId } };
}

export function forgetChat(storage: ChatStorage | undefined, key: string): void {
  storage?.removeItem(key);
}

/** @param sessionId Another session's chat is not for this page. */
export function readStoredChat(
  storage: ChatStorage | undefined,
  key: string,
  sessionId: string | undefined,
): StoredChat | undefined {
  try {
    const chat: unknown = JSON.parse(storage?.getItem(key) ?? "null");
    if (!isStoredChat(chat)) return undefined;
    return sessionId === undefined || sessionId === chat.sessionId ? chat : undefined;
  } catch {
    // Something else wrote there.
    return undefined;
  }
}

/** Only the outline: nobody but this page writes there. */
function isStoredChat(value: unknown): value is StoredChat {
  const { streamId, messages } = (value ?? {}) as Partial<StoredChat>;
  return typeof streamId === "string" && Array.isArray(messages) && messages.at(-1)?.role === "assistant";
}
