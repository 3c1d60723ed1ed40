// Conversations as responses use them: what was said in one stands before a request, and what was said in addition is put
// behind it when the response is done.

import type { JsonObject } from "../../contract/json.ts";
import type { ConversationStore } from "../../store/conversation-store.ts";
import type { Log } from "../../telemetry/log.ts";
import { cannotGoOn, conversationNotFound } from "./errors.ts";
import { PendingWrites } from "./pending-writes.ts";

export interface ResponseConversations {
  /**
   * Its items, oldest first.
   * @throws {GatewayError} `not-found`, for another caller as well
   */
  itemsOf(caller: string, id: string): Promise<readonly JsonObject[]>;
  /**
   * What stood in it before one of its items.
   * @throws {GatewayError} `not-found` when either is gone
   */
  itemsBefore(caller: string, id: string, itemId: string): Promise<readonly JsonObject[]>;
  /** Begins to write at once: a failure is logged, since the answer is worth more. Never rejects. */
  append(caller: string, id: string, items: readonly JsonObject[]): Promise<unknown>;
  /** Resolves when everything is written. */
  settled(): Promise<void>;
}

/** @param store of one that was opened before anything is appended. */
export function createResponseConversations(
  openStore: () => Promise<ConversationStore>,
  log: Log,
): ResponseConversations {
  let store: ConversationStore | undefined;
  /** By conversation: what waits for another process to end its writing. */
  const writing = new PendingWrites();

  async function storeFor(id: string): Promise<ConversationStore> {
    await writing.settled(id);
    store ??= await openStore();
    return store;
  }

  return {
    async itemsOf(caller, id) {
      const items = await (await storeFor(id)).findItems(caller, id);
      if (items === undefined) throw conversationNotFound("conversation");
      return items;
    },
    async itemsBefore(caller, id, itemId) {
      const items = await (await storeFor(id)).findItems(caller, id, itemId);
      if (items === undefined) throw cannotGoOn("not-found", "the conversation that it belongs to was deleted");
      return items;
    },
    append(caller, id, items) {
      const added = store?.appendAnswered(caller, id, items) ?? Promise.resolve();
      return writing.add(id, added, (error) =>
        log.error("Cannot add to a conversation", { conversationId: id }, error),
      );
    },
    async settled() {
      await writing.allSettled();
    },
  };
}
