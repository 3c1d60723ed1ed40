// All that the page shows, as one value, and small changes to it.

import { type Conversation, createConversation } from "./conversation/conversation.ts";
import type { Message } from "./conversation/message.ts";
import { changeMessage, type Tree } from "./conversation/tree.ts";
import { type DocumentsState, noDocuments } from "./documents/document.ts";
import type { ModelChoice, SessionSummary } from "./gateway/parse.ts";

export interface ChatState {
  /** Whether the gateway has asked for a key, and whether it knew the one that it got. */
  readonly access: "granted" | "wanted" | "refused";
  /** Undefined until they have been told. */
  readonly sessions: readonly SessionSummary[] | undefined;
  readonly sessionsError: string | undefined;
  readonly conversations: ReadonlyMap<string, Conversation>;
  readonly currentId: string;
  readonly documents: DocumentsState;
  readonly models: readonly ModelChoice[];
  readonly upstreams: readonly string[];
  /** That writes down what is said; undefined: there is none. */
  readonly speechModel: string | undefined;
  /** Empty: the gateway's default. */
  readonly model: string;
  /** Empty: whichever the gateway takes. */
  readonly upstream: string;
}

export function createChatState(first: Conversation, choices: Pick<ChatState, "model" | "upstream">): ChatState {
  return {
    access: "granted",
    sessions: undefined,
    sessionsError: undefined,
    conversations: new Map([[first.id, first]]),
    currentId: first.id,
    documents: noDocuments,
    models: [],
    upstreams: [],
    speechModel: undefined,
    ...choices,
  };
}

export function currentOf(state: ChatState): Conversation {
  // The current one is in the map from the beginning, and only `show` names another.
  return state.conversations.get(state.currentId) ?? createConversation(state.currentId);
}

export function putConversation(state: ChatState, conversation: Conversation): ChatState {
  return { ...state, conversations: new Map(state.conversations).set(conversation.id, conversation) };
}

/** The same state when it is not there (any more). */
export function changeConversation(
  state: ChatState,
  id: string,
  change: (conversation: Conversation) => Conversation,
): ChatState {
  const conversation = state.conversations.get(id);
  if (conversation === undefined) return state;
  const changed = change(conversation);
  return changed === conversation ? state : putConversation(state, changed);
}

export function changeTree(state: ChatState, id: string, change: (tree: Tree) => Tree): ChatState {
  return changeConversation(state, id, (conversation) => {
    const tree = change(conversation.tree);
    return tree === conversation.tree ? conversation : { ...conversation, tree };
  });
}

export function changeMessageIn(
  state: ChatState,
  conversationId: string,
  messageId: string,
  change: (message: Message) => Message,
): ChatState {
  return changeTree(state, conversationId, (tree) => changeMessage(tree, messageId, change));
}

export function conversationOfSession(state: ChatState, sessionId: string): Conversation | undefined {
  for (const conversation of state.conversations.values()) {
    if (conversation.sessionId === sessionId) return conversation;
  }
  return undefined;
}
