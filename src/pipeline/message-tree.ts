// The messages of a session as a tree: where a new one attaches, and what was said before it. Pure.

import type { Message } from "../contract/chat-request.ts";
import type { Attachment, ChatMessage } from "../store/chat-store.ts";
import { invalid } from "../surfaces/check-body.ts";
import { contentOf, type TypedChatRequest } from "./parse-request.ts";

export interface Place {
  /** The message that the new question follows. */
  readonly parentId: string | null;
  /** What was said before it, oldest first. */
  readonly history: readonly Message[];
  /** The question that is answered once more. */
  readonly repeated: ChatMessage | undefined;
}

/**
 * @param messages of the session, oldest first
 * @throws {GatewayError} `invalid-request` when the request names a message that is not there
 */
export function placeOf(
  request: Pick<TypedChatRequest, "parentId" | "retryOf">,
  messages: readonly ChatMessage[],
): Place {
  const byId = new Map(messages.map((message) => [message.id, message]));
  if (request.retryOf !== undefined) {
    const repeated = byId.get(request.retryOf);
    if (repeated?.role !== "user") throw unknown("retry_of", "a message of the user");
    return { parentId: repeated.parentId, history: historyOf(repeated.parentId, byId), repeated };
  }
  const parentId = request.parentId === undefined ? (messages.at(-1)?.id ?? null) : request.parentId;
  if (parentId !== null && !byId.has(parentId)) throw unknown("parent_id", "a message");
  return { parentId, history: historyOf(parentId, byId), repeated: undefined };
}

/**
 * What comes along with a message from an earlier one.
 * @throws {GatewayError} `invalid-request` when the request names a message that is not there
 */
export function attachmentsIn(
  { attachmentsOf }: Pick<TypedChatRequest, "attachmentsOf">,
  messages: readonly ChatMessage[],
): readonly Attachment[] {
  if (attachmentsOf === undefined) return [];
  const holder = messages.find(({ id }) => id === attachmentsOf);
  if (holder?.role !== "user") throw unknown("attachments_of", "a message of the user");
  return holder.extras.attachments ?? [];
}

function unknown(param: string, what: string): Error {
  return invalid(param, `Invalid request: "${param}" must be the id of ${what} of this session`);
}

/** Answers that never said a word are left out: the next question stands beside the one before. */
function historyOf(lastId: string | null, byId: ReadonlyMap<string, ChatMessage>): Message[] {
  const path: Message[] = [];
  /** A circle would be walked for ever. */
  const passed = new Set<string>();
  for (let id = lastId; id !== null;) {
    const message = byId.get(id);
    if (message === undefined || passed.has(id)) break;
    passed.add(id);
    if (message.role === "user") {
      path.push({ role: "user", content: contentOf(message.content, message.extras.attachments ?? []) });
    } else if (message.content !== "") {
      path.push({ role: "assistant", content: [{ type: "text", text: message.content }], toolCalls: [] });
    }
    id = message.parentId;
  }
  return path.reverse();
}
