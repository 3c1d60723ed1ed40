// Bytes to text: UTF-8, what a byte order mark says, or the charset that came with the type. Never a guess: half of them
// are wrong, and nobody sees it.

import type { DocumentFile } from "./document-file.ts";
import { unreadable } from "./read-error.ts";

type ByteFile = Extract<DocumentFile, { readonly bytes: Uint8Array }>;

/** @throws {GatewayError} `invalid-request` for bytes that are no text in their encoding. */
export function decodeText(file: ByteFile): string {
  const encoding = encodingOf(file.bytes, file.type);
  if (encoding === undefined)
    throw unreadable(file, "names a charset in its type that is unknown here; save it as UTF-8");
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(file.bytes);
  } catch (cause) {
    const advice = encoding === "utf-8" ? "; save it as UTF-8, or name its charset in its type" : "";
    throw unreadable(file, `is not text in ${encoding}${advice}`, cause);
  }
}

/** @returns undefined for a charset that is unknown here */
export function encodingOf(bytes: Uint8Array, type: string): Bun.Encoding | undefined {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  const charset = /;\s*charset\s*=\s*"?([\w.:-]{1,40})/i.exec(type)?.[1]?.toLowerCase();
  if (charset === undefined) return "utf-8";
  return isKnown(charset) ? charset : undefined;
}

function isKnown(charset: string): charset is Bun.Encoding {
  try {
    // The type lists the encodings that there are, and this asks whether it is one.
    return new TextDecoder(charset as Bun.Encoding).encoding !== "";
  } catch {
    // That is how it says no.
    return false;
  }
}
