// Conversations of clients in SQLite: a row a conversation, a row an item.

import type { Database } from "bun:sqlite";
import type { Clock } from "../../contract/clock.ts";
import { parseExact, stringifyExact } from "../../contract/exact-json.ts";
import type { JsonObject } from "../../contract/json.ts";
import { retryWhileBusy } from "../busy-retry.ts";
import { createByteBudget } from "./byte-budget.ts";
import { erasureOf } from "./erasure.ts";
import {
  type ConversationStore,
  defaultConversationBytes,
  type ItemQuestion,
  type KeptConversation,
} from "../conversation-store.ts";

export interface SqliteConversationsOptions {
  readonly clock: Clock;
  /** Those that were last changed longer ago are expired. */
  readonly sessionTimeoutMs: number;
  /** Of all items. Beyond it a sweep deletes the conversations that were last changed first. @defaultValue 536_870_912 */
  readonly maxBytes?: number;
}

interface ConversationRow {
  readonly id: string;
  readonly metadata: string;
  readonly createdAtMs: number;
}

interface ItemRow {
  readonly item: string;
}

/** A type alias, not an interface, so that it can be bound. */
type Key = { readonly caller: string; readonly id: string };

/** Of one deleting transaction: it must stay short beside answers that end. */
const sweptAtOnce = 50;

const ofConversation = "caller = $caller AND conversation_id = $id";

export function createSqliteConversations(
  database: Database,
  { clock, sessionTimeoutMs, maxBytes = defaultConversationBytes }: SqliteConversationsOptions,
): ConversationStore {
  const insert = database.prepare(`
    INSERT INTO conversations (caller, conversation_id, metadata, created_at_ms, updated_at_ms)
    VALUES ($caller, $id, $metadata, $nowMs, $nowMs)`);
  const findRow = database.prepare<ConversationRow, [Key & { oldestMs: number }]>(`
    SELECT conversation_id AS id, metadata, created_at_ms AS createdAtMs FROM conversations
    WHERE ${ofConversation} AND updated_at_ms >= $oldestMs`);
  const touch = database.prepare(`UPDATE conversations SET updated_at_ms = $nowMs WHERE ${ofConversation}`);
  const changeMetadata = database.prepare(`
    UPDATE conversations SET metadata = $metadata, updated_at_ms = $nowMs WHERE ${ofConversation}`);
  const insertItem = database.prepare(`
    INSERT INTO conversation_items (caller, conversation_id, position, item_id, item)
    VALUES ($caller, $id, (SELECT ifnull(max(position), 0) + 1 FROM conversation_items WHERE ${ofConversation}),
      $itemId, $item)
    ON CONFLICT DO NOTHING`);
  const deleteRow = database.prepare(`DELETE FROM conversations WHERE ${ofConversation}`);
  const deleteItems = database.prepare(`DELETE FROM conversation_items WHERE ${ofConversation}`);
  const deleteItem = database.prepare(`DELETE FROM conversation_items WHERE ${ofConversation} AND item_id = $itemId`);
  const findOne = database.prepare<ItemRow, [Key & { itemId: string }]>(
    `SELECT item FROM conversation_items WHERE ${ofConversation} AND item_id = $itemId`,
  );
  const findPosition = database.prepare<{ position: number }, [Key & { itemId: string }]>(
    `SELECT position FROM conversation_items WHERE ${ofConversation} AND item_id = $itemId`,
  );
  const itemsBefore = database.prepare<ItemRow, [Key & { position: number }]>(
    `SELECT item FROM conversation_items WHERE ${ofConversation} AND position < $position ORDER BY position`,
  );
  const pages = {
    asc: database.prepare<ItemRow, [Key & { position: number; limit: number }]>(`
      SELECT item FROM conversation_items WHERE ${ofConversation} AND position > $position
      ORDER BY position LIMIT $limit`),
    desc: database.prepare<ItemRow, [Key & { position: number; limit: number }]>(`
      SELECT item FROM conversation_items WHERE ${ofConversation} AND position < $position
      ORDER BY position DESC LIMIT $limit`),
  };
  const findExpired = database.prepare<Key, [{ oldestMs: number; limit: number }]>(
    "SELECT caller, conversation_id AS id FROM conversations WHERE updated_at_ms < $oldestMs LIMIT $limit",
  );
  const findOldest = database.prepare<Key, [{ limit: number }]>(
    "SELECT caller, conversation_id AS id FROM conversations ORDER BY updated_at_ms LIMIT $limit",
  );
  const countBytes = database.prepare<{ bytes: number }, []>(
    "SELECT ifnull(sum(octet_length(item)), 0) AS bytes FROM conversation_items",
  );
  const countOne = database.prepare<{ bytes: number }, [Key]>(
    `SELECT ifnull(sum(octet_length(item)), 0) AS bytes FROM conversation_items WHERE ${ofConversation}`,
  );

  const erasure = erasureOf(database);
  const oldestMs = (): number => clock() - sessionTimeoutMs;
  const isThere = (key: Key): boolean => findRow.get({ ...key, oldestMs: oldestMs() }) !== null;
  const addItems = (key: Key, items: readonly JsonObject[]): void => {
    for (const item of items) insertItem.run({ ...key, itemId: String(item["id"]), item: stringifyExact(item) });
  };
  const forgetAll = (key: Key): void => {
    deleteItems.run(key);
    deleteRow.run(key);
  };

  const create = database.transaction((caller: string, { id, metadata, createdAtMs }: KeptConversation, items) => {
    insert.run({ caller, id, metadata: JSON.stringify(metadata), nowMs: createdAtMs });
    addItems({ caller, id }, items);
  });
  const append = database.transaction((key: Key, items: readonly JsonObject[]) => {
    if (!isThere(key)) return false;
    addItems(key, items);
    touch.run({ ...key, nowMs: clock() });
    return true;
  });
  const setMetadata = database.transaction((key: Key, metadata: JsonObject) => {
    if (isThere(key)) changeMetadata.run({ ...key, metadata: JSON.stringify(metadata), nowMs: clock() });
    return findRow.get({ ...key, oldestMs: oldestMs() });
  });
  const forget = database.transaction((key: Key) => {
    const wasThere = isThere(key);
    forgetAll(key);
    return wasThere;
  });
  const forgetItem = database.transaction((key: Key, itemId: string) => {
    if (!isThere(key)) return false;
    return deleteItem.run({ ...key, itemId }).changes > 0;
  });
  const sweepExpired = database.transaction(() => {
    const expired = findExpired.all({ oldestMs: oldestMs(), limit: sweptAtOnce });
    for (const key of expired) forgetAll(key);
    if (expired.length > 0) erasure.note("rows");
    return expired.length;
  });
  const keepWithinBudget = createByteBudget<Key>(database, {
    maxBytes,
    countAll: () => countBytes.get()?.bytes ?? 0,
    findOldest: () => findOldest.all({ limit: sweptAtOnce }),
    bytesOf: (key) => countOne.get(key)?.bytes ?? 0,
    forget: forgetAll,
  });

  async function erasing(work: () => boolean): Promise<boolean> {
    const wasThere = await retryWhileBusy(work);
    erasure.note("rows");
    return wasThere;
  }

  function readPage(key: Key, { order, after, limit }: ItemQuestion) {
    if (!isThere(key)) return undefined;
    const start = after === undefined ? undefined : findPosition.get({ ...key, itemId: after })?.position;
    const position = start ?? (order === "asc" ? 0 : Number.MAX_SAFE_INTEGER);
    const rows = pages[order].all({ ...key, position, limit: limit + 1 });
    return { items: rows.slice(0, limit).map(itemOf), hasMore: rows.length > limit };
  }

  function readItems(key: Key, before: string | undefined) {
    if (!isThere(key)) return undefined;
    const position =
      before === undefined ? Number.MAX_SAFE_INTEGER : findPosition.get({ ...key, itemId: before })?.position;
    return position === undefined ? undefined : itemsBefore.all({ ...key, position }).map(itemOf);
  }

  return {
    create: (caller, conversation, items) => retryWhileBusy(() => create.immediate(caller, conversation, items)),
    find: (caller, id) => retryWhileBusy(() => conversationOf(findRow.get({ caller, id, oldestMs: oldestMs() }))),
    setMetadata: (caller, id, metadata) =>
      retryWhileBusy(() => conversationOf(setMetadata.immediate({ caller, id }, metadata))),
    forget: (caller, id) => erasing(() => forget.immediate({ caller, id })),
    append: (caller, id, items) => retryWhileBusy(() => append.immediate({ caller, id }, items)),
    appendAnswered: (caller, id, items) => retryWhileBusy(() => append.immediate({ caller, id }, items)),
    findItems: (caller, id, before) => retryWhileBusy(() => readItems({ caller, id }, before)),
    listItems: (caller, id, question) => retryWhileBusy(() => readPage({ caller, id }, question)),
    findItem: (caller, id, itemId) =>
      retryWhileBusy(() => {
        const row = isThere({ caller, id }) ? findOne.get({ caller, id, itemId }) : null;
        return row === null ? undefined : itemOf(row);
      }),
    forgetItem: (caller, id, itemId) => erasing(() => forgetItem.immediate({ caller, id }, itemId)),
    async sweep() {
      while ((await retryWhileBusy(() => sweepExpired.immediate())) === sweptAtOnce);
      await keepWithinBudget();
    },
  };
}

/** The casts are of values that this file has written. */
function itemOf({ item }: ItemRow): JsonObject {
  return parseExact(item) as JsonObject;
}

function conversationOf(row: ConversationRow | null): KeptConversation | undefined {
  return row === null ? undefined : { ...row, metadata: JSON.parse(row.metadata) as JsonObject };
}
