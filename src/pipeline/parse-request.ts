// The body of a typed chat request, checked: docs/protocol-typed-chat.md has its fields.

import { Type } from "typebox";
import type { ContentPart } from "../contract/chat-request.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { orderedId } from "../contract/random-id.ts";
import { sessionHints } from "../conversation/session-hints.ts";
import type { Attachment } from "../store/chat-store.ts";
import { createBodyCheck, invalid, optional, withoutNulls } from "../surfaces/check-body.ts";
import { checkText, textOf } from "./attachment-text.ts";
import type { ChatOptions } from "./step.ts";

export interface TypedChatRequest {
  /** "" when an earlier message is answered once more. */
  readonly message: string;
  readonly sessionId: string;
  /** The client named it. */
  readonly isNamed: boolean;
  readonly model: string | undefined;
  readonly upstream: string | undefined;
  /** Undefined: behind the newest message. Null: at the beginning. */
  readonly parentId: string | null | undefined;
  readonly retryOf: string | undefined;
  /** True: all of the caller's. */
  readonly documents: boolean | readonly string[];
  readonly attachments: readonly Attachment[];
  /** A message of this session whose attachments come along. */
  readonly attachmentsOf: string | undefined;
  readonly isResumable: boolean;
  readonly options: ChatOptions;
  /** Names of the steps to run. Undefined: all. */
  readonly steps: readonly string[] | undefined;
}

/** Of one message, in UTF-16 units. */
const maxMessageChars = 200_000;
const maxAttachments = 10;
/** Of all attachments of a message as they are sent, in characters of their addresses. */
const maxAttachmentChars = 16 * 1024 * 1024;

const id = Type.String({ minLength: 1, maxLength: 200 });
export const typedChatBody = Type.Object({
  message: optional(Type.String({ maxLength: maxMessageChars })),
  session_id: optional(Type.String()),
  model: optional(Type.String({ minLength: 1, maxLength: 200 })),
  upstream: optional(id),
  parent_id: optional(id),
  retry_of: optional(id),
  documents: optional(Type.Union([Type.Boolean(), Type.Array(id, { maxItems: 1000 })])),
  attachments: optional(
    Type.Array(Type.Object({ name: Type.String({ minLength: 1, maxLength: 300 }), url: Type.String() }), {
      maxItems: maxAttachments,
    }),
  ),
  attachments_of: optional(id),
  resumable: optional(Type.Boolean()),
  options: optional(
    Type.Object({
      reasoning: optional(Type.Boolean()),
      web_search: optional(Type.Boolean()),
      analysis: optional(Type.Boolean()),
      quality: optional(Type.Boolean()),
      follow_ups: optional(Type.Boolean()),
      max_tokens: optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
      temperature: optional(Type.Number({ minimum: 0, maximum: 2 })),
      steps: optional(Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 50 })),
    }),
  ),
});
const check = createBodyCheck(typedChatBody);

/**
 * @param headers may name the session
 * @throws {GatewayError} `invalid-request` that names the field
 */
export function parseTypedChatRequest(body: unknown, headers: Headers): TypedChatRequest {
  const checked = check(body);
  // Its null means something.
  const { parent_id: parentId } = checked;
  const parsed = withoutNulls(checked);
  const { message, retry_of: retryOf, attachments = [] } = parsed;
  const attachmentsOf = parsed.attachments_of;
  if (retryOf === undefined && (message === undefined || message.trim() === "")) {
    throw invalid(
      "message",
      `Invalid request: "message" ${message === undefined ? "is missing" : "must not be empty"}`,
    );
  }
  const hasOwn = [message, parentId, attachmentsOf, attachments[0]].some((field) => field !== undefined);
  if (retryOf !== undefined && hasOwn) {
    throw invalid("retry_of", 'Invalid request: "retry_of" stands alone, without a message of its own');
  }
  const named = sessionHints(
    headers,
    parsed.session_id === undefined ? {} : { sessionId: parsed.session_id },
  ).sessionId;
  const { steps, ...chosen } = withoutNulls(parsed.options ?? {});
  return {
    message: message ?? "",
    sessionId: named ?? orderedId(),
    isNamed: named !== undefined,
    model: parsed.model,
    upstream: parsed.upstream ?? headers.get("x-upstream") ?? undefined,
    parentId,
    retryOf,
    documents: parsed.documents ?? true,
    attachments: checkAttachments(attachments),
    attachmentsOf,
    isResumable: parsed.resumable ?? false,
    options: chosen,
    steps,
  };
}

function checkAttachments(attachments: readonly Attachment[]): readonly Attachment[] {
  for (const [index, { url }] of attachments.entries()) {
    if (!dataAddress.test(url.slice(0, 300))) {
      throw invalid(
        `attachments[${index}].url`,
        `Invalid request: "attachments[${index}].url" must be a data: address in base64`,
      );
    }
  }
  checkSize(attachments);
  for (const [index, attachment] of attachments.entries()) {
    if (textType.test(typeOf(attachment))) checkText(attachment, `attachments[${index}].url`);
  }
  return attachments;
}

/**
 * The attachments of a message that brings those of an earlier one along, these first.
 * @throws {GatewayError} `invalid-request`, `too-large`: together they are too many, or too large
 */
export function joinAttachments(earlier: readonly Attachment[], own: readonly Attachment[]): readonly Attachment[] {
  if (earlier.length + own.length > maxAttachments) {
    throw invalid(
      "attachments",
      `Invalid request: "attachments" and those of "attachments_of" must be ${maxAttachments} together at most`,
    );
  }
  return checkSize([...earlier, ...own]);
}

function checkSize(attachments: readonly Attachment[]): readonly Attachment[] {
  const chars = attachments.reduce((sum, { url }) => sum + url.length, 0);
  if (chars <= maxAttachmentChars) return attachments;
  throw new GatewayError("too-large", "Cannot take the attachments: together they are larger than 12 MB", {
    param: "attachments",
  });
}

const dataAddress = /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w.=-]+)*;base64,/i;
const textType = /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|javascript|typescript|toml|sql))/i;

/** The MIME type that an attachment tells of itself. */
export function typeOf({ url }: Attachment): string {
  return dataAddress.exec(url.slice(0, 300))?.[1]?.toLowerCase() ?? "application/octet-stream";
}

/** A message with its attachments as the model gets them: texts become part of it, images and the rest stay files. */
export function contentOf(message: string, attachments: readonly Attachment[]): ContentPart[] {
  const parts: ContentPart[] = message === "" ? [] : [{ type: "text", text: message }];
  for (const [index, attachment] of attachments.entries()) {
    const type = typeOf(attachment);
    const { name, url } = attachment;
    const field = `attachments[${index}].url`;
    if (type.startsWith("image/")) parts.push({ type: "image", url, field });
    else if (textType.test(type)) parts.push({ type: "text", text: describeText(attachment) });
    else parts.push({ type: "file", name, url, field });
  }
  return parts;
}

function describeText(attachment: Attachment): string {
  const text = textOf(attachment);
  const fence = fenceFor(text);
  return `File ${JSON.stringify(attachment.name)}:\n${fence}\n${text}\n${fence}`;
}

/** Longer than any in the text, which would end it. */
function fenceFor(text: string): string {
  const longest = text.match(/`{3,}/g)?.reduce((most, { length }) => Math.max(most, length), 0) ?? 2;
  return "`".repeat(longest + 1);
}
