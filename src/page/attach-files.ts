// Files as they go with a message: pictures and texts, inside a `data:` address.

import type { Attachment } from "./conversation/message.ts";

/** All files of a message together, in bytes: as `data:` addresses they still fit into a request. */
const maxBytes = 15_000_000;

export interface Attached {
  readonly attachments: readonly Attachment[];
  /** Sentences about files that cannot go. */
  readonly refusals: readonly string[];
}

/** @param taken bytes that are attached already */
export async function attachFiles(files: readonly File[], taken: number): Promise<Attached> {
  const attachments: Attachment[] = [];
  const refusals: string[] = [];
  let total = taken;
  for (const file of files) {
    total += file.size;
    const type = total > maxBytes ? undefined : await typeOf(file);
    if (total > maxBytes) {
      refusals.push(`${file.name} is too large: the files of a message may have 15 MB together`);
      total -= file.size;
    } else if (type === undefined) {
      refusals.push(`${file.name} is neither a picture nor a text`);
      total -= file.size;
    } else attachments.push({ name: file.name, type, url: await dataAddress(file, type) });
  }
  return { attachments, refusals };
}

/** Bytes that an attachment holds, as near as its address tells. */
export function bytesOf({ url }: Attachment): number {
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
