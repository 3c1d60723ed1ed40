// Chats that were made for a first turn which failed: its repetition takes one instead of littering the account.

import type { MessageContent } from "./message/message-text.ts";

export interface SpareChats {
  /** @param content the message that came to nothing */
  put(account: string, caller: string, content: MessageContent, chatId: string): void;
  take(account: string, caller: string, content: MessageContent): string | undefined;
  /** Its own conversation goes on in it, or it is gone. */
  drop(chatId: string): void;
}

const maxSpares = 200;
const lifetimeMs = 10 * 60_000;

export function createSpareChats(clock: () => number): SpareChats {
  let spares: { readonly key: string; readonly chatId: string; readonly expiresAtMs: number }[] = [];
  // Kept apart by caller as well, so that nobody is handed a chat of somebody else.
  const keyOf = (account: string, caller: string, content: MessageContent): string =>
    `${account}\n${caller}\n${Bun.hash(content.toString())}`;

  return {
    put(account, caller, content, chatId) {
      if (spares.some((spare) => spare.chatId === chatId)) return;
      spares.push({ key: keyOf(account, caller, content), chatId, expiresAtMs: clock() + lifetimeMs });
      if (spares.length > maxSpares) spares = spares.slice(-maxSpares);
    },
    drop(chatId) {
      spares = spares.filter((spare) => spare.chatId !== chatId);
    },
    take(account, caller, content) {
      // Usually there is none, and the message may be a megabyte.
      if (spares.length === 0) return undefined;
      const nowMs = clock();
      spares = spares.filter((spare) => spare.expiresAtMs > nowMs);
      const key = keyOf(account, caller, content);
      const index = spares.findLastIndex((spare) => spare.key === key);
      return index < 0 ? undefined : spares.splice(index, 1)[0]?.chatId;
    },
  };
}
