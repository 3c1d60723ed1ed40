// The messages of a chat on a page, and what happens to a list of them. Pure: React and the network are elsewhere.

import type { Source, StreamMetadata } from "./events.ts";

export type ChatMessageStatus = "running" | "complete" | "stopped" | "failed";

export interface ChatMessage {
  /** Of the page: it stays, whatever the server says. */
  readonly id: string;
  /** How the server calls it, as soon as it has told. */
  readonly serverId?: string;
  readonly role: "user" | "assistant";
  readonly content: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly status: ChatMessageStatus;
  /** In the order in which they began. */
  readonly stages: readonly string[];
  readonly sources: readonly Source[];
  /** 0 to 1. */
  readonly qualityScore?: number;
  readonly followUps: readonly string[];
  readonly reasoning: string;
  /** What went wrong, as it may be shown. */
  readonly error?: string;
  /** What the stream said of the answer: the model, its tokens. */
  readonly metadata?: StreamMetadata;
  /** What went along with a message of the user, such as `attachments`. */
  readonly extras?: Readonly<Record<string, unknown>>;
}

/** What of a message comes from the stream. */
const emptyAnswer = {
  content: "",
  stages: [],
  sources: [],
  followUps: [],
  reasoning: "",
} as const satisfies Partial<ChatMessage>;

export function createUserMessage(content: string, extras?: Readonly<Record<string, unknown>>): ChatMessage {
  const message = {
    ...emptyAnswer,
    id: createId(),
    role: "user",
    content,
    timestamp: Date.now(),
    status: "complete",
  } as const;
  return extras === undefined ? message : { ...message, extras };
}

/** It is filled by tokens. */
export function createAssistantMessage(): ChatMessage {
  return { ...emptyAnswer, id: createId(), role: "assistant", timestamp: Date.now(), status: "running" };
}

export function changeMessage(
  messages: readonly ChatMessage[],
  id: string,
  change: (message: ChatMessage) => Partial<ChatMessage>,
): readonly ChatMessage[] {
  return messages.map((message) => (message.id === id ? { ...message, ...change(message) } : message));
}

/** The message as it was before the stream said anything: the stream tells all once more. */
export function clearAnswer({ qualityScore, error, ...message }: ChatMessage): ChatMessage {
  return { ...message, ...emptyAnswer, status: "running" };
}

/** Index of the message of the user that this message is, or answers; without an id the last one. -1: none. */
export function findQuestion(messages: readonly ChatMessage[], id?: string): number {
  const last = id === undefined ? messages.length - 1 : messages.findIndex((message) => message.id === id);
  return messages.slice(0, last + 1).findLastIndex(({ role }) => role === "user");
}

/** `crypto.randomUUID` is not there on pages without TLS. */
function createId(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}
