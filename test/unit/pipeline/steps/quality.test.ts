// The measure of an answer, as docs/typed-chat.md has it.

import { describe, expect, test } from "bun:test";
import { emptyState, runPipeline } from "../../../../src/pipeline/run-pipeline.ts";
import { definePipeline, type PipelineState, type Step } from "../../../../src/pipeline/step.ts";
import { measureQuality, quality } from "../../../../src/pipeline/steps/quality.ts";
import { readProjectFile } from "../../house/source-files.ts";

const message = "How long is the notice period?";

function sourceOf(text: string) {
  return { chunk_id: "c", document_name: "d", text, score: 1 };
}

function measure(answer: string, change: Partial<PipelineState> = {}, asked = message): number {
  return measureQuality({ message: asked, state: { ...emptyState(asked), answer, finishReason: "stop", ...change } });
}

describe("measureQuality", () => {
  test.each<[string, number, number]>([
    ["no answer", measure(""), 0],
    ["white space", measure(" \n "), 0],
    ["no answer, with sources", measure("", { sources: [sourceOf("x")] }), 0],
    ["words that are no terms", measure("I do."), 0.4],
    // (0.4 + 0.3 * 2/3) / 0.7: "long" is missing.
    ["a short one that takes up two of three terms", measure("The notice period: two months."), 0.86],
    ["one beside the matter", measure("Bananas."), 0.57],
    [
      "a long one beside the matter",
      measure("Bananas grow in warm countries where farmers harvest them green before shipping."),
      0.79,
    ],
    ["one whose words ran out", measure("The notice period: two", { finishReason: "length" }), 0.57],
    ["one to a question without terms", measure("Certainly.", {}, "Is it so?"), 1],
    [
      "one that leans on a page of which a line is known",
      measure("The notice period: two months.", { sources: [{ ...sourceOf("Law"), url: "https://a.example/" }] }),
      0.86,
    ],
    // (0.4 + 0.3 * 2/3 + 0.3 * 1) / 1
    [
      "one that stands in its source",
      measure("The notice period: two months.", { sources: [sourceOf("Two months is the notice period")] }),
      0.9,
    ],
    // "two" and "months" stand nowhere: half of four.
    [
      "one that half stands in its source",
      measure("The notice period: two months.", { sources: [sourceOf("Something else")] }),
      0.75,
    ],
  ])("of %s", (_of, score, expected) => {
    expect(score).toBe(expected);
  });

  test("knows a source that stands behind a long one", () => {
    const long = sourceOf("filler ".repeat(10_000));

    expect(measure("The notice period: two months.", { sources: [long, sourceOf("two months")] })).toBe(0.9);
  });

  test("works for scripts without spaces", () => {
    const grounded = measure("通知期为两个月。", { sources: [sourceOf("通知期为两个月。")] }, "通知期多长?");
    const invented = measure("香蕉生长在温暖国家。", { sources: [sourceOf("通知期为两个月。")] }, "通知期多长?");

    expect(grounded).toBeGreaterThan(invented + 0.3);
  });

  test("is written down as it is", () => {
    const section = /^## Quality\n([\s\S]*?)^## /m.exec(readProjectFile("docs/typed-chat.md"))?.[1] ?? "";

    expect(section).toMatch(/\| Ending +\| 0\.4 +\|/);
    expect(section).toMatch(/\| Relevance +\| 0\.3 +\|/);
    expect(section).toMatch(/\| Grounding +\| 0\.3 +\|/);
    expect(section).toContain("From 8 terms on");
  });
});

describe("quality", () => {
  const answering: Step = {
    name: "generation",
    async *run() {
      yield { token: "The notice period: two months." };
    },
  };

  test("tells its stage and the score, behind the last token [R3-021, R3-025]", async () => {
    const events = await Array.fromAsync(runPipeline(definePipeline([answering, quality()]), { message }));

    expect(events.slice(1)).toEqual([{ stage: "quality" }, { quality_score: 0.86 }]);
  });

  test("is left out where the request says so", async () => {
    const pipeline = definePipeline([answering, quality()]);

    expect(await Array.fromAsync(runPipeline(pipeline, { message, options: { quality: false } }))).toHaveLength(1);
  });
});
