// PDF to text, page by page. A page is read in one go, however long that takes; between two of them others have their turn.

import { getDocumentProxy, getResolvedPDFJS } from "unpdf";
import { othersFirst } from "./breath.ts";
import type { DocumentFile } from "./document-file.ts";
import { isPdfBomb } from "./pdf-bomb.ts";
import { unreadable } from "./read-error.ts";

type ByteFile = Extract<DocumentFile, { readonly bytes: Uint8Array }>;

/** @throws {GatewayError} `invalid-request` for what is encrypted or damaged; or the reason of the signal. */
export async function readPdf(file: ByteFile, maxBytes: number, signal: AbortSignal): Promise<string> {
  if (await isPdfBomb(file.bytes, signal)) throw unreadable(file, "is a PDF that unfolds to far more than it should");
  signal.throwIfAborted();
  process.on("unhandledRejection", onRejection);
  try {
    return await readPages(file, maxBytes, signal);
  } finally {
    await othersFirst();
    process.removeListener("unhandledRejection", onRejection);
  }
}

/** What the parser throws at itself. Of damaged files it forgets promises that fail so, and reads on another way. */
const parserErrors: ReadonlySet<string> = new Set([
  "FormatError",
  "JpegError",
  "JpxError",
  "Jbig2Error",
  "MissingDataException",
  "ParserEOFException",
  "UnknownErrorException",
  "XRefEntryException",
  "XRefParseException",
]);

/** Without it such a file ends a process in which nobody else listens. Everything else is as it would be without it. */
function onRejection(reason: unknown): void {
  if (reason instanceof Error && parserErrors.has(reason.name)) return;
  if (process.listeners("unhandledRejection").every((listener) => listener === onRejection)) throw reason;
}

async function readPages(file: ByteFile, maxBytes: number, signal: AbortSignal): Promise<string> {
  const document = await openPdf(file);
  try {
    let text = "";
    // A page more than fits: the caller says that it is too large.
    for (let number = 1; number <= document.numPages && text.length <= maxBytes; number += 1) {
      text += `${await readPage(document, number)}\n\n`;
      await othersFirst();
      signal.throwIfAborted();
    }
    return text;
  } catch (error) {
    signal.throwIfAborted();
    throw damaged(file, error);
  } finally {
    await document.loadingTask.destroy();
  }
}

type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>;

async function openPdf(file: ByteFile): Promise<PdfDocument> {
  // Outside: what goes wrong here is not the file's fault.
  await getResolvedPDFJS();
  try {
    // It takes the bytes away from whoever hands them over, and no Buffer. Its console stays quiet.
    return await getDocumentProxy(new Uint8Array(file.bytes), { verbosity: 0 });
  } catch (error) {
    if (error instanceof Error && error.name === "PasswordException") {
      throw unreadable(file, "is an encrypted PDF; save a copy of it without a password", error);
    }
    throw damaged(file, error);
  }
}

async function readPage(document: PdfDocument, number: number): Promise<string> {
  const page = await document.getPage(number);
  const { items } = await page.getTextContent();
  page.cleanup();
  const text = items.map((item) => ("str" in item ? item.str + (item.hasEOL ? "\n" : "") : "")).join("");
  // Words that the line has divided. Zero bytes stand for signs of a font that says nothing of their meaning.
  return text.replaceAll("\0", "").replaceAll(/(\p{Ll})[-\u00ad]\n(?=\p{Ll})/gu, "$1");
}

function damaged(file: ByteFile, cause: unknown) {
  return unreadable(file, "is a PDF that is damaged, incomplete or none at all", cause);
}
