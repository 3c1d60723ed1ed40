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
    // What went along is with the server already, and may be large.
    const messages = chat.messages.map(({ extras, ...message }) => message);
    storage?.setItem(key, JSON.stringify({ ...chat, messages }));
  } catch {
    // A full storage costs the coming back after a reload, not the chat.
  }
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
