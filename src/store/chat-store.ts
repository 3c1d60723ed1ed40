// What the typed chat remembers: what was said, as a tree, with what belongs to it. Use cases; the driver stands beside.

import type { ChatSource } from "../contract/chat-stream.ts";
import type { FinishReason } from "../contract/events.ts";

/** `running` of a process that was killed stays so: whoever runs replies knows better. */
export type MessageStatus = "running" | "complete" | "stopped" | "failed";

/** A file that came with a message, as its client sent it. */
export interface Attachment {
  readonly name: string;
  /** A `data:` address. */
  readonly url: string;
}

/** Of the address of an attachment, where a whole conversation is read: enough for its type. */
export const addressStartChars = 300;

/** What else belongs to a message. Absent: there was none. */
export interface MessageExtras {
  readonly reasoning?: string;
  readonly stages?: readonly string[];
  readonly sources?: readonly ChatSource[];
  readonly qualityScore?: number;
  readonly followUpQuestions?: readonly string[];
  readonly model?: string;
  readonly upstream?: string;
  /** The sentence that ended it. */
  readonly error?: string;
  /** What cut it off. An answer that came to its own end has none. */
  readonly finishReason?: FinishReason;
  /** Of an answer without a word: the message that it answers was refused for what it holds, and would be again. */
  readonly isRefused?: true;
  readonly usage?: { readonly inputTokens: number; readonly outputTokens: number; readonly totalTokens: number };
  readonly attachments?: readonly Attachment[];
  /** What came before it was said on another surface: only the gateway's own turns know it. */
  readonly continuesElsewhere?: true;
}

export interface ChatMessage {
  readonly id: string;
  /** The message that this one follows; null at the beginning of a conversation. */
  readonly parentId: string | null;
  readonly role: "user" | "assistant";
  readonly content: string;
  readonly status: MessageStatus;
  readonly createdAtMs: number;
  /** Of an answer: the stream that told it. */
  readonly streamId: string | undefined;
  readonly extras: MessageExtras;
}

export interface ChatSession {
  readonly sessionId: string;
  /** The beginning of its first message. */
  readonly title: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly messageCount: number;
}

/** How a message is reached from the beginning of its conversation. All is empty where there is no such session. */
export interface MessagePath {
  /** Oldest first; empty when there is no such message. */
  readonly messages: readonly ChatMessage[];
  /** Of all messages of the session, not of this path. */
  readonly newestId: string | undefined;
  /** As the session's first message has it. */
  readonly continuesElsewhere: boolean;
}

/** An answer that begins, and the message that it answers if that is new. */
export interface BegunTurn {
  readonly sessionId: string;
  /** Of the session, should it be new. */
  readonly title: string;
  /** Undefined: a message that is there already is answered once more. */
  readonly question: ChatMessage | undefined;
  readonly answer: ChatMessage;
}

export interface ChatStore {
  /** Writes both messages, and the session if it is new, in one transaction. */
  beginTurn(caller: string, turn: BegunTurn): Promise<void>;
  /** Writes the answer as it has become. Nothing happens when its session has been deleted meanwhile. */
  endTurn(caller: string, sessionId: string, answer: ChatMessage): Promise<void>;
  /** The same of an answer whose process is gone. Nothing happens when it runs no more: its end was written meanwhile. */
  recoverTurn(caller: string, sessionId: string, answer: ChatMessage): Promise<void>;
  /**
   * Oldest first, in the order in which they were written. Of attachments only the beginnings of their addresses, which
   * tell what they are. Undefined: this caller has no such session.
   */
  findMessages(caller: string, sessionId: string): Promise<readonly ChatMessage[] | undefined>;
  /** A message and those that it follows, whole. @param messageId null: none of them; undefined: the newest */
  findPath(caller: string, sessionId: string, messageId: string | null | undefined): Promise<MessagePath>;
  /** A message by itself, whole. */
  findMessage(caller: string, sessionId: string, messageId: string): Promise<ChatMessage | undefined>;
  /** The streams of a session's answers. */
  listStreams(caller: string, sessionId: string): Promise<readonly string[]>;
  findSession(caller: string, sessionId: string): Promise<ChatSession | undefined>;
  /** Last changed first. */
  listSessions(caller: string, limit: number): Promise<readonly ChatSession[]>;
  /** @returns false when there is none. */
  deleteSession(caller: string, sessionId: string): Promise<boolean>;
  /** Deletes what expired, some sessions at a time. */
  sweep(): Promise<void>;
}
