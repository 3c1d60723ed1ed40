// PDF to text, page by page. A page is read in one go, however long that takes: `pdf-process.ts` has it done elsewhere.

import { getDocumentProxy, getResolvedPDFJS } from "unpdf";
import { othersFirst } from "../contract/others-first.ts";
import { isPdfBomb } from "./pdf-bomb.ts";

/** Why there is no text. */
export type PdfRefusal = "bomb" | "encrypted" | "damaged";

export type PdfText = { readonly text: string } | { readonly refusal: PdfRefusal };

/**
 * In this process.
 * @param maxBytes of the text, beyond which it need not be whole
 * @throws the reason of the signal
 */
export async function readPdfHere(bytes: Uint8Array, maxBytes: number, signal: AbortSignal): Promise<PdfText> {
  if (await isPdfBomb(bytes, signal)) return { refusal: "bomb" };
  signal.throwIfAborted();
  process.on("unhandledRejection", onRejection);
  try {
    return await readPages(bytes, maxBytes, signal);
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

async function readPages(bytes: Uint8Array, maxBytes: number, signal: AbortSignal): Promise<PdfText> {
  const document = await openPdf(bytes);
  if (typeof document === "string") return { refusal: document };
  try {
    let text = "";
    // A page more than fits: the caller says that it is too large.
    for (let number = 1; number <= document.numPages && text.length <= maxBytes; number += 1) {
      text += `${await readPage(document, number)}\n\n`;
      await othersFirst();
      signal.throwIfAborted();
    }
    return { text };
  } catch {
    signal.throwIfAborted();
    return { refusal: "damaged" };
  } finally {
    await document.loadingTask.destroy();
  }
}

type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>;

async function openPdf(bytes: Uint8Array): Promise<PdfDocument | PdfRefusal> {
  // Outside: what goes wrong here is not the file's fault.
  await getResolvedPDFJS();
  try {
    // It takes the bytes away from whoever hands them over, and no Buffer. Its console stays quiet.
    return await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 });
  } catch (error) {
    return error instanceof Error && error.name === "PasswordException" ? "encrypted" : "damaged";
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
