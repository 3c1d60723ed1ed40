// Questions that may follow, out of whatever a model answers.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { runPipeline } from "../../../../src/pipeline/run-pipeline.ts";
import { definePipeline, type SideQuestion, type Step } from "../../../../src/pipeline/step.ts";
import { followUps, type FollowUpsOptions, readQuestions } from "../../../../src/pipeline/steps/follow-ups.ts";

describe("readQuestions", () => {
  test.each<[string, string[]]>([
    ['["A?","B?"]', ["A?", "B?"]],
    ['```json\n["A?", "B?"]\n```', ["A?", "B?"]],
    ['Here are some:\n["A?", "What does {} mean?"]\nEnjoy!', ["A?", "What does {} mean?"]],
    ['{"questions":["A?","B?"]}', ["A?", "B?"]],
    ['{"count":2,"list":["A?"]}', ["A?"]],
    ['[{"question":"A?"},{"question":"B?"}]', ["A?", "B?"]],
    ['["1. A?","2) B?","- C?"]', ["A?", "B?", "C?"]],
    ["1. A?\n2. B?\n3. C?", ["A?", "B?", "C?"]],
    ["Sure:\n- A?\n* B?\n• 还有吗？\nBest regards", ["A?", "B?", "还有吗？"]],
    ["1、多久？\n2、为什么？", ["多久？", "为什么？"]],
    ["ما هي المدة؟", ["ما هي المدة؟"]],
    ['["A?","A?","  A? "]', ["A?"]],
    ['["A?",7,null,"",{"x":1},["B?"]]', ["A?"]],
    ["I have no questions.", []],
    ["", []],
    ["[]", []],
    ["{}", []],
    ["null", []],
    ["[".repeat(5000), []],
    [JSON.stringify([`${"long ".repeat(100)}?`, "A?"]), ["A?"]],
    ['["2024 was a year of what?","3.5 of what?"]', ["2024 was a year of what?", "3.5 of what?"]],
  ])("of %j", (answer, questions) => {
    expect(readQuestions(answer, 3)).toEqual(questions);
  });

  test("gives no more than are wanted [R3-022]", () => {
    expect(readQuestions('["A?","B?","C?","D?"]', 3)).toEqual(["A?", "B?", "C?"]);
    expect(readQuestions("A?\nB?\nC?\nD?", 2)).toEqual(["A?", "B?"]);
  });

  test("gives lines: an end of one within a question is none of it", () => {
    expect(readQuestions('["Is\\nit\\u2028so?"]', 3)).toEqual(["Is it so?"]);
  });

  test("is quick with what is made to be slow", () => {
    const hostile = [
      `${"?".repeat(50_000)} x`,
      `${"? ".repeat(50_000)}x`,
      " ".repeat(200_000),
      `${"- ".repeat(50_000)}?`,
    ];

    const began = performance.now();
    for (const answer of hostile) readQuestions(answer, 3);

    expect(performance.now() - began).toBeLessThan(1000);
  });
});

describe("followUps", () => {
  const answering: Step = {
    name: "generation",
    async *run() {
      yield { token: "Two months." };
    },
  };

  async function run(
    ask: (question: SideQuestion) => Promise<string>,
    options: FollowUpsOptions = {},
    input: { steps?: readonly Step[]; follow_ups?: boolean; signal?: AbortSignal; message?: string } = {},
  ) {
    const { steps = [answering], follow_ups, signal, message = "What is the notice?" } = input;
    return Array.fromAsync(
      runPipeline(definePipeline([...steps, followUps(options)]), {
        message,
        ask,
        options: follow_ups === undefined ? {} : { follow_ups },
        ...(signal && { signal }),
      }),
    );
  }

  test("tells its stage and the questions, behind the last token [R3-022, R3-025]", async () => {
    const asked: SideQuestion[] = [];

    const events = await run(
      async (question) => {
        asked.push(question);
        return '["A?","B?"]';
      },
      { count: 2, timeoutMs: 55 },
    );

    expect(events).toEqual([{ token: "Two months." }, { stage: "follow_ups" }, { follow_up_questions: ["A?", "B?"] }]);
    expect(asked).toMatchObject([
      {
        prompt: "User: What is the notice?\n\nAssistant: Two months.",
        timeoutMs: 55,
        system: expect.stringContaining("2"),
      },
    ]);
  });

  test("asks nobody where the request does not want it, or where there is no answer", async () => {
    const ask = () => Promise.reject(new Error("asked"));

    expect(await run(ask, {}, { follow_ups: false })).toHaveLength(1);
    const silent: Step = { ...answering, async *run() {} };
    expect(await run(ask, {}, { steps: [silent] })).toEqual([]);
  });

  test("a model that fails or has no questions costs the questions only", async () => {
    const failing = () => Promise.reject(new GatewayError("upstream-timeout", "Too slow"));

    expect(await run(failing)).toEqual([{ token: "Two months." }, { stage: "follow_ups" }]);
    expect(await run(async () => "No.")).toEqual([{ token: "Two months." }, { stage: "follow_ups" }]);
  });

  test("ends where its caller has left", async () => {
    const leaving = new AbortController();
    const left = async () => {
      leaving.abort(new Error("left"));
      throw new Error("left");
    };

    await expect(run(left, {}, { signal: leaving.signal })).rejects.toThrow("left");
  });

  test("asks with the beginning of what is long, and cuts no character in half", async () => {
    let prompt = "";
    await run(
      async (question) => {
        prompt = question.prompt;
        return "";
      },
      {},
      { message: `x${"👍".repeat(50_000)}` },
    );

    expect(prompt.length).toBeLessThan(7000);
    expect(prompt.isWellFormed()).toBe(true);
  });
});
