// The typed chat as the rest of the app sees it: put together when somebody first asks for it, or when it has something to
// forget.

import { madeOnce } from "../contract/made-once.ts";
import type { RoutePlace } from "../server/lazy-routes.ts";
import type { ServedRoom } from "../server/create-server.ts";
import type { ChatVault } from "./chat-vault.ts";
import type { Chat, ChatParts } from "./compose-chat.ts";

export interface LazyChat extends ServedRoom {
  /** @throws {GatewayError} when its database cannot be opened */
  open(): Promise<Chat>;
  /** @returns whether there was such a session. */
  deleteSession(caller: string, sessionId: string): Promise<boolean>;
  /** Never rejects. */
  sweep(): Promise<void>;
  /** Looks what other processes have kept, where one of them sweeps. Never rejects. */
  recount(): Promise<void>;
}

const places: readonly RoutePlace[] = [
  { method: "POST", path: "/api/chat/stream" },
  { method: "GET", path: "/api/chat/stream/*" },
  { method: "DELETE", path: "/api/chat/stream/*" },
  { method: "GET", path: "/api/chat/sessions" },
  { method: "GET", path: "/api/chat/sessions/*" },
  { method: "DELETE", path: "/api/chat/sessions/*" },
  { method: "POST", path: "/api/documents" },
  { method: "GET", path: "/api/documents" },
  { method: "GET", path: "/api/documents/*" },
  { method: "DELETE", path: "/api/documents/*" },
  { method: "GET", path: "/api/feed" },
];

/** @param deleteTurns deletes a session of the gateway's own turns, and what else belongs to it */
export function createLazyChat(
  parts: Omit<ChatParts, "vault">,
  vault: ChatVault,
  deleteTurns: (caller: string, sessionId: string) => Promise<boolean>,
): LazyChat {
  const chat = madeOnce(async () => {
    const { composeChat } = await import("./compose-chat.ts");
    return composeChat({ ...parts, vault: await vault.open() });
  });

  async function deleteSession(caller: string, sessionId: string): Promise<boolean> {
    // First: they can be forgotten also when the database of the messages is damaged.
    const hadTurns = await deleteTurns(caller, sessionId);
    const hadMessages = vault.isUsed() && (await (await chat.get()).deleteSession(caller, sessionId));
    return hadMessages || hadTurns;
  }

  return {
    places,
    open: () => chat.get(),
    load: async (edge) => (await chat.get()).routes(edge, deleteSession),
    deleteSession,
    async sweep() {
      if (!vault.isUsed()) return;
      const opened = await chat.get().catch((error: unknown) => {
        parts.log.error("Cannot open the typed chat to sweep it", {}, error);
      });
      await opened?.sweep();
    },
    async recount() {
      // Of a chat that is not open here nothing is kept from here.
      await (await chat.ifAsked())?.recount();
    },
  };
}
