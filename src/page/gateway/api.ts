// What the page asks the gateway for, beside answers: conversations, documents, models, upstreams. Adds the key, and makes
// sentences of refusals.

import type { DocumentList } from "../documents/document.ts";
import {
  type ModelChoice,
  parseDocumentLimit,
  parseDocuments,
  parseDocumentText,
  parseModels,
  parseSession,
  parseSessions,
  parseSpeechModel,
  parseUpstreams,
  type SessionSummary,
  type StoredSession,
} from "./parse.ts";

export interface Api {
  listSessions(): Promise<readonly SessionSummary[]>;
  readSession(sessionId: string): Promise<StoredSession>;
  deleteSession(sessionId: string): Promise<void>;
  listDocuments(): Promise<DocumentList>;
  /** All of its text. */
  readDocument(documentId: string): Promise<string>;
  deleteDocument(documentId: string): Promise<void>;
  listModels(): Promise<readonly ModelChoice[]>;
  listUpstreams(): Promise<readonly string[]>;
  /** Undefined: what is said cannot be written down. */
  findSpeechModel(): Promise<string | undefined>;
}

/** A request that did not do what it should. The message is for a person. */
export class RequestError extends Error {
  /** 0 when there was no answer at all. */
  readonly status: number;

  constructor(message: string, status: number, cause?: unknown) {
    super(message, { cause });
    this.name = "RequestError";
    this.status = status;
  }
}

export const unreachable =
  "The gateway cannot be reached. Check that it is running and that you are connected, then try again.";

/** The newest ones. Older ones are still there, by their address. */
const listedSessions = 500;

/** Longest wait for an answer that is no stream, in milliseconds. */
const timeoutMs = 20_000;

export function createApi(readKey: () => string | undefined): Api {
  /** Paths are relative: behind a proxy the gateway may stand beneath a prefix, and the page beside it. */
  async function request(path: string, method: "GET" | "DELETE" = "GET"): Promise<unknown> {
    const response = await fetch(path, {
      method,
      headers: keyHeaders(readKey()),
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((error: unknown) => {
      throw new RequestError(unreachable, 0, error);
    });
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw new RequestError(refusalOf(body, response.status), response.status);
    return body;
  }

  const documentPath = (documentId: string) => `api/documents/${encodeURIComponent(documentId)}`;
  const sessionPath = (sessionId: string) => `api/chat/sessions/${encodeURIComponent(sessionId)}`;

  return {
    listSessions: async () => parseSessions(await request(`api/chat/sessions?limit=${listedSessions}`)),
    readSession: async (sessionId) => parseSession(await request(sessionPath(sessionId))),
    deleteSession: async (sessionId) => void (await request(sessionPath(sessionId), "DELETE")),
    async listDocuments() {
      const body = await request("api/documents");
      return { documents: parseDocuments(body), maxBytes: parseDocumentLimit(body) };
    },
    readDocument: async (documentId) => parseDocumentText(await request(documentPath(documentId))),
    deleteDocument: async (documentId) => void (await request(documentPath(documentId), "DELETE")),
    listModels: async () => parseModels(await request("v1/models")),
    findSpeechModel: async () => parseSpeechModel(await request("api/speech")),
    listUpstreams: async () => parseUpstreams(await request("health")),
  };
}

export function keyHeaders(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

/** The sentence of a refusal, in either of the shapes that the gateway gives it. */
export function refusalOf(body: unknown, status: number): string {
  const { message, error } = (body ?? {}) as { message?: unknown; error?: { message?: unknown } };
  if (typeof message === "string") return message;
  return typeof error?.message === "string" ? error.message : `The gateway answered with status ${status}`;
}
