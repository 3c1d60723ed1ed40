// Answers in the forms that instructions ask for: lists, search queries, words out of numbered sources.

import { describe, expect, test } from "bun:test";
import { fromSources, jsonOfSchema, listOfTexts, searchQuery } from "../../../src/emulator/asked-forms.ts";
import type { Dialogue } from "../../../src/emulator/dialogue.ts";
import { createRandom } from "../../../src/emulator/random.ts";
import { readQuestions } from "../../../src/pipeline/steps/follow-ups.ts";

function told(...background: readonly string[]): Dialogue {
  return { background, earlier: [], question: "" };
}

describe("listOfTexts", () => {
  test("gives as many questions as are asked for, about what was said, the same for the same seed", () => {
    const dialogue = told("Answer with a JSON array of 3 strings and nothing else.");
    const list = () => listOfTexts("How long is the notice period here, please?", dialogue, createRandom(1));

    const questions: unknown = JSON.parse(list() ?? "");

    expect(questions).toHaveLength(3);
    expect(new Set(questions as string[]).size).toBe(3);
    expect(list()).toContain("How long is the notice");
    expect(list()).toBe(list()!);
  });

  test("is what the step that asks for it understands [R3-022]", () => {
    const answer = listOfTexts("两个月 notice?", told("a JSON array of 5 strings"), createRandom(2));

    expect(readQuestions(answer ?? "", 5)).toHaveLength(5);
  });

  test.each([
    [told(), undefined],
    [told("Be brief."), undefined],
    [told("a JSON array of many strings"), undefined],
    [told("a JSON array of 0 strings"), "[]"],
  ])("of %j is %p", (dialogue, answer) => {
    expect(listOfTexts("x", dialogue, createRandom(1))).toBe(answer as string);
  });

  test("has five forms and no more", () => {
    expect(JSON.parse(listOfTexts("x", told("JSON array of 99 strings"), createRandom(1)) ?? "")).toHaveLength(5);
  });
});

describe("searchQuery", () => {
  const instructions = told('Answer with JSON only: {"query": "...", "needs_documents": true}.');

  test("is the words of the newest message", () => {
    expect(searchQuery("user: First?\nassistant: Yes.\nuser: And the notice, 两个月?", instructions)).toBe(
      '{"query":"And the notice 两个月","needs_documents":true}',
    );
    expect(searchQuery("Bare question?", instructions)).toBe('{"query":"Bare question","needs_documents":true}');
  });

  test("is given only where it is asked for", () => {
    expect(searchQuery("x", told("Answer briefly."))).toBeUndefined();
  });
});

describe("fromSources", () => {
  const sources = [
    "Answer from the numbered sources below.",
    '<source number="1" name="a.txt">\nThe office is in Berlin. It has a garden.\n</source>',
    '<source number="2" name="b.txt">\nPay comes monthly.\nThe notice period is two months.\n</source>',
  ].join("\n\n");

  test("answers by the sentence that shares most words with the question, and cites it", () => {
    expect(fromSources("How long is the notice period?", told(sources))).toStartWith(
      "The notice period is two months. [2] ",
    );
    expect(fromSources("Where is the OFFICE?", told(sources))).toStartWith("The office is in Berlin. [1] ");
  });

  test("says nothing where nothing fits, or where there are no sources", () => {
    expect(fromSources("Warum?", told(sources))).toBeUndefined();
    expect(fromSources("notice period", told("Be brief."))).toBeUndefined();
    expect(fromSources("notice period", told())).toBeUndefined();
  });

  test("takes the newest instructions: sources of earlier messages are no more", () => {
    expect(fromSources("notice period", told(sources, "Be brief."))).toBeUndefined();
  });
});

describe("jsonOfSchema", () => {
  const answer = (question: string) => `about ${question}`;

  test("gives an example of a schema that stands on a line of its own", () => {
    const schema = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] };
    const question = `Where?\n\n# Answer format\nAnswer with one JSON object and nothing else.\nJSON schema:\n${JSON.stringify(schema)}`;
    expect(jsonOfSchema(question, answer)).toBe('{"a":1}');
  });

  test("gives the answer within an object where no schema is told", () => {
    expect(jsonOfSchema("Where?\n# Answer format\nAnswer with one JSON object and nothing else.", answer)).toBe(
      '{"answer":"about Where?"}',
    );
  });

  test("is not meant by people who write about it", () => {
    expect(jsonOfSchema("What is a JSON schema?", answer)).toBeUndefined();
    expect(jsonOfSchema("Answer with one JSON object.\nJSON schema:\n{broken", answer)).toBeUndefined();
  });
});
