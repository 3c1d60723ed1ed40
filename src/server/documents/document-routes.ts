// The routes of the documents. An import is answered when it is done, or told as it goes on, as events.

import { GatewayError } from "../../contract/gateway-error.ts";
import type { DocumentFile, ImportedDocument } from "../../documents/document-file.ts";
import type { Documents } from "../../documents/documents.ts";
import { accepts } from "../accepts.ts";
import { streamImport } from "./document-stream.ts";
import { type EncodedDocument, encodeDocument, type ImportEvent } from "./document-wire.ts";
import { readDocumentFiles } from "./read-document-files.ts";
import { pathRest, type ServerRoute, type Trip } from "../trip.ts";

export interface DocumentRoutesOptions {
  readonly documents: Documents;
  /** Largest request body, in bytes. Beyond it: 413. */
  readonly maxBodyBytes: number;
  /** Silence on a stream before a comment says that it is alive, in milliseconds. */
  readonly keepAliveMs: number;
  /** A quiet request is no idle connection from now on. */
  keepOpen(request: Request): () => void;
}

const path = "/api/documents";
const prefix = `${path}/`;

export function documentRoutes(options: DocumentRoutesOptions): ServerRoute[] {
  const { documents } = options;
  return [
    {
      method: "POST",
      path,
      answer: async (trip) => {
        const files = await readDocumentFiles(trip.request, options.maxBodyBytes);
        // Not before: a body that never ends is cut by the idle timeout.
        options.keepOpen(trip.request);
        return wantsEvents(trip.request)
          ? streamImport((signal, tell) => importAll(documents, trip.caller, files, signal, tell), options, trip)
          : Response.json({ data: await importAll(documents, trip.caller, files, trip.request.signal) });
      },
    },
    {
      method: "GET",
      path,
      answer: async ({ caller }) => {
        const data = (await documents.list(caller)).map(encodeDocument);
        return Response.json({ data, max_bytes: Math.min(documents.maxDocumentBytes, options.maxBodyBytes) });
      },
    },
    {
      method: "GET",
      path: `${prefix}*`,
      answer: async (trip) => {
        const document = await documents.get(trip.caller, parseId(trip));
        return Response.json({ ...encodeDocument(document), text: document.text });
      },
    },
    {
      method: "DELETE",
      path: `${prefix}*`,
      answer: async (trip) => {
        const id = parseId(trip);
        await documents.remove(trip.caller, id);
        return Response.json({ id, deleted: true });
      },
    },
  ];
}

/** One after the other, all or none: who is told of a failure need not look what of it is there. */
async function importAll(
  documents: Documents,
  caller: string,
  files: readonly DocumentFile[],
  signal: AbortSignal,
  tell: (event: ImportEvent) => void = () => {},
): Promise<EncodedDocument[]> {
  const imported: ImportedDocument[] = [];
  try {
    for (const file of files) {
      const document = await documents.importFile(caller, file, { signal, onProgress: tell });
      imported.push(document);
      tell({ document: encodeDocument(document) });
    }
  } catch (error) {
    for (const { documentId, isDuplicate } of imported) if (!isDuplicate) await documents.remove(caller, documentId);
    throw signal.aborted ? hungUp(error) : error;
  }
  return imported.map(encodeDocument);
}

/** Nobody reads it but the log. */
function hungUp(cause: unknown): GatewayError {
  return new GatewayError("invalid-request", "Cannot finish the import: the client hung up", { cause });
}

function wantsEvents({ headers }: Request): boolean {
  return accepts(headers.get("accept"), "text/event-stream");
}

/** An empty one names nothing that exists. */
function parseId(trip: Trip): string {
  const id = pathRest(trip, prefix);
  if (id !== undefined && id !== "") return id;
  throw new GatewayError("not-found", "Cannot find this document: it was deleted, or never was");
}
