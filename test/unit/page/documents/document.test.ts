// Files on their way to become documents: what is told of them, and what is left of it.

import { describe, expect, test } from "bun:test";
import {
  addImports,
  applyImportEvent,
  type DocumentsState,
  type ImportEvent,
  noDocuments,
  removeImport,
  sizeOf,
  type StoredDocument,
} from "../../../../src/page/documents/document.ts";

const lease: StoredDocument = {
  id: "d1",
  name: "lease.txt",
  type: "text/plain",
  bytes: 13,
  pieces: 1,
  createdAtMs: 5,
};
const rules: StoredDocument = { ...lease, id: "d2", name: "rules.txt", pieces: 2 };

function start(list: readonly StoredDocument[] = []): DocumentsState {
  return addImports({ ...noDocuments, list }, [
    { id: "i1", name: "first.txt" },
    { id: "i2", name: "second.txt" },
  ]);
}

const apply = (state: DocumentsState, ...events: readonly ImportEvent[]) =>
  events.reduce((before, event) => applyImportEvent(before, "i1", event), state);

describe("applyImportEvent", () => {
  test("tells step and progress of the one, and leaves the other as it is", () => {
    const { imports } = apply(
      start(),
      { type: "stage", stage: "sending" },
      { type: "stage", stage: "indexing" },
      { type: "progress", progress: 0.5 },
      { type: "stage", stage: "of another version" },
    );

    expect(imports).toMatchObject([
      { id: "i1", step: "indexing", progress: 0.5 },
      { id: "i2", step: "waiting", progress: 0 },
    ]);
  });

  test("makes a document of it, the newest first, and says so", () => {
    const state = apply(start([rules]), { type: "document", document: lease, isDuplicate: false });

    expect(state.list).toEqual([lease, rules]);
    expect(state.imports.map(({ id }) => id)).toEqual(["i2"]);
    expect(state.said).toBe("lease.txt is kept, 1 piece");
  });

  test("says of a text that is here already under which name, and keeps it once", () => {
    const state = apply(start([lease]), { type: "document", document: lease, isDuplicate: true });

    expect(state.list).toEqual([lease]);
    expect(state.imports[0]).toMatchObject({ step: "duplicate", note: "This text is here already, as lease.txt" });
    expect(state.said).toBe("first.txt: This text is here already, as lease.txt");
  });

  test("says why it was not taken, once", () => {
    const state = apply(start(), { type: "failure", error: "It is no text" });

    expect(state.imports[0]).toMatchObject({ step: "refused", note: "It is no text" });
    expect(state.said).toBe("first.txt was not taken: It is no text");
    expect(apply(state, { type: "failure", error: "late" })).toBe(state);
  });

  test("changes nothing for one that was taken back", () => {
    const state = removeImport(start(), "i1");

    expect(apply(state, { type: "progress", progress: 1 })).toBe(state);
  });
});

test("addImports takes away what was said of earlier ones, and leaves those that are on their way", () => {
  const state = addImports(apply(start(), { type: "failure", error: "No" }), [{ id: "i3", name: "third.txt" }]);

  expect(state.imports.map(({ id }) => id)).toEqual(["i2", "i3"]);
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KB"],
  [20_000, "20 KB"],
  [1_500_000, "1.4 MB"],
  [20_971_520, "20 MB"],
])("sizeOf %d is %s", (bytes, size) => {
  expect(sizeOf({ bytes })).toBe(size);
});
