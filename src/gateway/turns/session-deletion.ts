// Sessions that go: deleted by their caller, expired, or those of one request only; and their chats upstream, where these go too.

import { toGatewayError } from "../../contract/gateway-error.ts";
import { isTimeout } from "../../contract/thrown.ts";
import { passingSessionId } from "../../store/passing-session.ts";
import type { ChatPlace, ConversationView, Store } from "../../store/store.ts";
import type { GatewayOptions } from "../gateway-options.ts";

export interface SessionDeletionOptions extends Pick<GatewayOptions, "upstreams" | "deleteChats" | "log"> {
  readonly store: Pick<
    Store,
    "deleteSession" | "forgetUnseen" | "findUnusedChats" | "openConversation" | "releaseTurn" | "sweep" | "sweepPassing"
  >;
}

export interface SessionDeletion {
  /** Deletes a session of this caller, and its chats upstream where that is configured. @returns false when unknown. */
  deleteSession(caller: string, sessionId: string): Promise<boolean>;
  /**
   * Another worker has deleted it: what this one alone knows of it goes as well. Done when it returns, but for chats upstream.
   * @param atMs when that was
   * @returns whether there was something
   */
  sessionDeletedElsewhere(caller: string, sessionId: string, atMs: number): boolean;
  /** Forgets a conversation that served one composed request only, its chat upstream included. Never rejects. */
  forget(caller: string, sessionId: string): Promise<void>;
  /** Deletes those of these chats upstream that no conversation uses, whatever is configured. Never rejects. */
  deleteChats(chats: readonly ChatPlace[]): Promise<void>;
  /** The same in an hour, where chats go with their sessions. Never rejects. */
  readonly deleteChatsLater: ((chats: readonly ChatPlace[]) => Promise<void>) | undefined;
  /** Forgets sessions that expired, and deletes their chats upstream where that is configured. Never rejects. */
  sweepSessions(): Promise<void>;
}

const deleteTimeoutMs = 10_000;
/** Whose the chats are that have lost their session and are still to be deleted. */
const itself = "gateway";
/** What answers in such a chat: nobody. By it their conversations are known. */
const noModel = "";
/** An hour lies between two of them: beyond a week it is not the moment that stands in the way. */
const mostTries = 7 * 24;

type UnwantedChat = ChatPlace & Partial<Pick<ConversationView, "model" | "messageCount">>;

export function createSessionDeletion(options: SessionDeletionOptions): SessionDeletion {
  const { store, upstreams, log } = options;

  async function deleteChats(chats: readonly UnwantedChat[]): Promise<void> {
    // What was to go later goes now: its wish must not pass for a use of it.
    for (const chat of chats) await unwish(chat);
    const tried = new Map(chats.map((chat) => [chat.chatId, 1 + triesOf(chat)]));
    const unwanted = (await store.findUnusedChats(chats)).flatMap((chat) => {
      const keeper = upstreams().find(({ name }) => name === chat.upstream);
      return keeper?.deleteChat === undefined ? [] : { ...chat, keeper, tries: tried.get(chat.chatId) ?? 1 };
    });
    // First: nobody else knows of them any more, and this process may be killed before the last of them is gone.
    for (const chat of unwanted) await wish(chat, chat.tries);
    for (const chat of unwanted) {
      const { keeper, tries } = chat;
      try {
        await keeper.deleteChat?.(chat.account, chat.chatId, AbortSignal.timeout(deleteTimeoutMs));
        await unwish(chat);
      } catch (error) {
        const isLast = tries >= mostTries || !mayPass(error);
        const outlook = isLast ? "it stays there" : "it is tried again later";
        const level = isLast || tries === 1 ? "warn" : "debug";
        log[level](`Cannot delete a chat at the upstream: ${outlook}`, { reason: toGatewayError(error).message });
        if (isLast) await unwish(chat);
      }
    }
  }

  /**
   * Keeps a chat that is to be deleted as a session of the gateway's own: unless that is forgotten, it is swept in an hour,
   * whichever process sweeps then, and its chat with it.
   * @param tries how often it was tried by then
   */
  async function wish({ upstream, account, chatId }: ChatPlace, tries: number): Promise<void> {
    try {
      const claim = await store.openConversation(itself, {
        sessionId: wishOf(chatId),
        sessionHint: undefined,
        upstream,
        account,
        model: noModel,
        continuation: { chatId, nodeId: null, responseId: null, parentId: null },
        // Nobody answers in it: the tries are what is counted.
        priorReplies: tries,
        // Only such are written at once.
        byHead: true,
        replaces: undefined,
      });
      await store.releaseTurn(claim, 0);
    } catch (error) {
      log.error("Cannot remember a chat that is still to be deleted at the upstream", {}, error);
    }
  }

  async function deleteLater(chats: readonly ChatPlace[]): Promise<void> {
    for (const chat of chats) await wish(chat, 0);
  }

  /** Nothing more is to be done for that chat later. */
  async function unwish({ chatId }: ChatPlace): Promise<void> {
    try {
      await store.deleteSession(itself, wishOf(chatId));
    } catch (error) {
      // Tried once more in an hour, and gone then as well.
      log.warn("Cannot forget a chat that was to be deleted", { reason: toGatewayError(error).message });
    }
  }

  return {
    async deleteSession(caller, sessionId) {
      const gone = await store.deleteSession(caller, sessionId);
      if (gone !== undefined && options.deleteChats) await deleteChats(gone);
      return gone !== undefined;
    },
    sessionDeletedElsewhere(caller, sessionId, atMs) {
      const gone = store.forgetUnseen?.(caller, sessionId, atMs) ?? [];
      if (gone.length > 0 && options.deleteChats) {
        void deleteChats(gone).catch((error: unknown) =>
          log.warn("Cannot delete the chats of a session", { reason: toGatewayError(error).message }),
        );
      }
      return gone.length > 0;
    },
    async forget(caller, sessionId) {
      try {
        const gone = await store.deleteSession(caller, sessionId);
        if (gone !== undefined) await deleteChats(gone);
      } catch (error) {
        log.warn("Cannot forget a conversation of one request", { reason: toGatewayError(error).message });
      }
    },
    async deleteChats(chats) {
      try {
        await deleteChats(chats);
      } catch (error) {
        log.warn("Cannot delete chats that came to nothing", { reason: toGatewayError(error).message });
      }
    },
    deleteChatsLater: options.deleteChats ? deleteLater : undefined,
    async sweepSessions() {
      try {
        const gone = await store.sweep();
        if (options.deleteChats) await deleteChats(gone);
        // Chats that no person has begun do not stay with the account of one.
        await deleteChats(await store.sweepPassing());
      } catch (error) {
        log.error("Cannot sweep expired sessions: the next sweep tries again", {}, error);
      }
    },
  };
}

function wishOf(chatId: string): string {
  return passingSessionId("unwanted", chatId);
}

function triesOf({ model, messageCount = 0 }: UnwantedChat): number {
  return model === noModel ? messageCount : 0;
}

/** What stood in the way of a deletion, an account set aside above all, may be gone in an hour. */
function mayPass(error: unknown): boolean {
  if (isTimeout(error)) return true;
  const { kind, retryable } = toGatewayError(error);
  switch (kind) {
    case "upstream-quota":
    case "upstream-auth":
    case "upstream-challenge":
    case "overloaded":
      return true;
    default:
      return retryable;
  }
}
