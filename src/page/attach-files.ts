// Files as they go with a message: pictures and texts, inside a `data:` address.

import type { Attachment } from "./conversation/message.ts";

/** All files of a message together, in bytes, and their number: what the gateway takes. */
const maxBytes = 12_000_000;
const maxFiles = 10;

export interface Attached {
  readonly attachments: readonly Attachment[];
  /** Sentences about files that cannot go. */
  readonly refusals: readonly string[];
}

/** @param before what is attached already */
export async function attachFiles(files: readonly File[], before: readonly Attachment[]): Promise<Attached> {
  const attachments: Attachment[] = [];
  const refusals: string[] = [];
  let total = before.reduce((sum, attachment) => sum + bytesOf(attachment), 0);
  for (const file of files) {
    if (before.length + attachments.length === maxFiles) {
      refusals.push(`${file.name} is one too many: a message may have ${maxFiles} files`);
      continue;
    }
    if (total + file.size > maxBytes) {
      refusals.push(`${file.name} is too large: the files of a message may have ${maxBytes / 1e6} MB together`);
      continue;
    }
    const type = await typeOf(file);
    if (type === undefined) {
      refusals.push(`${file.name} is neither a picture nor a text`);
      continue;
    }
    total += file.size;
    attachments.push({ name: file.name, type, url: await dataAddress(file, type) });
  }
  return { attachments, refusals };
}

/** Bytes that an attachment holds, as near as its address tells. */
function bytesOf({ url }: Attachment): number {
  return url === undefined ? 0 : Math.floor(url.length * 0.75);
}

/** Browsers guess the type by the name, and take TypeScript for a film: texts are known by what is in them. */
async function typeOf(file: File): Promise<string | undefined> {
  if (file.type.startsWith("image/")) return file.type;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    if (text.includes("\0")) return undefined;
    return file.type.startsWith("text/") ? file.type : "text/plain";
  } catch {
    // Not UTF-8, so no text that the gateway could read.
    return undefined;
  }
}

function dataAddress(file: File, type: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const reader = new FileReader();
  reader.onload = () => resolve(String(reader.result));
  reader.onerror = () => reject(reader.error ?? new Error(`Cannot read ${file.name}`));
  reader.readAsDataURL(new Blob([file], { type }));
  return promise;
}
