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
    if (before.length + attachments.length >= maxFiles) {
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
    const bytes = new Uint8Array(await file.arrayBuffer());
    const text = new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
    if (text.includes("\0")) return undefined;
    return file.type.startsWith("text/") ? file.type : "text/plain";
  } catch {
    // No text that the gateway could read.
    return undefined;
  }
}

/** By the mark that a text in UTF-16 begins with. */
function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}

function dataAddress(file: File, type: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const reader = new FileReader();
  reader.onload = () => resolve(String(reader.result));
  reader.onerror = () => reject(reader.error ?? new Error(`Cannot read ${file.name}`));
  reader.readAsDataURL(new Blob([file], { type }));
  return promise;
}
