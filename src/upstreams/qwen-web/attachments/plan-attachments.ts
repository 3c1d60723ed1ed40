// Which attachments of the messages that a chat has not seen travel with its next message, under which names, and what
// stands in their places. Pure.

import type { AttachedPart, Attachment } from "../../../attachments/load-attachment.ts";
import type { ChatRequest, ContentPart, Message } from "../../../contract/chat-request.ts";
import { GatewayError } from "../../../contract/gateway-error.ts";
import type { Unseen } from "../message/compose-message.ts";
import { upstreamName } from "../errors.ts";

/** An attachment of a message, oldest first. */
export interface Place {
  readonly part: AttachedPart;
  readonly messageIndex: number;
}

export interface NamedAttachment extends Attachment {
  readonly name: string;
  /** Of its content. */
  readonly hash: string;
}

/** As the web client has it (2026-08). */
export const maxFiles = 5;

function isUnseen({ role }: Message, index: number, unseen: Unseen): boolean {
  return role === "system" ? unseen.unseenSystem.includes(index) : index >= unseen.unseenFrom;
}

/** Asked of every turn: looks at nothing but what is new. */
export function hasAttachments({ messages }: ChatRequest, { unseenFrom, unseenSystem }: Unseen): boolean {
  for (const index of unseenSystem) if (showsSomething(messages[index])) return true;
  for (let index = unseenFrom; index < messages.length; index++) {
    const message = messages[index];
    if (message?.role !== "system" && showsSomething(message)) return true;
  }
  return false;
}

function showsSomething(message: Message | undefined): boolean {
  if (message === undefined) return false;
  for (const part of message.content) if (part.type !== "text") return true;
  return false;
}

export function findPlaces({ messages }: ChatRequest, unseen: Unseen): readonly Place[] {
  return messages.flatMap((message, messageIndex) => {
    if (!isUnseen(message, messageIndex, unseen)) return [];
    return message.content.flatMap((part) => (part.type === "text" ? [] : [{ part, messageIndex }]));
  });
}

/** What was said last by somebody else than the model: its attachments must come, those of earlier messages should. */
export function newestIndex({ messages }: ChatRequest): number {
  return messages.findLastIndex(({ role }) => role !== "system");
}

/**
 * The newest, as many as fit.
 * @throws {GatewayError} `invalid-request` when the newest message alone has more
 */
export function choosePlaces(request: ChatRequest, places: readonly Place[], most: number): readonly Place[] {
  const newest = newestIndex(request);
  const chosen: Place[] = [];
  const addresses = new Set<unknown>();
  for (const place of places.toReversed()) {
    const address = place.part.type === "media" ? place.part : place.part.url;
    if (addresses.size >= most && !addresses.has(address)) continue;
    addresses.add(address);
    chosen.push(place);
  }
  const missing = places.find(({ part, messageIndex }) => {
    const isAsked = messageIndex === newest && request.messages[messageIndex]?.role === "user";
    return isAsked && !chosen.some((place) => place.part === part);
  });
  if (missing !== undefined) throw tooMany(missing.part, most);
  return chosen.reverse();
}

function tooMany({ field }: AttachedPart, most: number): GatewayError {
  return new GatewayError("invalid-request", `Cannot send more than ${most} files with one message to Qwen`, {
    upstream: upstreamName,
    ...(field === undefined ? {} : { param: field }),
  });
}

/** Two files of one message never have one name, unless they are the same. */
export function nameAttachments(loaded: readonly (Attachment & { readonly hash: string })[]): NamedAttachment[] {
  const byName = new Map<string, string>();
  const byHash = new Map<string, string>();
  const counts = new Map<string, number>();
  return loaded.map((attachment) => {
    const { kind, ending, hash } = attachment;
    const known = byHash.get(hash);
    if (known !== undefined) return { ...attachment, name: known };
    const stem = attachment.name?.replace(/\.\w{1,8}$/, "");
    let name = attachment.name === undefined || stem === undefined ? "" : withEnding(attachment.name, ending);
    while (name === "" || byName.has(name)) {
      const base = stem ?? kind;
      const count = (counts.get(base) ?? (stem === undefined ? 0 : 1)) + 1;
      counts.set(base, count);
      name = `${base}-${count}.${ending}`;
    }
    byName.set(name, hash);
    byHash.set(hash, name);
    return { ...attachment, name };
  });
}

/** Qwen goes by it. */
function withEnding(name: string, ending: string): string {
  return /\.\w{1,8}$/.test(name) ? name : `${name}.${ending}`;
}

/** The request with words where the attachments stood. */
export function withNotes(
  request: ChatRequest,
  places: readonly Place[],
  names: ReadonlyMap<AttachedPart, string>,
): ChatRequest {
  const newest = newestIndex(request);
  const isLone = places.every(({ messageIndex }) => messageIndex === newest);
  const touched = new Set(places.map(({ messageIndex }) => messageIndex));
  const messages = request.messages.map((message, index): Message => {
    if (!touched.has(index)) return message;
    // Whose the files of the only message are needs no words: it travels as it is.
    const isPlain = isLone && message.role === "user";
    const content = message.content.flatMap((part): ContentPart[] => {
      if (part.type === "text") return [part];
      const name = names.get(part);
      if (name === undefined) return [message.role === "tool" ? part : { type: "text", text: missingNote(part) }];
      return isPlain ? [] : [{ type: "text", text: `(Attached here: ${name})` }];
    });
    return { ...message, content };
  });
  return { ...request, messages };
}

function missingNote({ type }: AttachedPart): string {
  return type === "image"
    ? "(A picture stood here. It is not attached any more.)"
    : "(A file stood here. It is not attached any more.)";
}
