// What is done with documents: files one after the other, and a list that misses nothing.

import { describe, expect, test } from "bun:test";
import { createChatState } from "../../../../src/page/chat-state.ts";
import { createConversation } from "../../../../src/page/conversation/conversation.ts";
import type { StoredDocument } from "../../../../src/page/documents/document.ts";
import { createShelf } from "../../../../src/page/documents/shelf.ts";
import { RequestError } from "../../../../src/page/gateway/api.ts";
import type { ImportFile, ImportReading } from "../../../../src/page/gateway/import-file.ts";
import { createStore } from "../../../../src/page/store.ts";

const documentOf = (name: string): StoredDocument => ({
  id: `id of ${name}`,
  name,
  type: "text/plain",
  bytes: 1,
  pieces: 1,
  createdAtMs: 1,
});

interface Begun extends ImportReading {
  readonly name: string;
  end(error?: unknown): void;
}

/** Imports begin when the shelf begins them, and end when a test says so. */
function start() {
  const store = createStore(createChatState(createConversation("c"), { model: "", upstream: "" }), (task) => task());
  const begun: Begun[] = [];
  const kept = new Map<string, StoredDocument>();
  const lists: (() => void)[] = [];
  const limits: { maxBytes?: number } = {};
  const importFile: ImportFile = async (file, reading) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    reading.signal.addEventListener("abort", () => reject(new RequestError("gone", 0)));
    begun.push({ ...reading, name: file.name, end: (error) => (error === undefined ? resolve() : reject(error)) });
    await promise;
  };
  let count = 0;
  const shelf = createShelf({
    store,
    importFile,
    api: {
      async listDocuments() {
        const documents = [...kept.values()];
        const { promise, resolve } = Promise.withResolvers<void>();
        lists.push(resolve);
        await promise;
        return { documents, maxBytes: limits.maxBytes };
      },
      readDocument: async (id) => `text of ${id}`,
      async deleteDocument(id) {
        if (!kept.delete(id)) throw new RequestError("It was deleted", 404);
      },
    },
    readKey: () => "k",
    createId: () => `i${++count}`,
    explain: (error) => ((error as RequestError).status === 401 ? undefined : (error as RequestError).message),
  });
  return {
    shelf,
    begun,
    kept,
    lists,
    limits,
    get state() {
      return store.get().documents;
    },
    keep(name: string) {
      const document = documentOf(name);
      kept.set(document.id, document);
      begun.find((item) => item.name === name)?.onEvent({ type: "document", document, isDuplicate: false });
    },
  };
}

const file = (name: string, size = 1) => new File(["x".repeat(size)], name);
/** All that waits for nothing but its turn is done. */
const turns = () => Bun.sleep(1);

describe("the shelf", () => {
  test("brings files one after the other, and a refused one keeps none back", async () => {
    const stage = start();

    stage.shelf.bring([file("a"), file("b"), file("c")]);
    await turns();
    expect(stage.begun.map(({ name }) => name)).toEqual(["a"]);
    expect(stage.state.imports.map(({ step }) => step)).toEqual(["sending", "waiting", "waiting"]);
    stage.begun[0]?.end(new RequestError("It is no text", 400));
    await turns();
    stage.keep("b");
    stage.begun[1]?.end();
    await turns();

    expect(stage.begun.map(({ name, key }) => [name, key])).toEqual([
      ["a", "k"],
      ["b", "k"],
      ["c", "k"],
    ]);
    expect(stage.state.imports).toMatchObject([
      { name: "a", step: "refused", note: "It is no text" },
      { name: "c", step: "sending" },
    ]);
    expect(stage.state.list).toEqual([documentOf("b")]);
  });

  test("ends what is taken back, and never begins what was waiting", async () => {
    const stage = start();
    stage.shelf.bring([file("a"), file("b"), file("c")]);
    await turns();

    stage.shelf.dismiss("i2");
    stage.shelf.dismiss("i1");
    await turns();

    expect(stage.begun[0]?.signal.aborted).toBe(true);
    expect(stage.begun.map(({ name }) => name)).toEqual(["a", "c"]);
    expect(stage.state.imports.map(({ name }) => name)).toEqual(["c"]);
  });

  test("refuses what is too large without sending it, and says what a key or a missing end means", async () => {
    const stage = start();

    stage.shelf.bring([file("huge", 20 * 1024 * 1024 + 1), file("a"), file("b")]);
    await turns();
    stage.begun[0]?.end(new RequestError("", 401));
    await turns();
    stage.begun[1]?.end();
    await turns();

    expect(stage.begun.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(stage.state.imports.map(({ note }) => note)).toEqual([
      "A document may have 20 MB. Divide it, and bring its parts.",
      "The gateway needs an API key. Give it below, and bring the file again.",
      "The gateway ended the import before it was whole. Try again.",
    ]);
  });

  test("takes files that are as large as the gateway has told, and no larger", async () => {
    const stage = start();
    const bringListed = async (maxBytes: number, size: number) => {
      stage.limits.maxBytes = maxBytes;
      const listed = stage.shelf.list();
      stage.lists.shift()?.();
      await listed;
      stage.shelf.bring([file(`${size} bytes`, size)]);
      await turns();
    };
    await bringListed(1024, 1025);
    const refused = stage.state.imports.map(({ note }) => note);
    await bringListed(1024, 1024);
    stage.begun[0]?.end();
    await bringListed(30 * 1024 * 1024, 20 * 1024 * 1024 + 1);

    expect(refused).toEqual(["A document may have 1.0 KB. Divide it, and bring its parts."]);
    expect(stage.begun.map(({ name }) => name)).toEqual(["1024 bytes", "20971521 bytes"]);
  });

  test("asks for the list once more when something was brought meanwhile", async () => {
    const stage = start();
    stage.shelf.bring([file("a")]);
    await turns();

    const listing = stage.shelf.list();
    stage.keep("a");
    for (const answer of stage.lists.splice(0)) answer();
    await turns();
    expect(stage.state.list).toEqual([documentOf("a")]);
    for (const answer of stage.lists.splice(0)) answer();
    await listing;

    expect(stage.state.list).toEqual([documentOf("a")]);
  });

  test("tells that a document is gone that another one has deleted, and shows what is left", async () => {
    const stage = start();
    stage.keep("a");
    const listing = stage.shelf.list();
    stage.lists.shift()?.();
    await listing;
    stage.kept.clear();

    const removing = stage.shelf.remove("id of a");
    await turns();
    stage.lists.shift()?.();
    await removing;

    expect(stage.state).toMatchObject({ list: [], error: "It was deleted" });
  });
});
