// Where in the tree of a session a new message attaches, and what was said before it. Pure.

import type { Message } from "../contract/chat-request.ts";
import type { Attachment, ChatMessage } from "../store/chat-store.ts";
import { invalid } from "../surfaces/check-body.ts";
import { contentOf, type TypedChatRequest } from "./parse-request.ts";

type PlaceNames = Pick<TypedChatRequest, "parentId" | "retryOf">;

export interface Place {
  /** The message that the new question follows. */
  readonly parentId: string | null;
  /** What was said before it, oldest first. */
  readonly history: readonly Message[];
  /** The question that is answered once more. */
  readonly repeated: ChatMessage | undefined;
}

/** The message that the store is asked for with all before it: see `ChatStore.findPath`. */
export function placeNamedBy({ parentId, retryOf }: PlaceNames): string | null | undefined {
  return retryOf ?? parentId;
}

/**
 * @param path to the message that the request names, oldest first
 * @throws {GatewayError} `invalid-request` when the request names a message that is not there
 */
export function placeOf({ parentId, retryOf }: PlaceNames, path: readonly ChatMessage[]): Place {
  const last = path.at(-1);
  if (retryOf !== undefined) {
    if (last?.role !== "user") throw unknown("retry_of", "a message of the user");
    return { parentId: last.parentId, history: historyOf(path.slice(0, -1)), repeated: last };
  }
  if (typeof parentId === "string" && last === undefined) throw unknown("parent_id", "a message");
  return { parentId: last?.id ?? null, history: historyOf(path), repeated: undefined };
}

/**
 * What comes along with a message from an earlier one.
 * @param holder the message that the request names for it
 * @throws {GatewayError} `invalid-request` when that is not there
 */
export function attachmentsIn(holder: ChatMessage | undefined): readonly Attachment[] {
  if (holder?.role !== "user") throw unknown("attachments_of", "a message of the user");
  return holder.extras.attachments ?? [];
}

function unknown(param: string, what: string): Error {
  return invalid(param, `Invalid request: "${param}" must be the id of ${what} of this session`);
}

/**
 * Answers that never said a word are left out: the next question stands beside the one before. So is a question that was
 * refused for what it holds: with it every other would be refused as well.
 */
function historyOf(path: readonly ChatMessage[]): Message[] {
  return path.flatMap(({ role, content, extras }, index): Message[] => {
    if (role === "user" && path[index + 1]?.extras.isRefused === true) return [];
    if (role === "user") return [{ role, content: contentOf(content, extras.attachments ?? []) }];
    return content === "" ? [] : [{ role, content: [{ type: "text", text: content }], toolCalls: [] }];
  });
}
