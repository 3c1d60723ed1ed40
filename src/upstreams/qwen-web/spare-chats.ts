// Chats that were made for a first turn which failed: its repetition takes one instead of littering the account.

export interface SpareChats {
  put(account: string, caller: string, chatId: string): void;
  take(account: string, caller: string): string | undefined;
}

const maxSpares = 200;
const lifetimeMs = 10 * 60_000;

export function createSpareChats(clock: () => number): SpareChats {
  let spares: { readonly key: string; readonly chatId: string; readonly expiresAtMs: number }[] = [];
  // Kept apart by caller as well, so that nobody is handed a chat of somebody else.
  const keyOf = (account: string, caller: string): string => `${account}\n${caller}`;

  return {
    put(account, caller, chatId) {
      if (spares.some((spare) => spare.chatId === chatId)) return;
      spares.push({ key: keyOf(account, caller), chatId, expiresAtMs: clock() + lifetimeMs });
      if (spares.length > maxSpares) spares = spares.slice(-maxSpares);
    },
    take(account, caller) {
      const nowMs = clock();
      spares = spares.filter((spare) => spare.expiresAtMs > nowMs);
      const index = spares.findLastIndex((spare) => spare.key === keyOf(account, caller));
      return index < 0 ? undefined : spares.splice(index, 1)[0]?.chatId;
    },
  };
}
