// What is found for a question, in which order, and by whom.

import { describe, expect, test } from "bun:test";
import { createCollection } from "./collection.ts";

const filler = "The weather was mild and the harvest came early that year in the whole valley. ";

describe("search", () => {
  test("finds pieces as sources with id, name, text and a score from 0 to 1 [R3-019, R3-020]", async () => {
    const { documents, add } = createCollection();
    const id = await add("Either party may end the lease with three months' notice.", "lease.txt");

    const sources = await documents.search("a", "How long is the notice period?");

    expect(sources).toHaveLength(1);
    expect(sources[0]).toMatchObject({ chunk_id: `${id}:0`, document_id: id, document_name: "lease.txt" });
    expect(sources[0]?.text).toContain("three months' notice");
    expect(sources[0]?.score).toBeGreaterThan(0);
    expect(sources[0]?.score).toBeLessThan(1);
  });

  test("puts what holds more of the question first, with the score nearest to 1 [R3-020]", async () => {
    const { documents, add } = createCollection();
    await add("The deposit is two rents.", "deposit.txt");
    await add("The rent is due on the first day.", "rent.txt");
    await add("The deposit is paid back three months after the end.", "end.txt");

    const sources = await documents.search("a", "When is the deposit paid back?");

    expect(sources.map(({ document_name }) => document_name)).toEqual(["end.txt", "deposit.txt"]);
    expect(sources[0]?.score).toBeGreaterThan(sources[1]?.score ?? 1);
  });

  test("lets rare words weigh more than common ones, and stop words nothing", async () => {
    const { documents, add } = createCollection();
    for (let number = 0; number < 8; number += 1) await add(`Lease number ${number}. ${filler}`, `lease${number}.txt`);
    await add("What does it say? What is it about, and what does that do to us all?", "chatter.txt");
    await add("A lease may have a surety.", "surety.txt");

    const sources = await documents.search("a", "What does the lease say about a surety?");

    expect(sources[0]?.document_name).toBe("surety.txt");
    expect(sources.map(({ document_name }) => document_name)).not.toContain("chatter.txt");
  });

  test("searches stop words when there is nothing else", async () => {
    const { documents, add } = createCollection();
    await add("Who am I, and where do I go?");

    expect(await documents.search("a", "who?")).toHaveLength(1);
  });

  test("finds other forms of a word, other cases, and letters without their accents", async () => {
    const { documents, add } = createCollection();
    await add("Both parties signed the AGREEMENTS in the Café Müller.");

    for (const question of ["party", "agreement", "cafe", "MULLER", "signing"]) {
      expect([question, await documents.search("a", question)]).toEqual([question, [expect.anything()]]);
    }
  });

  test.each([
    ["Chinese, two characters", "今天天气很好，我们去公园。", "天气怎么样？"],
    ["Chinese, one character", "我的猫很可爱。", "猫"],
    ["Chinese, a whole question", "本合同的违约金为租金的百分之二十。", "合同里的违约金是多少？"],
    ["Japanese", "契約の解除は三か月前に通知する。", "解除について教えてください"],
    ["Japanese, katakana", "コンピューターの保証は二年です。", "コンピューターは？"],
    ["Korean, with an ending", "계약을 해지하려면 통지해야 합니다.", "계약 해지"],
    ["Thai", "สัญญาเช่ามีอายุสองปี", "สัญญา"],
  ])("finds %s", async (_, text, question) => {
    const { documents, add } = createCollection();
    await add(text, "right");
    await add("另一个文件 別の文書 다른 문서 อื่น", "wrong");

    const sources = await documents.search("a", question);

    expect(sources.map(({ document_name }) => document_name)).toEqual(["right"]);
  });

  test("keeps callers apart, and says of another's document that there is none [R3-020]", async () => {
    const { documents, add } = createCollection();
    const id = await add("The secret is an apple.");

    expect(await documents.search("b", "apple")).toEqual([]);
    const asked = documents.search("b", "apple", { ids: [id] });

    await expect(asked).rejects.toMatchObject({ kind: "not-found", param: "documents" });
  });

  test("searches the named documents only, and none when none is named", async () => {
    const { documents, add } = createCollection();
    const one = await add("An apple in the first.", "one");
    await add("An apple in the second.", "two");

    expect((await documents.search("a", "apple", { ids: [one, one] })).map((source) => source.document_name)).toEqual([
      "one",
    ]);
    expect(await documents.search("a", "apple", { ids: [] })).toEqual([]);
  });

  test("passes over what was deleted where that is wanted, and searches the others", async () => {
    const { documents, add } = createCollection();
    const one = await add("An apple in the first.", "one");
    const names = async (ids: string[]) =>
      (await documents.search("a", "apple", { ids, skipsUnknown: true })).map((source) => source.document_name);

    expect(await names(["gone", one])).toEqual(["one"]);
    expect(await names(["gone"])).toEqual([]);
  });

  test("gives no more than the limit, and five without one", async () => {
    const { documents, add } = createCollection();
    for (let number = 0; number < 8; number += 1) await add(`Apple number ${number}.`, `${number}`);

    expect(await documents.search("a", "apple", { limit: 2 })).toHaveLength(2);
    expect(await documents.search("a", "apple")).toHaveLength(5);
  });

  test("puts the headings above a piece in front of its text, and finds it by them", async () => {
    const { documents, add } = createCollection();
    await add(`# Lease\n\n${filler.repeat(10)}\n\n## Surety\n\n${filler.repeat(30)}`, "lease.md", "text/markdown");

    const sources = await documents.search("a", "surety", { limit: 10 });

    expect(sources.length).toBeGreaterThan(2);
    expect(sources.filter(({ text }) => text.startsWith("Lease > Surety\n\n"))).not.toEqual([]);
  });

  test("cuts texts around the words of the question where that is asked for", async () => {
    const { documents, add } = createCollection();
    await add(`${filler.repeat(5)}The surety is two rents. ${filler.repeat(5)}`);

    const [source] = await documents.search("a", "surety", { snippetChars: 100 });

    expect(source?.text.length).toBeLessThanOrEqual(100);
    expect(source?.text).toMatch(/^….*surety.*…$/s);
  });

  test.each([
    ["operators", 'NEAR(a b) AND NOT OR "x" * ^ words : - + { } ( ) : apple'],
    ["an open quote", '"apple'],
    ["a zero byte", "apple\0pear"],
    ["nothing but signs", "?!? --- ***"],
    ["nothing", ""],
    ["half a surrogate pair", "\ud83d apple \ude00"],
    ["100 KB", `${"apple pear ".repeat(10_000)}?`],
    ["100 KB without a space", "a".repeat(100_000)],
    ["100 KB of Chinese", "天气很好".repeat(25_000)],
  ])("takes %s for what it is: words", async (_, question) => {
    const { documents, add } = createCollection();
    await add("An apple and a pear, 天气");

    const sources = await documents.search("a", question);

    expect(sources).toHaveLength(/apple|天气/.test(question) ? 1 : 0);
  });

  test("stops when nobody waits any more", async () => {
    const { documents, add } = createCollection();
    await add("An apple.");
    const left = AbortSignal.abort(new Error("left"));

    await expect(documents.search("a", "apple", { signal: left })).rejects.toThrow("left");
  });
});
