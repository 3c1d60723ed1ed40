// The documents of the fake gateway: what is brought is told as it goes on, step by step as a test has written it down, and
// kept in memory. A name that begins with "bad" is refused.

import { createEventStream } from "../../src/pipeline/event-stream.ts";
import type { Fields, Step } from "./fake-streams.ts";

export interface FakeDocuments {
  /** Undefined: it is no request about documents. */
  answer(request: Request, path: string): Promise<Response> | undefined;
  /** @returns its id */
  add(name: string, text: string, fields?: Fields): string;
}

export interface FakeDocumentsOptions {
  /** What an import tells before its end. */
  script(name: string): readonly Step[];
  gate(name: string): Promise<void>;
  nextId(kind: string): string;
}

interface Kept extends Fields {
  readonly id: string;
  readonly name: string;
  readonly text: string;
}

export function createFakeDocuments({ script, gate, nextId }: FakeDocumentsOptions): FakeDocuments {
  const kept = new Map<string, Kept>();

  function add(name: string, text: string, fields: Fields = {}): string {
    const id = nextId("document");
    const defaults = { type: "text/plain", bytes: text.length, chunks: 1, created_at: Date.now() };
    kept.set(id, { ...defaults, ...fields, id, name, text });
    return id;
  }

  async function bring(request: Request): Promise<Response> {
    const file = (await request.formData()).get("file");
    if (!(file instanceof File)) return refuse(400, 'Invalid request: "file" is missing');
    if (file.name.startsWith("worse")) return refuse(413, "Cannot keep another document: 1000 are kept already");
    const text = await file.text();
    const { name, type } = file;
    async function* events(): AsyncGenerator<object, void> {
      for (const step of script(name)) {
        if ("gate" in step) await gate(String(step["gate"]));
        else yield step;
      }
      if (name.startsWith("bad")) {
        throw new Error("Cannot read the document: file must be plain text, Markdown, HTML or PDF");
      }
      const known = [...kept.values()].find((document) => document.text === text);
      const id = known?.id ?? add(name, text, { type: type.split(";")[0] });
      yield { document: { ...told(kept.get(id)), ...(known === undefined ? {} : { is_duplicate: true }) } };
    }
    const body = createEventStream(events(), { describeError: (error) => (error as Error).message });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  async function answer(request: Request, path: string): Promise<Response> {
    if (path === "/api/documents") {
      return request.method === "POST"
        ? bring(request)
        : Response.json({ data: [...kept.values()].reverse().map(told) });
    }
    const id = decodeURIComponent(path.slice("/api/documents/".length));
    const document = kept.get(id);
    if (document === undefined) return refuse(404, "Cannot find this document: it was deleted, or never was");
    if (request.method !== "DELETE") return Response.json(document);
    kept.delete(id);
    return Response.json({ id, deleted: true });
  }

  return {
    add,
    answer: (request, path) => (/^\/api\/documents(?:\/|$)/.test(path) ? answer(request, path) : undefined),
  };
}

function told(document: Kept | undefined): Fields {
  const { text: _, ...fields } = document ?? ({ text: "" } as Kept);
  return fields;
}

function refuse(status: number, message: string): Response {
  return Response.json({ message, error: { message, type: "invalid_request_error" } }, { status });
}
