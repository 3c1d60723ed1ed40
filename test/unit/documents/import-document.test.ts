// Imports: what they keep, what they refuse, and that a broken one leaves nothing.

import { describe, expect, test } from "bun:test";
import { createDocuments } from "../../../src/documents/documents.ts";
import type { ImportProgress } from "../../../src/documents/document-file.ts";
import { maxPieceChars } from "../../../src/documents/cut-text.ts";
import { createCollection, countRows, nothing } from "./collection.ts";

/** Some ten pieces for each thousand. */
const longText = (sentences: number): string =>
  Array.from(
    { length: sentences },
    (_, index) => `Sentence ${index} says that the rent of flat ${index} is due. `,
  ).join("");
const file = (text: string) => ({ name: "a.txt", type: "text/plain", text });

describe("importFile", () => {
  test("keeps the text to the character, over many pieces", async () => {
    const { documents } = createCollection();
    const text = longText(3000).trim();

    const document = await documents.importFile("a", file(text));

    expect(document.pieces).toBeGreaterThan(text.length / maxPieceChars);
    expect((await documents.get("a", document.documentId)).text).toBe(text);
  });

  test("answers the same text with the document of then, for each caller by itself", async () => {
    const { documents } = createCollection();
    const first = await documents.importFile("a", file("The rent is due."));

    const again = await documents.importFile("a", {
      name: "other.md",
      type: "text/markdown",
      text: "The rent is due.\n",
    });
    const others = await documents.importFile("b", file("The rent is due."));

    expect(again).toEqual({ ...first, isDuplicate: true });
    expect(others.isDuplicate).toBe(false);
    expect(await documents.list("a")).toHaveLength(1);
  });

  test("makes one document of two imports of one text at a time", async () => {
    const { documents, database } = createCollection();

    const both = await Promise.all([1, 2].map(() => documents.importFile("a", file(longText(500)))));

    expect(both.map(({ isDuplicate }) => isDuplicate).toSorted()).toEqual([false, true]);
    expect(new Set(both.map(({ documentId }) => documentId)).size).toBe(1);
    expect(countRows(database)).toMatchObject({ documents: 1, document_pieces: both[0]?.pieces });
  });

  test("tells stages in their order and progress up to 1 [R3-016]", async () => {
    const { documents } = createCollection();
    const told: ImportProgress[] = [];

    await documents.importFile("a", file(longText(1000)), { onProgress: (progress) => told.push(progress) });

    const steps = told.flatMap((one) => ("progress" in one ? [one.progress] : []));
    expect(told.flatMap((one) => ("stage" in one ? [one.stage] : []))).toEqual(["reading", "chunking", "indexing"]);
    expect(steps.length).toBeGreaterThan(1);
    expect(steps).toEqual(steps.toSorted((one, other) => one - other));
    expect(steps.at(-1)).toBe(1);
  });

  test("lets others have their turn", async () => {
    const { documents } = createCollection();
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);

    const { pieces } = await documents.importFile("a", file(longText(3000)));
    isOver = true;

    expect(turns).toBeGreaterThan(pieces / 50);
  });

  test.each([
    ["bytes", { maxDocumentBytes: 100 }, "more than 100 bytes"],
    ["pieces", { maxPieces: 3 }, "more than 3 pieces"],
    ["documents of a caller", { maxDocuments: 1 }, "1 are kept already"],
    ["bytes of all", { maxTotalBytes: 100 }, "may have 100 bytes"],
  ])("refuses too many %s, and keeps what was there", async (_, limits, message) => {
    const { documents } = createCollection({ limits });
    await documents.importFile("a", file("The rent is due."));

    const refused = documents.importFile("a", file(longText(100)));

    await expect(refused).rejects.toMatchObject({ kind: "too-large", param: "text" });
    await expect(refused).rejects.toThrow(message);
    expect(await documents.list("a")).toHaveLength(1);
  });

  test("counts the documents of each caller by themselves, and their bytes together", async () => {
    const { documents } = createCollection({ limits: { maxDocuments: 1, maxTotalBytes: 40 } });
    await documents.importFile("a", file("The rent is due."));
    await documents.importFile("b", file("The rent is due."));

    await expect(documents.importFile("c", file("The rent is due."))).rejects.toThrow("may have 40 bytes");
    await documents.remove("b", (await documents.list("b"))[0]?.documentId ?? "");

    expect(await documents.importFile("c", file("The rent is due."))).toMatchObject({ isDuplicate: false });
  });

  test.each(["reading", "chunking", "indexing", 0.2, 1])("leaves nothing when it is aborted at %p", async (moment) => {
    const { documents, database } = createCollection();
    const left = new AbortController();

    const imported = documents.importFile("a", file(longText(1000)), {
      signal: left.signal,
      onProgress(progress) {
        const isThen = "stage" in progress ? progress.stage === moment : Number(moment) <= progress.progress;
        if (isThen) left.abort(new Error("left"));
      },
    });

    await expect(imported).rejects.toThrow("left");
    expect(countRows(database)).toEqual(nothing);
  });

  test("leaves nothing when the store fails half-way", async () => {
    const { store, database } = createCollection();
    let batches = 0;
    const documents = createDocuments({
      clock: Date.now,
      store: {
        ...store,
        addPieces(documentId, pieces) {
          batches += 1;
          if (batches === 3) throw new Error("The disk is full");
          return store.addPieces(documentId, pieces);
        },
      },
    });

    await expect(documents.importFile("a", file(longText(3000)))).rejects.toThrow("The disk is full");
    expect(countRows(database)).toEqual(nothing);
  });

  test("of a process that died is never seen, and swept after ten minutes", async () => {
    const collection = createCollection();
    const { documents, store, database } = collection;
    const document = {
      documentId: "dead",
      caller: "a",
      name: "a",
      type: "text/plain",
      digest: "d",
      bytes: 5,
      textBytes: 5,
      pieces: 1,
      createdAtMs: 0,
    };
    await store.beginDocument(document, { maxDocuments: 9, maxTotalBytes: 99 });
    await store.addPieces("dead", [{ position: 0, start: 0, heading: "", text: "apple", words: "appl" }]);

    expect(await documents.list("a")).toEqual([]);
    expect(await documents.search("a", "apple")).toEqual([]);
    await expect(documents.get("a", "dead")).rejects.toMatchObject({ kind: "not-found" });
    await expect(documents.remove("a", "dead")).rejects.toMatchObject({ kind: "not-found" });
    collection.nowMs += 9 * 60_000;
    await documents.sweep();
    expect(countRows(database)).toMatchObject({ documents: 1 });
    collection.nowMs += 2 * 60_000;
    await documents.sweep();

    expect(countRows(database)).toEqual(nothing);
  });
});

describe("remove", () => {
  test("leaves nothing of a document, and the others whole", async () => {
    const { documents, database, add } = createCollection();
    const kept = await add("The deposit is two rents.");
    const before = countRows(database);
    const { documentId } = await documents.importFile("a", file(longText(2000)));

    await documents.remove("a", documentId);

    expect(countRows(database)).toEqual(before);
    expect(await documents.search("a", "flat 7")).toEqual([]);
    expect((await documents.search("a", "deposit")).map(({ document_id }) => document_id)).toEqual([kept]);
    await expect(documents.remove("a", documentId)).rejects.toMatchObject({ kind: "not-found" });
  });

  test("of another caller's document is refused", async () => {
    const { documents, add } = createCollection();
    const id = await add("The deposit is two rents.");

    await expect(documents.remove("b", id)).rejects.toMatchObject({ kind: "not-found" });
    expect(await documents.list("a")).toHaveLength(1);
  });
});
