// Files that messages name by their ids: what they hold is put in their place before anything else looks at them.

import type { ChatRequest, ContentPart, Message } from "../contract/chat-request.ts";
import { briefOf } from "../contract/excerpt.ts";
import { fileIdIn } from "../contract/file-reference.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { GrownSums } from "../conversation/grown-lists.ts";

export interface NamedFile {
  readonly name: string;
  /** A `data:` URL. */
  readonly url: string;
}

/** Undefined: this caller has no such file. */
export type FindFile = (caller: string, id: string) => Promise<NamedFile | undefined>;

/** Of nearly every request: none, and nothing is made. */
export function hasFileReferences({ messages }: ChatRequest): boolean {
  return references.until(messages, messages.length) > 0;
}

const references = new GrownSums((messages: readonly Message[]) => messages.map(countReferences));

function countReferences({ content }: Message): number {
  let count = 0;
  for (const part of content) if (referenceIn(part) !== undefined) count++;
  return count;
}

/**
 * A file that was shown before the newest answer and is not kept any more is told in words: the conversation goes on.
 * @throws {GatewayError} `invalid-request` that names the field of a newer one
 */
export async function withFiles(
  request: ChatRequest,
  caller: string,
  find: FindFile | undefined,
): Promise<ChatRequest> {
  const found = new Map<string, NamedFile | undefined>();
  const newestAnswer = request.messages.findLastIndex(({ role }) => role === "assistant");
  for (const [index, { content }] of request.messages.entries()) {
    for (const part of content) {
      const id = referenceIn(part);
      if (id === undefined) continue;
      if (!found.has(id)) found.set(id, await find?.(caller, id));
      if (found.get(id) === undefined && index > newestAnswer) throw notKept(part, id);
    }
  }
  const messages = request.messages.map((message): Message => {
    if (message.content.every((part) => referenceIn(part) === undefined)) return message;
    return { ...message, content: message.content.map((part) => resolved(part, found)) };
  });
  return { ...request, messages };
}

function referenceIn(part: ContentPart): string | undefined {
  return part.type === "image" || part.type === "file" ? fileIdIn(part.url) : undefined;
}

function resolved(part: ContentPart, found: ReadonlyMap<string, NamedFile | undefined>): ContentPart {
  const id = referenceIn(part);
  if (id === undefined) return part;
  const file = found.get(id);
  if (file === undefined) return { type: "text", text: part.type === "image" ? lostPicture : lostFile };
  if (part.type === "file") return { ...part, name: part.name ?? file.name, url: file.url };
  return part.type === "image" ? { ...part, url: file.url } : part;
}

const lostPicture = "(A picture stood here. It is not attached any more.)";
const lostFile = "(A file stood here. It is not attached any more.)";

function notKept(part: ContentPart, id: string): GatewayError {
  const field = "field" in part ? part.field : undefined;
  return new GatewayError(
    "invalid-request",
    `Cannot use ${field ?? "a file"}: no file "${briefOf(id, 80)}" is kept here`,
    {
      ...(field === undefined ? {} : { param: field }),
    },
  );
}
