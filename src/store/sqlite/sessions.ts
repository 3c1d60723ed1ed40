// The part of the SQLite driver that shows and deletes sessions.

import { othersFirst } from "../../contract/others-first.ts";
import type { Connection, Moment } from "./connection.ts";
import type { Openings } from "./openings.ts";
import type { SessionRow } from "./questions.ts";
import { passingTimeoutMs } from "../passing-session.ts";
import { groupSessions } from "../session-view.ts";
import type { ChatPlace, ConversationView, SessionView, Store } from "../store.ts";
import type { SessionMethods } from "../store-parts.ts";

/** Conversations and turns of one deleting transaction: it must stay short beside running turns. */
const batchConversations = 100;
const batchTurns = 1000;

export class SqliteSessions implements Pick<Store, SessionMethods> {
  readonly #connection: Connection;
  readonly #openings: Openings;

  constructor(connection: Connection, openings: Openings) {
    this.#connection = connection;
    this.#openings = openings;
  }

  async getSession(caller: string, sessionId: string): Promise<SessionView | undefined> {
    await this.#openings.write((one) => one.caller === caller && one.claim.sessionId === sessionId);
    const { questions } = this.#connection;
    const rows = await this.#connection.read(({ oldestMs }) =>
      questions.findSession.all({ caller, sessionId, oldestMs }),
    );
    return toSessions(rows)[0];
  }

  async listCallers(limit: number): Promise<readonly string[]> {
    await this.#openings.write(() => true);
    const { questions } = this.#connection;
    const rows = await this.#connection.read(() => questions.listCallers.all({ limit }));
    return rows.map(({ caller }) => caller);
  }

  async listSessions(caller: string, limit: number): Promise<readonly SessionView[]> {
    await this.#openings.write((one) => one.caller === caller);
    const { questions } = this.#connection;
    const rows = await this.#connection.read(({ oldestMs }) => {
      const sessionIds = questions.listSessionIds.all({ caller, oldestMs, limit }).map((row) => row.sessionId);
      return questions.findSessions.all({ caller, sessionIds: JSON.stringify(sessionIds), oldestMs });
    });
    return toSessions(rows);
  }

  async findUnusedChats(chats: readonly ChatPlace[]): Promise<readonly ChatPlace[]> {
    const distinct = new Map(
      chats.map(({ upstream, account, chatId }) => [
        JSON.stringify([upstream, account, chatId]),
        { upstream, account, chatId },
      ]),
    );
    await this.#openings.write(({ claim }) => chats.some((chat) => chat.chatId === claim.continuation.chatId));
    const { questions } = this.#connection;
    return this.#connection.read(() =>
      [...distinct.values()].filter((chat) => questions.countConversationsInChat.get(chat)?.count === 0),
    );
  }

  async deleteSession(caller: string, sessionId: string): Promise<readonly ConversationView[] | undefined> {
    if ((await this.getSession(caller, sessionId)) === undefined) return undefined;
    const { questions } = this.#connection;
    return this.#deleteBatches(() => questions.findDeletable.all({ caller, sessionId, limit: batchConversations }));
  }

  forgetUnseen(caller: string, sessionId: string, untilMs: number): readonly ChatPlace[] {
    const dropped = this.#openings.drop(
      (one) => one.caller === caller && one.claim.sessionId === sessionId && one.openedAtMs <= untilMs,
    );
    return dropped.map(({ claim: { upstream, account, continuation } }) => ({
      ...{ upstream, account },
      chatId: continuation.chatId,
    }));
  }

  async sweep(): Promise<readonly ConversationView[]> {
    const { questions } = this.#connection;
    const deleted = await this.#deleteBatches(({ nowMs, oldestMs }) =>
      questions.findExpired.all({ oldestMs, nowMs, limit: batchConversations }),
    );
    if (deleted.length > 0) this.#connection.shrink();
    return deleted;
  }

  sweepPassing(): Promise<readonly ConversationView[]> {
    const { questions } = this.#connection;
    return this.#deleteBatches(({ nowMs }) =>
      questions.findLeftBehind.all({ oldestMs: nowMs - passingTimeoutMs, nowMs, limit: batchConversations }),
    );
  }

  #deleteConversations(conversationKeys: string): readonly ConversationView[] {
    const { questions } = this.#connection;
    const deleted = questions.deleteConversations.all({ conversationKeys });
    questions.deleteMessages.run({ conversationIds: JSON.stringify(deleted.map((one) => one.conversationId)) });
    return deleted;
  }

  async #deleteBatches(find: (moment: Moment) => readonly { id: number }[]): Promise<readonly ConversationView[]> {
    const { questions } = this.#connection;
    const deleted: ConversationView[] = [];
    for (;;) {
      const batch = await this.#connection.write((moment) => {
        const conversationKeys = JSON.stringify(find(moment).map((row) => row.id));
        if (conversationKeys === "[]") return undefined;
        const { changes } = questions.deleteTurns.run({ conversationKeys, limit: batchTurns });
        // Their turns may be more than one batch: the conversations go with the last of them.
        return changes < batchTurns ? this.#deleteConversations(conversationKeys) : [];
      });
      if (batch === undefined) break;
      for (const view of batch) deleted.push(view);
      await othersFirst();
    }
    await this.#connection.write(({ nowMs }) => questions.deleteIdleLeases.run({ nowMs }));
    return deleted;
  }
}

function toSessions(rows: readonly SessionRow[]): readonly SessionView[] {
  return groupSessions(rows.map(({ sessionId, ...conversation }) => ({ sessionId, conversation })));
}
