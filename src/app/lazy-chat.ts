// The typed chat as the rest of the app sees it: opened when somebody first asks for it, or when it has something to forget.

import { existsSync } from "node:fs";
import { GatewayError } from "../contract/gateway-error.ts";
import type { RoutePlace } from "../server/lazy-routes.ts";
import type { ServedRoom } from "../server/create-server.ts";
import type { Chat, ChatParts } from "./compose-chat.ts";

export interface LazyChat extends ServedRoom {
  /** @throws {GatewayError} when its database cannot be opened */
  open(): Promise<Chat>;
  /** @returns whether there was such a session. */
  deleteSession(caller: string, sessionId: string): Promise<boolean>;
  /** Somebody has used it, now or in an earlier process. */
  isUsed(): boolean;
  /** Never rejects. */
  sweep(): Promise<void>;
  close(): Promise<void>;
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
  parts: ChatParts,
  deleteTurns: (caller: string, sessionId: string) => Promise<boolean>,
): LazyChat {
  let opening: Promise<Chat> | undefined;

  function open(): Promise<Chat> {
    opening ??= import("./compose-chat.ts")
      .then(({ composeChat }) => composeChat(parts))
      .catch((error: unknown) => {
        opening = undefined;
        // The sentence of the cause names a path of this machine, which is no client's business.
        throw new GatewayError("internal", "Cannot open the typed chat: the gateway's log says why", { cause: error });
      });
    return opening;
  }

  const isUsed = (): boolean => opening !== undefined || existsSync(parts.path);

  async function deleteSession(caller: string, sessionId: string): Promise<boolean> {
    // First: they can be forgotten also when the database of the messages is damaged.
    const hadTurns = await deleteTurns(caller, sessionId);
    const hadMessages = isUsed() && (await (await open()).deleteSession(caller, sessionId));
    return hadMessages || hadTurns;
  }

  return {
    places,
    open,
    load: async (edge) => (await open()).routes(edge, deleteSession),
    deleteSession,
    isUsed,
    async sweep() {
      if (!isUsed()) return;
      const chat = await open().catch((error: unknown) => {
        parts.log.error("Cannot open the typed chat to sweep it", {}, error);
      });
      await chat?.sweep();
    },
    async close() {
      const chat = await opening?.catch(() => undefined);
      await chat?.close();
    },
  };
}
