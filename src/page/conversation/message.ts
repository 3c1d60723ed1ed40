// A message as the page holds it: what the gateway stored of it, and what only this page knows while it grows.

export type MessageStatus = "sending" | "running" | "complete" | "stopped" | "failed";

export type Cut = "length" | "content_filter";

/** A piece of a document that the answer leans on, or a page on the web. */
export interface Source {
  readonly id: string;
  readonly documentName: string;
  readonly text: string;
  /** 0 to 1. */
  readonly score: number;
  /** Of a page on the web; http or https. */
  readonly url: string | undefined;
}

export interface Usage {
  readonly promptTokens: number | undefined;
  readonly completionTokens: number | undefined;
}

export interface Attachment {
  readonly name: string;
  /** MIME type. */
  readonly type: string;
  /** A `data:` address; the gateway does not give it back. */
  readonly url: string | undefined;
  /** The message that the gateway has it by, as its id there: so it can be sent along once more. */
  readonly heldBy?: string;
}

export interface Message {
  /** The page's own: it stays the same when the gateway has told its id, so that nothing is drawn anew. */
  readonly id: string;
  /** Undefined until the gateway has told it: what never arrived there has none. */
  readonly gatewayId: string | undefined;
  /** `id` of the message that this one follows; `null` at the beginning. */
  readonly parentId: string | null;
  readonly role: "user" | "assistant";
  readonly content: string;
  readonly createdAtMs: number;
  readonly status: MessageStatus;
  readonly attachments: readonly Attachment[];
  readonly reasoning: string;
  readonly stages: readonly string[];
  readonly sources: readonly Source[];
  readonly qualityScore: number | undefined;
  readonly followUps: readonly string[];
  readonly model: string | undefined;
  readonly upstream: string | undefined;
  /** What happened and what to do, for a person. */
  readonly error: string | undefined;
  /** It is over, and not by itself. */
  readonly cutBy: Cut | undefined;
  readonly usage: Usage | undefined;
  readonly streamId: string | undefined;
  /** A connection that broke off in the middle of the answer, and whether it came back. */
  readonly connection: "lost" | "resumed" | undefined;
}

const empty = {
  gatewayId: undefined,
  content: "",
  attachments: [],
  reasoning: "",
  stages: [],
  sources: [],
  qualityScore: undefined,
  followUps: [],
  model: undefined,
  upstream: undefined,
  error: undefined,
  cutBy: undefined,
  usage: undefined,
  streamId: undefined,
  connection: undefined,
} as const;

/** A message with the fields that matter; the others are empty. */
export function createMessage(
  fields: Pick<Message, "id" | "parentId" | "role" | "createdAtMs" | "status"> & Partial<Message>,
): Message {
  return { ...empty, ...fields };
}

/** Its connection was lost before its end, and the gateway may have the rest of it. */
export function canResume({ status, connection, streamId }: Message): boolean {
  return status === "failed" && connection === "lost" && streamId !== undefined;
}

export function isUnderway({ status }: Pick<Message, "status">): boolean {
  return status === "sending" || status === "running";
}
