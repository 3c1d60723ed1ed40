// One conversation as the page holds it, and what sending, retrying and editing do to it. Pure.

import { isUnderway, type Attachment, createMessage, type Message } from "./message.ts";
import { plainSwitches, type Switches } from "./switches.ts";
import { addMessages, emptyTree, leafOf, removeMessage, type Tree } from "./tree.ts";

export interface Conversation {
  /** The page's own, because a new conversation has no other. */
  readonly id: string;
  readonly sessionId: string | undefined;
  readonly title: string;
  readonly tree: Tree;
  readonly switches: Switches;
  readonly state: "loading" | "ready" | "failed";
  /** Why it could not be loaded. */
  readonly error: string | undefined;
}

/** What a person says. */
export interface Draft {
  readonly text: string;
  readonly attachments: readonly Attachment[];
}

/** Ids and times for new messages: passed in, so that this file stays pure. */
export interface Birth {
  readonly userId: string;
  readonly answerId: string;
  readonly nowMs: number;
}

/** Fields of `POST /api/chat/stream` that say what is asked and where it stands in the tree. */
export type Question =
  | {
      readonly message: string;
      readonly parent_id?: string | null;
      readonly attachments?: readonly SentFile[];
      readonly attachments_of?: string;
    }
  | { readonly retry_of: string };

interface SentFile {
  readonly name: string;
  readonly url: string;
}

export interface Exchange {
  readonly conversation: Conversation;
  readonly question: Question;
  /** The message that the answer grows in. */
  readonly answerId: string;
}

export function createConversation(id: string, fields: Partial<Conversation> = {}): Conversation {
  return {
    sessionId: undefined,
    title: "",
    tree: emptyTree,
    switches: plainSwitches,
    state: "ready",
    error: undefined,
    ...fields,
    id,
  };
}

/** A message at the end of the path. */
export function ask(conversation: Conversation, draft: Draft, birth: Birth): Exchange {
  return askBelow(conversation, arrivedAncestor(conversation.tree, leafOf(conversation.tree)), draft, birth);
}

/** Another wording of a message of the user, as a branch beside it. */
export function askInstead(conversation: Conversation, messageId: string, draft: Draft, birth: Birth): Exchange {
  const { tree } = conversation;
  const message = tree.messages.get(messageId);
  const parent = message?.parentId == null ? undefined : tree.messages.get(message.parentId);
  // What never arrived at the gateway is replaced; two tries at one sentence are no branches.
  const kept = message?.gatewayId === undefined ? removeMessage(tree, messageId) : tree;
  return askBelow({ ...conversation, tree: kept }, arrivedAncestor(kept, parent), draft, birth);
}

/** Another answer to the same message, as a branch beside the earlier one. */
export function askAgain(conversation: Conversation, answerId: string, birth: Birth): Exchange | undefined {
  const { tree } = conversation;
  const answer = tree.messages.get(answerId);
  const user = answer?.parentId == null ? undefined : tree.messages.get(answer.parentId);
  if (user === undefined) return undefined;
  if (user.gatewayId === undefined) {
    return askInstead(conversation, user.id, { text: user.content, attachments: user.attachments }, birth);
  }
  const kept = answer?.gatewayId === undefined ? removeMessage(tree, answerId) : tree;
  return {
    conversation: { ...conversation, tree: addMessages(kept, [newAnswer(user.id, birth)]) },
    question: { retry_of: user.gatewayId },
    answerId: birth.answerId,
  };
}

function askBelow(conversation: Conversation, parent: Message | undefined, draft: Draft, birth: Birth): Exchange {
  const user = createMessage({
    id: birth.userId,
    parentId: parent?.id ?? null,
    role: "user",
    content: draft.text,
    attachments: draft.attachments,
    createdAtMs: birth.nowMs,
    status: "complete",
  });
  const files = draft.attachments.flatMap(({ name, url }) => (url === undefined ? [] : [{ name, url }]));
  const holder = draft.attachments.find(({ url }) => url === undefined)?.heldBy;
  return {
    conversation: {
      ...conversation,
      title: conversation.title === "" ? titleOf(draft.text) : conversation.title,
      tree: addMessages(conversation.tree, [user, newAnswer(user.id, birth)]),
    },
    question: {
      message: draft.text,
      // A conversation that the gateway does not know yet has no places to follow.
      ...(conversation.sessionId === undefined ? {} : { parent_id: parent?.gatewayId ?? null }),
      ...(files.length === 0 ? {} : { attachments: files }),
      ...(holder === undefined ? {} : { attachments_of: holder }),
    },
    answerId: birth.answerId,
  };
}

function newAnswer(parentId: string, { answerId, nowMs }: Birth): Message {
  return createMessage({ id: answerId, parentId, role: "assistant", createdAtMs: nowMs, status: "sending" });
}

/** The nearest message that the gateway knows: what never arrived there cannot be followed. */
function arrivedAncestor(tree: Tree, message: Message | undefined): Message | undefined {
  let nearest = message;
  while (nearest !== undefined && nearest.gatewayId === undefined) {
    nearest = nearest.parentId === null ? undefined : tree.messages.get(nearest.parentId);
  }
  return nearest;
}

const titleLength = 60;

export function titleOf(text: string): string {
  const line = text.trim().split("\n", 1)[0] ?? "";
  return line.length <= titleLength ? line : `${line.slice(0, titleLength - 1)}…`;
}

/** The message that is being answered, if any. */
export function underwayIn({ tree }: Conversation): Message | undefined {
  for (const message of tree.messages.values()) if (isUnderway(message)) return message;
  return undefined;
}
