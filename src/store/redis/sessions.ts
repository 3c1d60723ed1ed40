// The half of the shared store that shows and deletes sessions.

import { othersFirst } from "../../contract/others-first.ts";
import { groupSessions } from "../session-view.ts";
import { passingTimeoutMs } from "../passing-session.ts";
import type { ChatPlace, ConversationView, SessionView, Store } from "../store.ts";
import type { SessionMethods } from "../store-parts.ts";
import type { Session } from "./session.ts";

/** Conversations of one script: it must stay short beside running turns. */
const batch = 50;

/** As the scripts return it: see `viewOf` in prelude.lua. */
type ViewRow = readonly string[];

export class RedisSessions implements Pick<Store, SessionMethods> {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async getSession(caller: string, sessionId: string): Promise<SessionView | undefined> {
    return toSessions((await this.#session.ask("getSession", { caller, session: sessionId })) as ViewRow[])[0];
  }

  async listCallers(limit: number): Promise<readonly string[]> {
    return (await this.#session.ask("listCallers", { limit })) as string[];
  }

  async listSessions(caller: string, limit: number): Promise<readonly SessionView[]> {
    return toSessions((await this.#session.ask("listSessions", { caller, limit })) as ViewRow[]);
  }

  async findUnusedChats(chats: readonly ChatPlace[]): Promise<readonly ChatPlace[]> {
    const distinct = [
      ...new Map(
        chats.map(({ upstream, account, chatId }) => [
          JSON.stringify([upstream, account, chatId]),
          { upstream, account, chatId },
        ]),
      ).values(),
    ];
    if (distinct.length === 0) return [];
    const places = distinct.map(({ upstream, account, chatId }) => [upstream, account, chatId]);
    const used = (await this.#session.ask("findUnusedChats", { chats: places })) as number[];
    return distinct.filter((_, index) => used[index] === 0);
  }

  async deleteSession(caller: string, sessionId: string): Promise<readonly ConversationView[] | undefined> {
    if ((await this.getSession(caller, sessionId)) === undefined) return undefined;
    const deleted: ConversationView[] = [];
    for (;;) {
      const [left, rows] = (await this.#session.ask("deleteSession", { caller, session: sessionId, limit: batch })) as [
        number,
        ViewRow[],
      ];
      for (const row of rows) deleted.push(viewOf(row));
      if (left === 0) return deleted;
    }
  }

  sweep(): Promise<readonly ConversationView[]> {
    return this.#sweep({ index: "expiring" });
  }

  sweepPassing(): Promise<readonly ConversationView[]> {
    return this.#sweep({ index: "passing", oldest: this.#session.nowMs() - passingTimeoutMs });
  }

  async #sweep(ask: { readonly index: string; readonly oldest?: number }): Promise<readonly ConversationView[]> {
    const deleted: ConversationView[] = [];
    for (let skip = 0; ;) {
      const [seen, left, rows] = (await this.#session.ask("sweep", { ...ask, skip, limit: batch })) as [
        number,
        number,
        ViewRow[],
      ];
      for (const row of rows) deleted.push(viewOf(row));
      skip += left;
      if (seen < batch) return deleted;
      await othersFirst();
    }
  }
}

function toSessions(rows: readonly ViewRow[]): readonly SessionView[] {
  const ordered = rows
    .map((row) => ({ sessionId: row[2] ?? "", conversation: viewOf(row), order: Number(row[13]) }))
    .sort(
      (one, other) => other.conversation.lastAccessedMs - one.conversation.lastAccessedMs || other.order - one.order,
    );
  return groupSessions(ordered.map(({ sessionId, conversation }) => ({ sessionId, conversation })));
}

function viewOf(row: ViewRow): ConversationView {
  const [conversationId = "", , , upstream = "", account = "", chatId = "", nodeId = "", parentId = ""] = row;
  const [responseId = "", model = "", messageCount, createdAtMs, lastAccessedMs] = row.slice(8);
  return {
    conversationId,
    upstream,
    account,
    chatId,
    nodeId: nodeId || null,
    parentId: parentId || null,
    responseId: responseId || null,
    model,
    messageCount: Number(messageCount),
    createdAtMs: Number(createdAtMs),
    lastAccessedMs: Number(lastAccessedMs),
  };
}
