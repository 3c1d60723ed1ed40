// What is kept of conversations that clients make, fill and refer to by name. Use cases; the driver stands beside.

import type { JsonObject } from "../contract/json.ts";

/** Of all items. */
export const defaultConversationBytes = 512 * 1024 * 1024;

export interface KeptConversation {
  readonly id: string;
  readonly metadata: JsonObject;
  readonly createdAtMs: number;
}

export interface ItemQuestion {
  /** Newest first, or oldest first. */
  readonly order: "asc" | "desc";
  /** Id of the item behind which to begin. Undefined, and unknown: from the beginning. */
  readonly after: string | undefined;
  readonly limit: number;
}

export interface ItemPage {
  readonly items: readonly JsonObject[];
  readonly hasMore: boolean;
}

/** All belongs to its caller; what has not been changed for SESSION_TIMEOUT is gone. Every item has a text `id`. */
export interface ConversationStore {
  create(caller: string, conversation: KeptConversation, items: readonly JsonObject[]): Promise<void>;
  /** Undefined, here and below: this caller has no such conversation. */
  find(caller: string, id: string): Promise<KeptConversation | undefined>;
  setMetadata(caller: string, id: string, metadata: JsonObject): Promise<KeptConversation | undefined>;
  /** With its items. @returns false when there is none */
  forget(caller: string, id: string): Promise<boolean>;
  /**
   * Behind those that are there, in the caller's own tick as long as no other process writes. What is there already is
   * passed over.
   * @returns false when there is no such conversation
   */
  append(caller: string, id: string, items: readonly JsonObject[]): Promise<boolean>;
  /** The same of an answer, which is lost otherwise: tried for a while where what keeps it is away. */
  appendAnswered(caller: string, id: string, items: readonly JsonObject[]): Promise<boolean>;
  /** Oldest first. @param before id of an item: only what stands before it. Undefined as well when that is gone */
  findItems(caller: string, id: string, before?: string): Promise<readonly JsonObject[] | undefined>;
  listItems(caller: string, id: string, question: ItemQuestion): Promise<ItemPage | undefined>;
  findItem(caller: string, id: string, itemId: string): Promise<JsonObject | undefined>;
  /** @returns false when there is none */
  forgetItem(caller: string, id: string, itemId: string): Promise<boolean>;
  /** Deletes what has expired, and what is too much, some at a time. */
  sweep(): Promise<void>;
}
