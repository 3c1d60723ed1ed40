// The typed chat's messages on a shared store.

import {
  addressStartChars,
  type Attachment,
  type BegunTurn,
  type ChatMessage,
  type ChatSession,
  type ChatStore,
  type MessageExtras,
  type MessagePath,
  type MessageStatus,
} from "../chat-store.ts";
import type { Session } from "./session.ts";

/** Sessions of one script: it must stay short beside running turns. */
const sweptSessions = 20;

/** As the script returns it: see `messageOf` there. */
type MessageRow = readonly string[];

export function createRedisChat(session: Session): ChatStore {
  const ask = (operation: string, more: object, texts?: readonly string[]): Promise<unknown> =>
    session.ask("chat", { operation, ...more }, texts);
  const change = (operation: "endTurn" | "recoverTurn", caller: string, sessionId: string, answer: ChatMessage) =>
    ask(operation, { caller, session: sessionId, id: answer.id, status: answer.status }, [
      answer.content,
      JSON.stringify(answer.extras),
    ]);

  return {
    async beginTurn(caller, { sessionId, title, question, answer }: BegunTurn) {
      const messages = question === undefined ? [answer] : [question, answer];
      const asked = { caller, session: sessionId, title, messages: messages.map(partsOf) };
      await ask("beginTurn", asked, messages.flatMap(textsOf));
    },
    async endTurn(caller, sessionId, answer) {
      await change("endTurn", caller, sessionId, answer);
    },
    async recoverTurn(caller, sessionId, answer) {
      await change("recoverTurn", caller, sessionId, answer);
    },
    async findMessages(caller, sessionId) {
      const found = (await ask("findMessages", { caller, session: sessionId })) as [number, MessageRow[]?];
      return found[0] === 1 ? (found[1] ?? []).map(messageOf) : undefined;
    },
    async findPath(caller, sessionId, messageId): Promise<MessagePath> {
      const which = messageId === undefined ? { newest: true } : { message: messageId ?? undefined };
      const [newestId, firstExtras, rows] = (await ask("findPath", { caller, session: sessionId, ...which })) as [
        string,
        string,
        MessageRow[],
      ];
      return {
        messages: rows.map(messageOf),
        newestId: newestId || undefined,
        continuesElsewhere: firstExtras !== "" && extrasOf(firstExtras).continuesElsewhere === true,
      };
    },
    async findMessage(caller, sessionId, messageId) {
      const row = (await ask("findMessage", { caller, session: sessionId, id: messageId })) as MessageRow;
      return row.length === 0 ? undefined : messageOf(row);
    },
    listStreams: async (caller, sessionId) => (await ask("listStreams", { caller, session: sessionId })) as string[],
    async findSession(caller, sessionId) {
      const row = (await ask("findSession", { caller, session: sessionId })) as SessionRow | [];
      return row.length === 0 ? undefined : sessionOf(row);
    },
    listSessions: async (caller, limit) =>
      ((await ask("listSessions", { caller, limit })) as SessionRow[]).map(sessionOf),
    deleteSession: async (caller, sessionId) => (await ask("deleteSession", { caller, session: sessionId })) === 1,
    async sweep() {
      while ((await ask("sweep", { limit: sweptSessions })) === sweptSessions);
    },
  };
}

type SessionRow = readonly [id: string, title: string, created: string, updated: string, count: number];

function sessionOf([sessionId, title, created, updated, messageCount]: SessionRow): ChatSession {
  return { sessionId, title, createdAtMs: Number(created), updatedAtMs: Number(updated), messageCount };
}

function partsOf({ id, parentId, role, status, createdAtMs, streamId }: ChatMessage) {
  return { id, parent: parentId ?? "", role, status, created: createdAtMs, stream: streamId ?? "" };
}

/** Content, extras, attachments, and the beginnings of these. */
function textsOf({ content, extras: { attachments = [], ...extras } }: ChatMessage): string[] {
  const starts = attachments.map(({ name, url }) => ({ name, url: url.slice(0, addressStartChars) }));
  const files = attachments.map(({ name, url }) => ({ name, url }));
  return [content, JSON.stringify(extras), JSON.stringify(files), JSON.stringify(starts)];
}

/** The casts are of values that this file has written. */
function messageOf(row: MessageRow): ChatMessage {
  const [id = "", parentId = "", role, status, created, streamId = ""] = row;
  const [content = "", extras = "{}", files = "[]"] = row.slice(6);
  const attachments = JSON.parse(files) as readonly Attachment[];
  return {
    id,
    parentId: parentId || null,
    role: role as ChatMessage["role"],
    content,
    status: status as MessageStatus,
    createdAtMs: Number(created),
    streamId: streamId || undefined,
    extras: { ...extrasOf(extras), ...(attachments.length > 0 && { attachments }) },
  };
}

function extrasOf(json: string): MessageExtras {
  return JSON.parse(json) as MessageExtras;
}
