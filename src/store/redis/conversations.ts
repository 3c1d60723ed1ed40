// Conversations of clients on a shared store: a hash a conversation, a hash and an order of its items.

import { parseExact, stringifyExact } from "../../contract/exact-json.ts";
import type { JsonObject } from "../../contract/json.ts";
import {
  type ConversationStore,
  defaultConversationBytes,
  type ItemQuestion,
  type KeptConversation,
} from "../conversation-store.ts";
import type { Session } from "./session.ts";

/** Of one script: it must stay short beside running turns. */
const sweptAtOnce = 20;

/** @param maxBytes of all items. Beyond it a sweep deletes the conversations that were last changed first */
export function createRedisConversations(session: Session, maxBytes = defaultConversationBytes): ConversationStore {
  const ask = (operation: string, more: object, texts?: readonly string[]): Promise<unknown> =>
    session.ask("conversations", { operation, ...more }, texts);
  const idsOf = (items: readonly JsonObject[]): string[] => items.map((item) => String(item["id"]));
  const textsOf = (items: readonly JsonObject[]): string[] => items.map((item) => stringifyExact(item));

  return {
    async create(caller, { id, metadata, createdAtMs }: KeptConversation, items) {
      // What the contract calls its time of making is when it was changed last, at first.
      const made = { caller, id, created: createdAtMs, now: createdAtMs, items: idsOf(items) };
      await ask("create", made, [JSON.stringify(metadata), ...textsOf(items)]);
    },
    find: async (caller, id) => conversationOf(id, await ask("find", { caller, id })),
    setMetadata: async (caller, id, metadata) =>
      conversationOf(id, await ask("setMetadata", { caller, id }, [JSON.stringify(metadata)])),
    forget: async (caller, id) => (await ask("forget", { caller, id })) === 1,
    append: async (caller, id, items) =>
      (await ask("append", { caller, id, items: idsOf(items) }, textsOf(items))) === 1,
    async appendAnswered(caller, id, items) {
      const asked = { operation: "append", caller, id, items: idsOf(items) };
      return (await session.askUntilDone("conversations", asked, textsOf(items))) === 1;
    },
    async findItems(caller, id, before) {
      const [isThere, texts = []] = (await ask("findItems", { caller, id, before })) as [number, string[]?];
      return isThere === 1 ? texts.map(parseItem) : undefined;
    },
    async listItems(caller, id, { order, after, limit }: ItemQuestion) {
      const asked = { caller, id, order, after, limit: limit + 1 };
      const [isThere, texts = []] = (await ask("listItems", asked)) as [number, string[]?];
      if (isThere !== 1) return undefined;
      return { items: texts.slice(0, limit).map(parseItem), hasMore: texts.length > limit };
    },
    async findItem(caller, id, itemId) {
      const [text] = (await ask("findItem", { caller, id, itemId })) as string[];
      return text === undefined ? undefined : parseItem(text);
    },
    forgetItem: async (caller, id, itemId) => (await ask("forgetItem", { caller, id, itemId })) === 1,
    async sweep() {
      const limit = sweptAtOnce;
      while ((await ask("sweep", { limit })) === limit);
      while (((await ask("makeRoom", { limit, mostBytes: maxBytes })) as number) > 0);
    },
  };
}

/** The casts are of values that this file has written. */
function parseItem(text: string): JsonObject {
  return parseExact(text) as JsonObject;
}

function conversationOf(id: string, row: unknown): KeptConversation | undefined {
  const [metadata, createdAtMs] = row as (string | null)[];
  if (metadata === undefined || metadata === null) return undefined;
  return { id, metadata: JSON.parse(metadata) as JsonObject, createdAtMs: Number(createdAtMs) };
}
