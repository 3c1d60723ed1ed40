// What is kept of responses, for clients that refer to them instead of sending their history. Use cases; the driver stands
// beside.

import type { JsonObject } from "../contract/json.ts";
import type { LeaseOwner } from "./lease-owner.ts";

/** Of all that is kept, instructions and tools of each request included, which may be tens of kilobytes. */
export const defaultResponseBytes = 512 * 1024 * 1024;

export interface KeptResponse {
  readonly id: string;
  /** The response that this one goes on from; null at the beginning of a conversation. */
  readonly previousId: string | null;
  /** As its client was told it. */
  readonly response: JsonObject;
  /** The items that it answers, without those of the responses that it goes on from. */
  readonly input: readonly JsonObject[];
}

/** The first items of a response that is kept. */
export interface SharedBeginning {
  readonly id: string;
  /** At least one. */
  readonly count: number;
}

/** One that is to be kept. */
export interface NewResponse extends Omit<KeptResponse, "input"> {
  /**
   * Its input begins with these, so that they need not be written again; a driver may do so all the same. It belongs to the
   * tree of the response that it shares them with. Of one that goes on from another response nothing is shared.
   */
  readonly shared?: SharedBeginning | undefined;
  /** Its input without so many items at the beginning. */
  inputFrom(start: number): readonly JsonObject[];
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
  /**
   * Writes it, in the caller's own tick as long as no other process writes. One that has ended is lost otherwise: it is tried
   * for a while where what keeps it is away.
   */
  remember(caller: string, response: NewResponse): Promise<void>;
  /** Writes what it has become, and tries as long. Nothing happens when it was deleted meanwhile. */
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
