// Chats that were made for a first turn which failed: its repetition takes one instead of littering the account.

export interface SpareChats {
  /** @param content the message that came to nothing */
  put(account: string, caller: string, content: string, chatId: string): void;
  take(account: string, caller: string, content: string): string | undefined;
  /** Its own conversation goes on in it, or it is gone. */
  drop(chatId: string): void;
}

const maxSpares = 200;
const lifetimeMs = 10 * 60_000;

export function createSpareChats(clock: () => number): SpareChats {
  let spares: { readonly key: string; readonly chatId: string; readonly expiresAtMs: number }[] = [];
  // Kept apart by caller as well, so that nobody is handed a chat of somebody else.
  const keyOf = (account: string, caller: string, content: string): string =>
    `${account}\n${caller}\n${Bun.hash(content)}`;

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
      const nowMs = clock();
      spares = spares.filter((spare) => spare.expiresAtMs > nowMs);
      const index = spares.findLastIndex((spare) => spare.key === keyOf(account, caller, content));
      return index < 0 ? undefined : spares.splice(index, 1)[0]?.chatId;
    },
  };
}
