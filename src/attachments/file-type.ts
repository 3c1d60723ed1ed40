// What a file is, by its first bytes: what its sender says of it is not believed.

import { isUtf8 } from "node:buffer";

export type FileKind = "image" | "audio" | "video" | "document";

export interface FileType {
  readonly kind: FileKind;
  readonly mediaType: string;
  /** Without a dot. */
  readonly ending: string;
}

interface Signature extends FileType {
  readonly at: number;
  readonly bytes: readonly number[];
  /** What else has to stand there. */
  readonly also?: readonly [at: number, text: string];
}

const ascii = (text: string): readonly number[] => [...Buffer.from(text, "latin1")];

/** The first that fits. @see https://en.wikipedia.org/wiki/List_of_file_signatures */
const signatures: readonly Signature[] = [
  { kind: "image", mediaType: "image/png", ending: "png", at: 0, bytes: [0x89, ...ascii("PNG\r\n"), 0x1a, 0x0a] },
  { kind: "image", mediaType: "image/jpeg", ending: "jpg", at: 0, bytes: [0xff, 0xd8, 0xff] },
  { kind: "image", mediaType: "image/gif", ending: "gif", at: 0, bytes: ascii("GIF8") },
  { kind: "image", mediaType: "image/webp", ending: "webp", at: 0, bytes: ascii("RIFF"), also: [8, "WEBP"] },
  { kind: "image", mediaType: "image/bmp", ending: "bmp", at: 0, bytes: ascii("BM"), also: [6, "\0\0\0\0"] },
  { kind: "document", mediaType: "application/pdf", ending: "pdf", at: 0, bytes: ascii("%PDF-") },
  { kind: "audio", mediaType: "audio/wav", ending: "wav", at: 0, bytes: ascii("RIFF"), also: [8, "WAVE"] },
  { kind: "audio", mediaType: "audio/mpeg", ending: "mp3", at: 0, bytes: ascii("ID3") },
  { kind: "audio", mediaType: "audio/flac", ending: "flac", at: 0, bytes: ascii("fLaC") },
  { kind: "audio", mediaType: "audio/ogg", ending: "ogg", at: 0, bytes: ascii("OggS") },
  { kind: "audio", mediaType: "audio/mp4", ending: "m4a", at: 4, bytes: ascii("ftypM4A") },
  { kind: "video", mediaType: "video/quicktime", ending: "mov", at: 4, bytes: ascii("ftypqt") },
  { kind: "video", mediaType: "video/mp4", ending: "mp4", at: 4, bytes: ascii("ftypisom") },
  { kind: "video", mediaType: "video/mp4", ending: "mp4", at: 4, bytes: ascii("ftypmp4") },
  { kind: "video", mediaType: "video/mp4", ending: "mp4", at: 4, bytes: ascii("ftypavc1") },
  { kind: "video", mediaType: "video/webm", ending: "webm", at: 0, bytes: [0x1a, 0x45, 0xdf, 0xa3] },
];

const office = "application/vnd.openxmlformats-officedocument";
/** Archives by what their name says: their first bytes are all the same. */
const archives: Readonly<Record<string, string>> = {
  docx: `${office}.wordprocessingml.document`,
  xlsx: `${office}.spreadsheetml.sheet`,
  pptx: `${office}.presentationml.presentation`,
  epub: "application/epub+zip",
};

/** Texts that have a name of their own. */
const textTypes: Readonly<Record<string, string>> = {
  md: "text/markdown",
  markdown: "text/markdown",
  html: "text/html",
  htm: "text/html",
  csv: "text/csv",
  json: "application/json",
  xml: "application/xml",
};

/** @returns undefined for bytes that are nothing of what may be sent */
export function fileTypeOf(bytes: Uint8Array, name: string | undefined): FileType | undefined {
  const known = signatures.find((signature) => fits(bytes, signature));
  if (known !== undefined) return { kind: known.kind, mediaType: known.mediaType, ending: known.ending };
  const ending = endingOf(name);
  if (startsWith(bytes, 0, [0x50, 0x4b, 0x03, 0x04])) {
    const mediaType = archives[ending];
    return mediaType === undefined ? undefined : { kind: "document", mediaType, ending };
  }
  if (isMpegFrame(bytes)) return { kind: "audio", mediaType: "audio/mpeg", ending: "mp3" };
  if (!isText(bytes)) return undefined;
  return { kind: "document", mediaType: textTypes[ending] ?? "text/plain", ending: ending === "" ? "txt" : ending };
}

/** In lower case; "" where there is none. */
function endingOf(name: string | undefined): string {
  return /\.(\w{1,8})$/.exec(name ?? "")?.[1]?.toLowerCase() ?? "";
}

function fits(bytes: Uint8Array, { at, bytes: expected, also }: Signature): boolean {
  return startsWith(bytes, at, expected) && (also === undefined || startsWith(bytes, also[0], ascii(also[1])));
}

function startsWith(bytes: Uint8Array, at: number, expected: readonly number[]): boolean {
  return expected.every((byte, index) => bytes[at + index] === byte);
}

/** Of layer III, without a tag in front. */
function isMpegFrame(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes;
  return first === 0xff && (second & 0xf6) === 0xf2;
}

function isText(bytes: Uint8Array): boolean {
  return bytes.length > 0 && !bytes.includes(0) && isUtf8(bytes);
}
