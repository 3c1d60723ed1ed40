// A file to its text: which kind it is, and what of it is worth searching. The text comes with line feeds, well formed, and
// without white space around it.

import { GatewayError } from "../contract/gateway-error.ts";
import { decodeText } from "./decode-text.ts";
import { type DocumentFile, fieldOf } from "./document-file.ts";
import { cleanMarkdown } from "./markdown-text.ts";
import { unreadable } from "./read-error.ts";

export interface ReadFile {
  readonly name: string;
  readonly type: DocumentType;
  readonly text: string;
  /** Of the file as it came. */
  readonly bytes: number;
}

export type DocumentType = "text/plain" | "text/markdown" | "text/html" | "application/pdf";

const typeByName: Readonly<Record<string, DocumentType>> = {
  "text/plain": "text/plain",
  "text/markdown": "text/markdown",
  "text/x-markdown": "text/markdown",
  "text/html": "text/html",
  "application/xhtml+xml": "text/html",
  "application/pdf": "application/pdf",
  "application/x-pdf": "application/pdf",
};

const typeByEnding: Readonly<Record<string, DocumentType>> = {
  txt: "text/plain",
  text: "text/plain",
  md: "text/markdown",
  markdown: "text/markdown",
  htm: "text/html",
  html: "text/html",
  xhtml: "text/html",
  pdf: "application/pdf",
};

const maxNameChars = 200;

/** @throws {GatewayError} `invalid-request`, `too-large`, with the field named; or the reason of the signal. */
export async function readFile(file: DocumentFile, maxBytes: number, signal: AbortSignal): Promise<ReadFile> {
  const type = typeOf(file);
  const bytes = "bytes" in file ? file.bytes.byteLength : Buffer.byteLength(file.text);
  checkSize(bytes, maxBytes, file);
  const text = tidy(await textOf(file, type, maxBytes, signal));
  // A small file may hold a long text, compressed.
  checkSize(Buffer.byteLength(text), maxBytes, file);
  if (!/[\p{L}\p{N}]/u.test(text)) throw unreadable(file, emptyReason(type));
  return { name: cleanName(file.name), type, text, bytes };
}

async function textOf(file: DocumentFile, type: DocumentType, maxBytes: number, signal: AbortSignal): Promise<string> {
  if (type === "application/pdf") {
    if ("text" in file) throw wrongType(file);
    const { readPdf } = await import("./pdf-process.ts");
    return readPdf(file, maxBytes, signal);
  }
  const text = "text" in file ? file.text : decodeText(file);
  if (text.includes("\0")) throw unreadable(file, "is not text: it has zero bytes");
  if (type === "text/plain") return text;
  if (type === "text/markdown") return cleanMarkdown(text, signal);
  const { readHtml } = await import("./html-text.ts");
  return readHtml(file, text, signal);
}

/** Browsers do not know the types of some files, and say nothing or that they are bytes. */
function typeOf(file: DocumentFile): DocumentType {
  const said = file.type.split(";")[0]?.trim().toLowerCase() ?? "";
  const known = typeByName[said];
  if (known !== undefined) return known;
  if (said !== "" && said !== "application/octet-stream") throw wrongType(file);
  const ending = /\.(\w{1,8})$/.exec(file.name)?.[1]?.toLowerCase() ?? "";
  const guessed = typeByEnding[ending] ?? ("text" in file ? "text/plain" : undefined);
  if (guessed === undefined) throw wrongType(file);
  return guessed;
}

function wrongType(file: DocumentFile): GatewayError {
  if ("text" in file) {
    return new GatewayError(
      "invalid-request",
      "Cannot import this document: type must be text/plain, text/markdown or text/html; a PDF is sent as a file of a form",
      { param: "type" },
    );
  }
  return unreadable(
    file,
    "must be plain text, Markdown, HTML or PDF, and its type or the ending of its name must say so",
  );
}

function checkSize(bytes: number, maxBytes: number, file: DocumentFile): void {
  if (bytes <= maxBytes) return;
  throw new GatewayError("too-large", `Cannot keep a document of more than ${maxBytes} bytes: split it`, {
    param: fieldOf(file),
  });
}

function emptyReason(type: DocumentType): string {
  return type === "application/pdf"
    ? "has no text: if its pages are pictures, let a program recognise their letters first"
    : "has no words in it";
}

function tidy(text: string): string {
  const lines = /[\r\f]/.test(text) ? text.replaceAll(/\r\n?/g, "\n").replaceAll("\f", "\n\n") : text;
  return lines.trim().toWellFormed();
}

/** Without the folders of whoever sent it, and on one line. */
function cleanName(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? "";
  const clean = last
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim()
    .slice(0, maxNameChars)
    .toWellFormed();
  return clean === "" ? "document" : clean;
}
