// What a server of this protocol cannot be given as its client wrote it: addresses that it does not fetch, documents that
// it has no part for. They are fetched and read here; all else goes on untouched.

import { dataUrlOf } from "../../../attachments/data-url.ts";
import type { AttachedPart, AttachmentLoader } from "../../../attachments/load-attachment.ts";
import type { ChatRequest, ContentPart, Message } from "../../../contract/chat-request.ts";
import type { Dialect, RequestRules } from "../dialect.ts";

/** Undefined: nothing in it has to be read, as in nearly every request. */
export function readableRequest(
  request: ChatRequest,
  { request: rules }: Dialect,
  attachments: AttachmentLoader | undefined,
  signal: AbortSignal,
): Promise<ChatRequest> | undefined {
  if (attachments === undefined) return undefined;
  const mustRead = (part: ContentPart): part is AttachedPart => part.type !== "text" && isUnreadable(part, rules);
  if (!request.messages.some(({ content }) => content.some(mustRead))) return undefined;
  const read = (part: ContentPart): Promise<ContentPart> | ContentPart =>
    mustRead(part) ? readPart(part, rules, attachments, signal) : part;
  return Promise.all(
    request.messages.map(async (message): Promise<Message> => ({
      ...message,
      content: await Promise.all(message.content.map(read)),
    })),
  ).then((messages) => ({ ...request, messages }));
}

/** A file is never passed on as an address: this protocol's own holds its data. */
function isUnreadable(part: AttachedPart, { imageUrls, files }: RequestRules): boolean {
  switch (part.type) {
    case "image":
      return imageUrls === "data-only" && isRemote(part.url);
    case "file":
      return files === "text" || isRemote(part.url);
    case "media":
      return false;
    default:
      return part satisfies never;
  }
}

async function readPart(
  part: AttachedPart,
  { files }: RequestRules,
  attachments: AttachmentLoader,
  signal: AbortSignal,
): Promise<ContentPart> {
  const attachment = await attachments.load(part, signal);
  const url = dataUrlOf(attachment.mediaType, attachment.bytes);
  if (part.type === "image" || attachment.kind === "image") return { type: "image", url };
  if (files === "text") return { type: "text", text: await attachments.readText(part, signal) };
  return { type: "file", name: attachment.name, url };
}

function isRemote(url: string): boolean {
  return /^https?:/i.test(url.slice(0, 6));
}
