// What is kept of responses, for clients that refer to them instead of sending their history. Use cases; the driver stands
// beside.

import type { JsonObject } from "../contract/json.ts";
import type { LeaseOwner } from "./lease-owner.ts";

export interface KeptResponse {
  readonly id: string;
  /** The response that this one goes on from; null at the beginning of a conversation. */
  readonly previousId: string | null;
  /** As its client was told it. */
  readonly response: JsonObject;
  /** The items that it answers, without those of earlier responses. */
  readonly input: readonly JsonObject[];
}

export interface FoundResponse extends KeptResponse {
  /** It is `in_progress`, and this other process may well be at it. */
  readonly runsElsewhere?: LeaseOwner;
}

/** What a response adds to a conversation. */
export interface ResponseStep extends Pick<KeptResponse, "id" | "previousId" | "input"> {
  readonly output: readonly JsonObject[];
}

/** All belongs to its caller; what has not been gone on from for SESSION_TIMEOUT is gone, tree by tree. */
export interface ResponseStore {
  /** Writes it, in the caller's own tick as long as no other process writes. */
  remember(caller: string, response: KeptResponse): Promise<void>;
  /** Writes what it has become. Nothing happens when it was deleted meanwhile. */
  change(caller: string, id: string, response: JsonObject): Promise<void>;
  /** Undefined: this caller has no such response. */
  find(caller: string, id: string): Promise<FoundResponse | undefined>;
  /**
   * A response and those that it goes on from, oldest first; empty when there is no such response. Where one of them was
   * deleted it begins behind that, with a `previousId` of what is gone.
   */
  findPath(caller: string, id: string): Promise<readonly ResponseStep[]>;
  /** @returns false when there is none. */
  forget(caller: string, id: string): Promise<boolean>;
  /** Notes in which session of the gateway's own it is made; it need not be there yet. */
  linkSession(caller: string, id: string, sessionId: string): Promise<void>;
  /** The responses that were made in a session, which is forgotten here. */
  takeSession(caller: string, sessionId: string): Promise<readonly string[]>;
  /** Deletes what has expired, and what is too much, some trees at a time. */
  sweep(): Promise<void>;
}
