// Questions to what is looked for.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { searchTerms } from "../../../src/documents/search-terms.ts";
import { createWordReader } from "../../../src/documents/search-words.ts";
import { createStopWords } from "../../../src/documents/stop-words.ts";
import { openChatDatabase } from "../../../src/store/chat-database.ts";
import { matchExpression } from "../../../src/store/sqlite/document-match.ts";
import { inMemory } from "../../../src/store/open-database.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { patienceMs, runsOf } from "../../property/runs.ts";

const reader = createWordReader();
const stopWords = createStopWords();
const termsOf = (question: string): string[] => searchTerms(question, reader, stopWords).map((term) => term.join("+"));

describe("searchTerms", () => {
  test.each([
    ["What does the contract say about the notice period?", ["contract", "notic", "period"]],
    ["notices, Notice & NOTICED", ["notic"]],
    ["R3-020 / foo_bar v1.2", ["r3", "020", "foo", "bar", "v1", "2"]],
    ["Was steht in dem Vertrag über die Kündigung?", ["vertrag", "kundigung"]],
    ["Où est le contrat de location ?", ["contrat", "locat"]],
    ["the war of the worlds", ["war", "world"]],
    ["who?", ["who"]],
    ["天气", ["天+气"]],
    ["猫", ["猫"]],
    ["合同的违约金是多少？", ["合+同", "违+约", "金"]],
    ["コンピューターの保証", ["コ+ン+ピ+ュ+ー+タ+ー", "保+証"]],
    ["계약을 해지", ["계+약", "약+을", "해+지"]],
    ["Ｆｕｌｌ　ＷＩＤＴＨ", ["full", "width"]],
    ["", []],
    ["?! …", []],
  ])("of %p are %p", (question, expected) => {
    expect(termsOf(question)).toEqual(expected);
  });

  test("are never more than 48, and those of a long message are of its beginning and its end", () => {
    const filler = Array.from({ length: 20_000 }, () => "filler").join(" ");
    expect(termsOf(`beginning ${filler} ending`)).toEqual(["begin", "filler", "end"]);
    expect(termsOf(Array.from({ length: 500 }, (_, index) => `w${index}`).join(" "))).toHaveLength(48);
  });
});

describe("matchExpression", () => {
  const database = openChatDatabase(inMemory, silentLog);
  const search = database.prepare<unknown, { match: string }>(
    "SELECT rowid FROM document_words WHERE document_words MATCH $match",
  );
  const anyText = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: "grapheme" }),
    fc
      .array(
        fc.constantFrom(
          '"',
          "'",
          "\0",
          "*",
          "^",
          ":",
          "-",
          "(",
          ")",
          "NEAR",
          "AND",
          "OR",
          "NOT",
          "words",
          "你",
          "\ud83d",
          " ",
          "a",
        ),
      )
      .map((parts) => parts.join("")),
  );

  test(
    "of any question is one that SQLite understands",
    () => {
      fc.assert(
        fc.property(anyText, anyText, fc.option(fc.array(fc.nat()), { nil: undefined }), (question, caller, keys) => {
          const scopes = keys === undefined || keys.length > 0 ? keys : undefined;
          const match = matchExpression(caller, scopes, searchTerms(question, reader, stopWords));

          expect(search.all({ match })).toEqual([]);
        }),
        runsOf("matchExpression of questions", 500),
      );
    },
    patienceMs,
  );

  test(
    "of any words is one that SQLite understands, even of such as no question has",
    () => {
      fc.assert(
        fc.property(fc.array(fc.array(anyText, { minLength: 1, maxLength: 4 }), { maxLength: 60 }), (terms) => {
          expect(search.all({ match: matchExpression("a", undefined, terms) })).toEqual([]);
        }),
        runsOf("matchExpression of words", 300),
      );
    },
    patienceMs,
  );

  test("takes a thousand documents and as many words", () => {
    const keys = Array.from({ length: 1000 }, (_, index) => index);
    const terms = keys.map((key) => [`w${key}`]);

    expect(search.all({ match: matchExpression("a", keys, terms) })).toEqual([]);
  });
});
