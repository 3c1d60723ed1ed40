// The documents over HTTP: imported by form, by JSON and as a stream, listed, read and deleted, and only by their caller.

import { afterEach, describe, expect, test } from "bun:test";
import { isJsonObject, type JsonObject } from "../../src/contract/json.ts";
import { createAnswerError } from "../../src/server/answer-error.ts";
import { createClientAddress } from "../../src/server/access/client-address.ts";
import { createCors } from "../../src/server/access/cors.ts";
import { createApp } from "../../src/server/create-app.ts";
import { documentRoutes } from "../../src/server/documents/document-routes.ts";
import { createTrips } from "../../src/server/trips.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { parseFrames } from "../support/sse-frames.ts";
import { until } from "../support/until.ts";
import { type Collection, countRows, createCollection, nothing } from "../unit/documents/collection.ts";
import { makePdf } from "../unit/documents/make-pdf.ts";

const maxBodyBytes = 2_000_000;
const path = "/api/documents";
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** The caller is whoever a header says. */
function startDocuments(collection: Collection, keepAliveMs = 15_000): string {
  const trips = createTrips(Date.now, createCors([]), createClientAddress([]));
  const app = createApp({
    routes: documentRoutes({ documents: collection.documents, maxBodyBytes, keepAliveMs, keepOpen: () => () => {} }),
    answerError: createAnswerError([], silentLog, { requestRefused() {} }),
    admit(trip) {
      trip.caller = trip.request.headers.get("x-caller") ?? "a";
      return undefined;
    },
    tripOf: trips.of,
  });
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: app });
  stops.push(() => server.stop(true));
  return server.url.origin;
}

function form(...files: readonly File[]): FormData {
  const data = new FormData();
  for (const file of files) data.append("file", file);
  return data;
}

function textFile(text: string, name = "lease.txt", type = "text/plain"): File {
  return new File([text], name, { type });
}

function post(url: string, body: FormData | string | object, headers: Record<string, string> = {}): Promise<Response> {
  const isForm = body instanceof FormData;
  return fetch(url + path, {
    method: "POST",
    body: isForm || typeof body === "string" ? body : JSON.stringify(body),
    headers: isForm ? headers : { "content-type": "application/json", ...headers },
  });
}

async function readJson(response: Response): Promise<JsonObject> {
  const value: unknown = await response.json();
  if (!isJsonObject(value)) throw new Error("The answer is no object");
  return value;
}

/** The documents of an answer `{ data: [...] }`. */
async function readData(response: Response): Promise<JsonObject[]> {
  const { data } = await readJson(response);
  return Array.isArray(data) ? data.filter(isJsonObject) : [];
}

async function readRefusal(response: Response): Promise<JsonObject> {
  const { error } = await readJson(response);
  return { status: response.status, ...(isJsonObject(error) ? error : {}) };
}

describe("POST /api/documents", () => {
  test("takes a form with several files, of each kind [R3-002]", async () => {
    const url = startDocuments(createCollection());
    const pdf = new File([makePdf({ pages: [["The deposit is two rents."]] })], "deposit.pdf");

    const response = await post(url, form(textFile("The rent is due."), textFile("# Notice", "n.md", ""), pdf));

    expect(response.status).toBe(200);
    const documents = await readData(response);
    expect(documents.map(({ name, type, chunks }) => [name, type, chunks])).toEqual([
      ["lease.txt", "text/plain", 1],
      ["n.md", "text/markdown", 1],
      ["deposit.pdf", "application/pdf", 1],
    ]);
    expect(Object.keys(documents[0] ?? {})).toEqual(["id", "name", "type", "bytes", "chunks", "created_at"]);
    expect(documents[0]).toMatchObject({ bytes: 16, created_at: 1_000_000 });
  });

  test("reads each file of a form in the charset that its type names", async () => {
    const collection = createCollection();
    const url = startDocuments(collection);
    const parts = [
      ["a.txt", "text/plain; charset=gbk", "\xd7\xe2\xbd\xf0"],
      ["b.txt", "text/plain", "plain words"],
      ["c.txt", 'text/plain; charset="Windows-1251"', "\xe0\xf0\xe5\xed\xe4\xe0"],
    ].map(
      ([name, type, bytes]) =>
        `--xy\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n${bytes}\r\n`,
    );
    const body = Buffer.from(`${parts.join("")}--xy--\r\n`, "latin1");

    const response = await fetch(url + path, {
      method: "POST",
      body,
      headers: { "content-type": "multipart/form-data; boundary=xy" },
    });

    expect(response.status).toBe(200);
    expect((await collection.documents.search("a", "租金")).map((found) => found.document_name)).toEqual(["a.txt"]);
    expect((await collection.documents.search("a", "аренда")).map((found) => found.document_name)).toEqual(["c.txt"]);
    expect((await collection.documents.search("a", "plain")).map((found) => found.document_name)).toEqual(["b.txt"]);
  });

  test("takes JSON with a name and a text", async () => {
    const collection = createCollection();
    const url = startDocuments(collection);

    const [document] = await readData(await post(url, { name: "a.html", text: "<p>The rent</p>", type: "text/html" }));

    expect(document).toMatchObject({ name: "a.html", type: "text/html" });
    expect(await collection.documents.search("a", "rent")).toHaveLength(1);
  });

  test("takes null for a type that is not told", async () => {
    const url = startDocuments(createCollection());

    const [document] = await readData(await post(url, { name: "a.md", text: "# Rent", type: null }));

    expect(document).toMatchObject({ name: "a.md", type: "text/markdown" });
  });

  test("answers the same text with the document of then", async () => {
    const url = startDocuments(createCollection());
    const [first] = await readData(await post(url, { name: "a", text: "The rent is due." }));

    const [second] = await readData(await post(url, form(textFile("The rent is due.\r\n"))));

    expect(second).toEqual({ ...first, is_duplicate: true });
  });

  test.each<[string, FormData | string | object, string | null, string]>([
    ["no JSON", "{", null, "its body is neither a form"],
    ["a list", "[]", null, "the body must be an object"],
    ["no name", { text: "a" }, "name", '"name" is missing'],
    ["an empty name", { name: "", text: "a" }, "name", '"name"'],
    ["no text", { name: "a" }, "text", '"text" is missing'],
    ["a text that is none", { name: "a", text: 1 }, "text", '"text" must be a string'],
    ["a type that is none", { name: "a", text: "a", type: "image/png" }, "type", "type must be text/plain"],
    ["an empty text", { name: "a", text: " \n" }, "text", "text has no words in it"],
    ["a form without a file", form(), "file", '"file" is missing'],
    ["an unknown type", form(textFile("a", "a.exe", "application/x-msdownload")), "file", "file must be plain text"],
    ["too many files", form(...Array.from({ length: 21 }, () => textFile("a"))), "file", "20 times at most"],
  ])("refuses %s [R3-024]", async (_, body, param, message) => {
    const url = startDocuments(createCollection());

    const refusal = await readRefusal(await post(url, body));

    expect(refusal).toMatchObject({ status: 400, param });
    expect(refusal["message"]).toContain(message);
  });

  test("refuses a field that is no file, and a form that is none", async () => {
    const url = startDocuments(createCollection());
    const field = new FormData();
    field.append("file", "text");
    expect(await readRefusal(await post(url, field))).toMatchObject({ status: 400, param: "file" });

    const malformed = await post(url, "nothing", { "content-type": "multipart/form-data; boundary=x" });

    expect(malformed.status).toBe(400);
  });

  test("refuses a body beyond the limit", async () => {
    const url = startDocuments(createCollection());

    expect((await post(url, { name: "a", text: "a".repeat(maxBodyBytes) })).status).toBe(413);
  });

  test("keeps nothing of a form when one of its files is refused, but what was there before", async () => {
    const collection = createCollection();
    const url = startDocuments(collection);
    await collection.add("Already there.", "old.txt");

    const response = await post(url, form(textFile("Already there."), textFile("New."), textFile("", "empty.txt")));

    expect(response.status).toBe(400);
    expect((await collection.documents.list("a")).map(({ name }) => name)).toEqual(["old.txt"]);
  });
});

describe("POST /api/documents as a stream", () => {
  const accept = { accept: "text/event-stream" };

  test("comes to no client that rules it out", async () => {
    const url = startDocuments(createCollection());

    const response = await post(
      url,
      { name: "a", text: "Short." },
      { accept: "application/json, text/event-stream;q=0" },
    );

    expect(response.headers.get("content-type")).toStartWith("application/json");
  });

  test("tells stages, progress and the document, with ids, and ends with [DONE] [R3-002, R3-008, R3-011, R3-016]", async () => {
    const url = startDocuments(createCollection());

    const response = await post(url, { name: "a", text: "The rent is due. ".repeat(5000) }, accept);

    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    const body = await response.text();
    const frames = parseFrames(body).map(({ data }) => data);
    expect([...body.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]))).toEqual(
      frames.map((_, index) => index + 1),
    );
    expect(frames.slice(0, 3)).toEqual(['{"stage":"reading"}', '{"stage":"chunking"}', '{"stage":"indexing"}']);
    const progress = frames.flatMap((frame) => /^\{"progress":([\d.]+)\}$/.exec(frame)?.[1] ?? []).map(Number);
    expect(progress.length).toBeGreaterThan(1);
    expect(progress).toEqual(progress.toSorted((one, other) => one - other));
    expect(progress.at(-1)).toBe(1);
    expect(JSON.parse(frames.at(-2) ?? "")).toMatchObject({ document: { name: "a", type: "text/plain" } });
    expect(frames.at(-1)).toBe("[DONE]");
  });

  test("ends with an error in words when the file is refused [R3-013, R3-014, R3-024]", async () => {
    const collection = createCollection();
    const url = startDocuments(collection);

    const response = await post(url, form(textFile("Good."), textFile("", "bad.txt")), accept);

    expect(response.status).toBe(200);
    const frames = parseFrames(await response.text()).map(({ data }) => data);
    expect(frames.at(-1)).toBe('{"error":"Cannot read the document: file has no words in it"}');
    expect(countRows(collection.database)).toEqual(nothing);
  });

  test("refuses a request that says nothing with a status", async () => {
    const url = startDocuments(createCollection());

    expect(await readRefusal(await post(url, { text: "a" }, accept))).toMatchObject({ status: 400, param: "name" });
  });

  test("says in silence that it is alive [R3-015]", async () => {
    const embed = async (texts: readonly string[]) => {
      await Bun.sleep(60);
      return texts.map(() => Float32Array.of(1));
    };
    const url = startDocuments(createCollection({ embed }), 10);

    const body = await (await post(url, { name: "a", text: "The rent is due." }, accept)).text();

    expect(body).toContain(": keepalive\n\n");
    expect(body).toEndWith("data: [DONE]\n\n");
  });

  test("leaves nothing when the reader hangs up", async () => {
    const hasBegun = Promise.withResolvers<AbortSignal>();
    const embed = (_: readonly string[], signal: AbortSignal): Promise<Float32Array[]> => {
      hasBegun.resolve(signal);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    };
    const collection = createCollection({ embed });
    const reader = new AbortController();
    const body = JSON.stringify({ name: "a", text: "The rent is due." });
    const request = fetch(startDocuments(collection) + path, {
      method: "POST",
      body,
      headers: accept,
      signal: reader.signal,
    });
    const response = await request;
    const signal = await hasBegun.promise;
    expect(countRows(collection.database)).toMatchObject({ documents: 1 });

    response.body?.cancel().catch(() => {});
    reader.abort();

    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    await until(() => countRows(collection.database)["documents"] === 0);
    expect(countRows(collection.database)).toEqual(nothing);
  });
});

describe("GET and DELETE /api/documents", () => {
  test("list the newest first, show one with its text, and delete it", async () => {
    const collection = createCollection();
    const url = startDocuments(collection);
    const old = await collection.add("The old one.", "old.txt");
    collection.nowMs += 1000;
    await collection.add("The new one.", "new.txt");

    expect((await readData(await fetch(url + path))).map(({ name }) => name)).toEqual(["new.txt", "old.txt"]);
    const shown = await readJson(await fetch(`${url}${path}/${old}`));
    expect(shown).toMatchObject({ id: old, name: "old.txt", chunks: 1, text: "The old one." });
    const deleted = await fetch(`${url}${path}/${old}`, { method: "DELETE" });

    expect(await readJson(deleted)).toEqual({ id: old, deleted: true });
    expect((await readData(await fetch(url + path))).map(({ name }) => name)).toEqual(["new.txt"]);
    expect((await fetch(`${url}${path}/${old}`)).status).toBe(404);
    expect((await fetch(`${url}${path}/${old}`, { method: "DELETE" })).status).toBe(404);
  });

  test.each([
    ["largest document", 1000, 1000],
    ["largest body, where that is less", 3 * maxBodyBytes, maxBodyBytes],
  ])("the list tells the %s", async (_what, maxDocumentBytes, told) => {
    const url = startDocuments(createCollection({ limits: { maxDocumentBytes } }));

    expect(await readJson(await fetch(url + path))).toEqual({ data: [], max_bytes: told });
  });

  test("another caller's document is none", async () => {
    const collection = createCollection();
    const url = startDocuments(collection);
    const id = await collection.add("The secret.", "secret.txt");
    const headers = { "x-caller": "b" };

    expect(await readData(await fetch(url + path, { headers }))).toEqual([]);
    expect((await fetch(`${url}${path}/${id}`, { headers })).status).toBe(404);
    expect((await fetch(`${url}${path}/${id}`, { method: "DELETE", headers })).status).toBe(404);
    expect(await collection.documents.list("a")).toHaveLength(1);
  });

  test.each(["", "%zz", "nobody", "a/b"])("an id such as %p is unknown", async (id) => {
    const url = startDocuments(createCollection());

    expect((await fetch(`${url}${path}/${id}`)).status).toBe(404);
  });
});
