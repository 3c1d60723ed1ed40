// The words of a text that carry its meaning, in several scripts, and what share of them another text has.

import { describe, expect, test } from "bun:test";
import { shareIn, termsOf } from "../../../src/pipeline/terms.ts";

describe("termsOf", () => {
  test.each<[string, string[]]>([
    ["What is the notice period?", ["notice", "period"]],
    ["Notice NOTICE notice", ["notice"]],
    ["Wie lange ist die Kündigungsfrist?", ["wie", "lange", "kündigungsfrist"]],
    ["It is a GPU with 8 GB, 24 h", ["gpu", "8", "24"]],
    ["", []],
    ["… !? 🗓 —", []],
    ["И что это?", ["и", "что", "это"]],
  ])("of %j are %j", (text, terms) => {
    expect([...termsOf(text)]).toEqual(terms);
  });

  test("of scripts without spaces are their words", () => {
    expect([...termsOf("通知期是两个月。")]).toContain("通知");
    expect(termsOf("通知期是两个月。").has("是")).toBe(false);
    expect(termsOf("解約の通知期間は二か月です").size).toBeGreaterThan(2);
  });

  test("of a very long text are those of its beginning", () => {
    const terms = termsOf(`${"filler ".repeat(10_000)} needle`);

    expect([...terms]).toEqual(["filler"]);
  });
});

describe("shareIn", () => {
  const share = (text: string, other: string): number => shareIn(termsOf(text), termsOf(other));

  test("is the share of words that the other text has", () => {
    expect(share("notice period", "the notice period is short")).toBe(1);
    expect(share("notice period salary garden", "notice period")).toBe(0.5);
    expect(share("notice", "salary")).toBe(0);
    expect(share("", "salary")).toBe(0);
    expect(share("notice", "")).toBe(0);
  });

  test.each([
    ["contracts", "contract"],
    ["contract", "contracts"],
    ["notices", "notice"],
    ["months", "month"],
    ["Kündigungsfristen", "Kündigungsfrist"],
    ["договоры", "договор"],
    ["employed", "employer"],
  ])("forgives an ending: %s, %s", (word, other) => {
    expect(share(word, other)).toBe(1);
  });

  test.each([
    ["house", "hours"],
    ["note", "nose"],
    ["period", "person"],
    ["通知", "通报"],
    ["month", "monotonous"],
    ["12345", "12399"],
  ])("does not take one word for another: %s, %s", (word, other) => {
    expect(share(word, other)).toBe(0);
  });
});
