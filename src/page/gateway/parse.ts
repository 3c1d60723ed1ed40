// The gateway's JSON made into the page's types. It comes from the same program, so that only what would break the page is
// checked: a field that is missing or of another type counts as empty.

import { cutOf, usageOf } from "../conversation/answer-events.ts";
import {
  type Attachment,
  createMessage,
  type Message,
  type MessageStatus,
  type Source,
} from "../conversation/message.ts";
import type { StoredDocument } from "../documents/document.ts";
import { type Fields, fieldsOf, listOf, numberOf, textOf, textsOf } from "../fields.ts";

export interface SessionSummary {
  readonly sessionId: string;
  readonly title: string;
  readonly updatedAtMs: number;
}

export interface StoredSession {
  readonly sessionId: string;
  readonly title: string;
  /** Parents before their children. */
  readonly messages: readonly Message[];
}

export interface ModelChoice {
  readonly id: string;
  readonly name: string;
}

export function parseSessions(body: unknown): SessionSummary[] {
  return listOf(fieldsOf(body)["data"]).flatMap((fields) => {
    const sessionId = textOf(fields["session_id"]);
    if (sessionId === undefined) return [];
    return [
      {
        sessionId,
        title: textOf(fields["title"]) ?? "",
        updatedAtMs: numberOf(fields["updated_at"]) ?? 0,
      },
    ];
  });
}

export function parseSession(body: unknown): StoredSession {
  const fields = fieldsOf(body);
  return {
    sessionId: textOf(fields["session_id"]) ?? "",
    title: textOf(fields["title"]) ?? "",
    messages: listOf(fields["messages"]).flatMap((message) => parseMessage(message) ?? []),
  };
}

export function parseModels(body: unknown): ModelChoice[] {
  return listOf(fieldsOf(body)["data"]).flatMap((fields) => {
    const id = textOf(fields["id"]);
    return id === undefined ? [] : [{ id, name: textOf(fields["display_name"]) ?? id }];
  });
}

export function parseDocuments(body: unknown): StoredDocument[] {
  return listOf(fieldsOf(body)["data"]).flatMap((fields) => parseDocument(fields) ?? []);
}

export function parseDocumentLimit(body: unknown): number | undefined {
  return numberOf(fieldsOf(body)["max_bytes"]);
}

export function parseDocument(fields: Fields): StoredDocument | undefined {
  const id = textOf(fields["id"]);
  if (id === undefined) return undefined;
  return {
    id,
    name: textOf(fields["name"]) ?? "Document",
    type: textOf(fields["type"]) ?? "",
    bytes: numberOf(fields["bytes"]) ?? 0,
    pieces: numberOf(fields["chunks"]) ?? 0,
    createdAtMs: numberOf(fields["created_at"]) ?? 0,
  };
}

export function parseDocumentText(body: unknown): string {
  return textOf(fieldsOf(body)["text"]) ?? "";
}

export function parseUpstreams(body: unknown): string[] {
  return textsOf(fieldsOf(body)["upstreams"]);
}

export function parseSpeechModel(body: unknown): string | undefined {
  return textOf(fieldsOf(fieldsOf(body)["transcription"])["model"]);
}

export function parseSources(value: unknown): Source[] {
  return listOf(value).map((fields, index) => ({
    id: textOf(fields["chunk_id"]) ?? String(index),
    documentName: textOf(fields["document_name"]) ?? "Document",
    text: textOf(fields["text"]) ?? "",
    score: numberOf(fields["score"]) ?? 0,
    url: webAddressOf(fields["url"]),
  }));
}

/** Only what a browser opens as a page: a link must not run anything. */
function webAddressOf(value: unknown): string | undefined {
  const address = URL.parse(textOf(value) ?? "");
  return address !== null && /^https?:$/.test(address.protocol) ? address.href : undefined;
}

const statuses: Readonly<Record<string, MessageStatus>> = {
  running: "running",
  complete: "complete",
  stopped: "stopped",
  failed: "failed",
};

function parseMessage(fields: Fields): Message | undefined {
  const id = textOf(fields["id"]);
  if (id === undefined) return undefined;
  return createMessage({
    id,
    gatewayId: id,
    parentId: textOf(fields["parent_id"]) ?? null,
    role: fields["role"] === "user" ? "user" : "assistant",
    content: textOf(fields["content"]) ?? "",
    createdAtMs: numberOf(fields["created_at"]) ?? 0,
    status: statuses[textOf(fields["status"]) ?? ""] ?? "complete",
    attachments: parseAttachments(fields["attachments"], id),
    reasoning: textOf(fields["reasoning"]) ?? "",
    stages: textsOf(fields["stages"]),
    sources: parseSources(fields["sources"]),
    qualityScore: numberOf(fields["quality_score"]),
    followUps: textsOf(fields["follow_up_questions"]),
    model: textOf(fields["model"]),
    upstream: textOf(fields["upstream"]),
    error: textOf(fields["error"]),
    cutBy: cutOf(fields["finish_reason"]),
    usage: usageOf(fieldsOf(fields["usage"])),
    streamId: textOf(fields["stream_id"]),
  });
}

function parseAttachments(value: unknown, heldBy: string): Attachment[] {
  return listOf(value).map((fields) => ({
    name: textOf(fields["name"]) ?? "File",
    type: textOf(fields["type"]) ?? "",
    url: undefined,
    heldBy,
  }));
}
