// The driver of the documents: short transactions beside other writers, and what is left on the disk.

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { openChatDatabase } from "../../../../src/store/chat-database.ts";
import type { NewDocument, NewPiece } from "../../../../src/store/document-store.ts";
import { inMemory } from "../../../../src/store/open-database.ts";
import { createSqliteDocuments } from "../../../../src/store/sqlite/documents.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { useTemporaryFiles } from "../temporary-store.ts";

const nextFile = useTemporaryFiles();
const quota = { maxDocuments: 10, maxTotalBytes: 1_000_000 };

function newDocument(documentId: string, fields: Partial<NewDocument> = {}): NewDocument {
  return {
    documentId,
    caller: "a",
    name: documentId,
    type: "text/plain",
    digest: documentId,
    bytes: 5,
    textBytes: 5,
    pieces: 1,
    createdAtMs: 0,
    ...fields,
  };
}

function newPiece(position: number, text: string): NewPiece {
  return { position, start: 0, heading: "", text, words: text };
}

describe("createSqliteDocuments", () => {
  test("shows a document when it is finished, and not before", async () => {
    const store = createSqliteDocuments(openChatDatabase(inMemory, silentLog), { clock: () => 0 });
    expect(await store.beginDocument(newDocument("one"), quota)).toBeUndefined();
    expect(await store.addPieces("one", [newPiece(0, "apple")])).toBe(true);
    expect(await store.findPieces({ caller: "a" }, [["apple"]], 5)).toEqual([]);

    expect(await store.finishDocument("one")).toBe(true);

    expect(await store.findPieces({ caller: "a" }, [["apple"]], 5)).toMatchObject([
      { documentId: "one", text: "apple" },
    ]);
    expect(await store.countPieces({ caller: "a" }, [["apple"], ["pear"]])).toEqual({ all: 1, holding: [1, 0] });
    expect(await store.findDocument("a", "one")).toEqual({
      documentId: "one",
      name: "one",
      type: "text/plain",
      bytes: 5,
      pieces: 1,
      createdAtMs: 0,
    });
  });

  test("adds nothing to a document that is finished, or was given up", async () => {
    const store = createSqliteDocuments(openChatDatabase(inMemory, silentLog), { clock: () => 0 });
    await store.beginDocument(newDocument("one"), quota);
    await store.finishDocument("one");
    await store.beginDocument(newDocument("two"), quota);
    await store.discardDocument("two");

    for (const id of ["one", "two", "never"]) {
      expect(await store.addPieces(id, [newPiece(0, "apple")])).toBe(false);
      expect(await store.finishDocument(id)).toBe(false);
    }
  });

  test("finishes one of two documents with the same text", async () => {
    const store = createSqliteDocuments(openChatDatabase(inMemory, silentLog), { clock: () => 0 });
    for (const id of ["one", "two"]) await store.beginDocument(newDocument(id, { digest: "same" }), quota);

    expect(await store.finishDocument("two")).toBe(true);
    expect(await store.finishDocument("one")).toBe(false);
    expect(await store.findByDigest("a", "same")).toMatchObject({ documentId: "two" });
  });

  test("is the same after a restart", async () => {
    const path = nextFile();
    const first = openChatDatabase(path, silentLog);
    const store = createSqliteDocuments(first, { clock: () => 0 });
    await store.beginDocument(newDocument("one"), quota);
    const values = Float32Array.of(0.6, 0.8);
    await store.addPieces("one", [{ ...newPiece(0, "apple"), vector: { model: "m", values } }]);
    await store.finishDocument("one");
    first.close();

    const second = createSqliteDocuments(openChatDatabase(path, silentLog), { clock: () => 0 });

    expect(await second.readText("a", "one")).toBe("apple");
    expect(await second.findPieces({ caller: "a" }, [["apple"]], 5)).toHaveLength(1);
    const [vectors = []] = await Array.fromAsync(second.readVectors({ caller: "a" }, "m"));
    expect(vectors.map((vector) => [...vector.values])).toEqual([[...values]]);
  });

  test("waits for another process's write, and lets others write between its own", async () => {
    const path = nextFile();
    const store = createSqliteDocuments(openChatDatabase(path, silentLog), { clock: () => 0 });
    using other = new Database(path, { strict: true });
    other.run("PRAGMA busy_timeout = 0");
    other.run("CREATE TABLE other (number INTEGER)");
    await store.beginDocument(newDocument("one"), quota);

    other.run("BEGIN IMMEDIATE");
    const waiting = store.addPieces("one", [newPiece(0, "apple")]);
    await Bun.sleep(60);
    other.run("COMMIT");
    expect(await waiting).toBe(true);

    for (let position = 1; position < 50; position += 1) {
      const adding = store.addPieces("one", [newPiece(position, "apple")]);
      other.run("INSERT INTO other VALUES (1)");
      expect(await adding).toBe(true);
    }
  });

  test("gives back the room of what was deleted", async () => {
    const database = openChatDatabase(inMemory, silentLog);
    const store = createSqliteDocuments(database, { clock: () => 0 });
    const indexBytes = (): number => {
      using statement = database.prepare<{ bytes: number }, []>(
        "SELECT sum(length(block)) AS bytes FROM document_words_data",
      );
      return statement.get()?.bytes ?? 0;
    };
    const words = Array.from({ length: 5000 }, (_, index) => `word${index}`);
    await store.beginDocument(newDocument("one"), quota);
    for (let position = 0; position < 40; position += 1) {
      await store.addPieces("one", [newPiece(position, words.slice(position * 100, (position + 1) * 100).join(" "))]);
    }
    await store.finishDocument("one");
    expect(indexBytes()).toBeGreaterThan(10_000);

    expect(await store.removeDocument("a", "one")).toBe(true);

    expect(indexBytes()).toBeLessThan(1000);
  });
});
