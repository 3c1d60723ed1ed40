// Pipelines are composed by name, and plain functions become their steps.

import { describe, expect, test } from "bun:test";
import { createEventStream } from "../../../src/pipeline/event-stream.ts";
import { runPipeline } from "../../../src/pipeline/run-pipeline.ts";
import { defineNode, definePipeline, type NodeResult, type Pipeline, type Step } from "../../../src/pipeline/step.ts";
import { parseFrames } from "../../support/sse-frames.ts";

function step(name: string): Step {
  return defineNode(name, () => ({}));
}

function namesOf(pipeline: Pipeline): string[] {
  return pipeline.steps.map(({ name }) => name);
}

const abc = definePipeline([step("a"), step("b"), step("c")]);

describe("definePipeline", () => {
  test("without leaves a step out", () => {
    expect(namesOf(abc.without("b"))).toEqual(["a", "c"]);
  });

  test("replace puts another step in the place of one, of whatever name", () => {
    expect(namesOf(abc.replace("b", step("x")))).toEqual(["a", "x", "c"]);
    expect(namesOf(abc.replace("b", step("b")))).toEqual(["a", "b", "c"]);
  });

  test("insert puts a step before or behind one", () => {
    expect(namesOf(abc.insert(step("x"), { before: "a" }))).toEqual(["x", "a", "b", "c"]);
    expect(namesOf(abc.insert(step("x"), { after: "a" }))).toEqual(["a", "x", "b", "c"]);
    expect(namesOf(abc.insert(step("x"), { after: "c" }))).toEqual(["a", "b", "c", "x"]);
  });

  test("changes make new pipelines: the one before stays", () => {
    abc.without("a").insert(step("x"), { after: "b" }).replace("c", step("y"));

    expect(namesOf(abc)).toEqual(["a", "b", "c"]);
  });

  test("is not changed by whoever changes the list that it was made of", () => {
    const steps = [step("a"), step("b")];
    const pipeline = definePipeline(steps);

    steps.length = 0;

    expect(namesOf(pipeline)).toEqual(["a", "b"]);
    expect(namesOf(pipeline.without("b"))).toEqual(["a"]);
  });

  test.each<[string, () => Pipeline]>([
    ["no steps", () => definePipeline([])],
    ['"a" is in it twice', () => definePipeline([step("a"), step("b"), step("a")])],
    ['"b" is in it twice', () => abc.insert(step("b"), { after: "c" })],
    ['"c" is in it twice', () => abc.replace("a", step("c"))],
    ['no step "x", only a, b, c', () => abc.without("x")],
    ['no step "x", only a, b, c', () => abc.replace("x", step("y"))],
    ['no step "x", only a, b, c', () => abc.insert(step("y"), { before: "x" })],
    ['no step "x", only a, b, c', () => abc.insert(step("y"), { after: "x" })],
    ["no steps", () => definePipeline([step("a")]).without("a")],
  ])("refuses what cannot run: %s", (reason, define) => {
    expect(define).toThrow(RangeError);
    expect(define).toThrow(reason);
  });
});

const source = { chunk_id: "d1:0", document_name: "contract.txt", text: "Notice is two months.", score: 0.9 };

async function* pieces(...texts: readonly string[]): AsyncGenerator<string> {
  yield* texts;
}

async function framesOf(pipeline: Pipeline, message = "What is the notice?"): Promise<string[]> {
  const body = await new Response(createEventStream(runPipeline(pipeline, { message }))).text();
  return parseFrames(body).map(({ data }) => data);
}

describe("defineNode", () => {
  test("each node emits its stage, retrieval its sources, generation its content: a custom pipeline of three [R3-026]", async () => {
    const pipeline = definePipeline([
      defineNode("query_analysis", ({ state, message }) => {
        state.query = message.toLowerCase();
        return {};
      }),
      defineNode("retrieval", async ({ state }) => ({ sources: [{ ...source, text: `found for ${state.query}` }] })),
      defineNode("generation", ({ state }) => ({
        answer: pieces("Two ", `months [${state.sources.length}].`),
      })),
    ]);

    expect(await framesOf(pipeline)).toEqual([
      '{"stage":"query_analysis"}',
      '{"stage":"retrieval"}',
      JSON.stringify({ sources: [{ ...source, text: "found for what is the notice?" }] }),
      '{"stage":"generation"}',
      '{"token":"Two "}',
      '{"token":"months [1]."}',
      "[DONE]",
    ]);
  });

  test("a text in one piece is one token frame [R3-027]", async () => {
    const pipeline = definePipeline([defineNode("generation", () => ({ answer: "The whole text at once." }))]);

    expect(await framesOf(pipeline)).toEqual([
      '{"stage":"generation"}',
      '{"token":"The whole text at once."}',
      "[DONE]",
    ]);
  });

  test("tells all that a node gives, sources before words before measures [R3-025]", async () => {
    const result: NodeResult = {
      follow_up_questions: ["And then?"],
      quality_score: 0.5,
      answer: "Yes.",
      sources: [source],
    };

    expect(await framesOf(definePipeline([defineNode("all", () => result)]))).toEqual([
      '{"stage":"all"}',
      JSON.stringify({ sources: [source] }),
      '{"token":"Yes."}',
      '{"quality_score":0.5}',
      '{"follow_up_questions":["And then?"]}',
      "[DONE]",
    ]);
  });

  test("emits its stage before its work begins [R3-016]", async () => {
    const worked: string[] = [];
    const pipeline = definePipeline([
      defineNode("a", () => {
        worked.push("a");
        return {};
      }),
    ]);
    const events = runPipeline(pipeline, { message: "x" });

    expect((await events.next()).value).toEqual({ stage: "a" });
    expect(worked).toEqual([]);
    await events.next();
    expect(worked).toEqual(["a"]);
  });

  test("what was told of an answer is known to the nodes behind", async () => {
    let known: unknown;
    const pipeline = definePipeline([
      defineNode("generation", () => ({ sources: [source], answer: pieces("a", "b") })),
      defineNode("look", ({ state: { answer, sources } }) => {
        known = { answer, sources };
        return {};
      }),
    ]);

    await framesOf(pipeline);

    expect(known).toEqual({ answer: "ab", sources: [source] });
  });
});
