// Searching by meaning beside words, and going on by words alone when there is no meaning to be had.

import { describe, expect, test } from "bun:test";
import type { Embed } from "../../../src/documents/embeddings.ts";
import { countRows, createCollection, nothing } from "./collection.ts";

/** A world of two meanings: animals and weather. */
const embedMeanings: Embed = async (texts) =>
  texts.map((text) =>
    Float32Array.of(
      0.1 + (text.match(/cat|dog|pet/gi)?.length ?? 0) * 3,
      0.1 + (text.match(/rain|storm|weather/gi)?.length ?? 0) * 3,
    ),
  );
const failing: Embed = () => Promise.reject(new Error("no such host"));

describe("search with embeddings", () => {
  test("finds by meaning what has none of the words [R3-019, R3-020]", async () => {
    const { documents, add } = createCollection({ embed: embedMeanings });
    await add("The dog sleeps.", "dog");
    await add("A storm is coming.", "storm");

    const sources = await documents.search("a", "Which pets are there?");

    expect(sources[0]).toMatchObject({ document_name: "dog", text: "The dog sleeps." });
    for (const { score } of sources) expect(score > 0 && score <= 1).toBe(true);
  });

  test("puts first what is found by words and by meaning", async () => {
    const { documents, add } = createCollection({ embed: embedMeanings });
    await add("The dog sleeps.", "dog");
    await add("The cat of the house.", "cat");
    await add("The house in the rain, and nobody in it.", "rain");

    const sources = await documents.search("a", "Is there a pet in the house?");

    expect(sources[0]).toMatchObject({ document_name: "cat" });
    expect(sources.map(({ score }) => score)).toEqual(
      sources.map(({ score }) => score).toSorted((one, other) => other - one),
    );
  });

  test("searches the vectors of the named documents and of the caller only", async () => {
    const { documents, add } = createCollection({ embed: embedMeanings });
    const dog = await add("The dog sleeps.", "dog");
    await add("The cat purrs.", "cat");

    expect((await documents.search("a", "pets", { ids: [dog] })).map((source) => source.document_name)).toEqual([
      "dog",
    ]);
    expect(await documents.search("b", "pets")).toEqual([]);
  });

  test("embeds no question of who has no documents", async () => {
    const { documents, warnings } = createCollection({ embed: failing });

    expect(await documents.search("a", "pets")).toEqual([]);
    expect(warnings).toEqual([]);
  });

  test("goes on by words when the question cannot be embedded, and says so once", async () => {
    let isDown = false;
    const { documents, add, warnings } = createCollection({
      embed: (texts, signal) => (isDown ? failing : embedMeanings)(texts, signal),
    });
    await add("The dog sleeps.");
    isDown = true;

    const sources = await documents.search("a", "dog");

    expect(sources).toHaveLength(1);
    expect(warnings.map(({ message }) => message)).toEqual([
      "Cannot embed a question: documents are searched by its words only",
    ]);
    expect(warnings[0]?.fields).toMatchObject({ reason: "no such host" });
  });

  test("imports without vectors when there are none, and says so once a document", async () => {
    const { documents, database, warnings } = createCollection({ embed: failing });

    await documents.importFile("a", { name: "a", type: "", text: "The dog sleeps. ".repeat(5000) });

    expect(warnings).toHaveLength(1);
    expect(countRows(database)).toMatchObject({ documents: 1, document_vectors: 0 });
    expect(await documents.search("a", "dog")).not.toEqual([]);
  });

  test.each<[string, Embed]>([
    ["fewer vectors than texts", async () => []],
    ["a vector of zeros", async (texts) => texts.map(() => Float32Array.of(0, 0))],
    ["a vector of nothing", async (texts) => texts.map(() => new Float32Array())],
    ["what is no number", async (texts) => texts.map(() => Float32Array.of(Number.NaN))],
  ])("takes %s for a failure", async (_, embed) => {
    const { add, database, warnings } = createCollection({ embed });

    await add("The dog sleeps.");

    expect(warnings).toHaveLength(1);
    expect(countRows(database)).toMatchObject({ documents: 1, document_vectors: 0 });
  });

  test("passes over vectors of another model", async () => {
    const { documents, add, store, database } = createCollection({ embed: embedMeanings, embedModel: "one" });
    await add("The dog sleeps.");
    expect(countRows(database)).toMatchObject({ document_vectors: 1 });

    const read = async (model: string) => Array.fromAsync(store.readVectors({ caller: "a" }, model));

    expect((await read("one")).flat()).toHaveLength(1);
    expect((await read("two")).flat()).toHaveLength(0);
    expect(await documents.search("a", "pets")).toHaveLength(1);
  });

  test("ends an import at once when it is aborted meanwhile", async () => {
    const left = new AbortController();
    const embed: Embed = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        left.abort(new Error("left"));
      });
    const { documents, database, warnings } = createCollection({ embed });

    const imported = documents.importFile("a", { name: "a", type: "", text: "A dog." }, { signal: left.signal });

    await expect(imported).rejects.toThrow("left");
    expect(countRows(database)).toEqual(nothing);
    expect(warnings).toEqual([]);
  });
});
