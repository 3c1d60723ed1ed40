// What a message looks for: by rules in several languages, or by the model, whose failures cost its words only.

import { describe, expect, test } from "bun:test";
import type { Message } from "../../../../src/contract/chat-request.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { emptyState, runPipeline } from "../../../../src/pipeline/run-pipeline.ts";
import { definePipeline, type PipelineState, type SideQuestion, type Step } from "../../../../src/pipeline/step.ts";
import { analyseByRules, queryAnalysis } from "../../../../src/pipeline/steps/query-analysis.ts";

const history: readonly Message[] = [
  { role: "user", content: [{ type: "text", text: "How long is the notice period?" }] },
  { role: "assistant", content: [{ type: "text", text: "Two months." }], toolCalls: [] },
];
const before = "How long is the notice period?";

describe("analyseByRules", () => {
  const smallTalk = [
    ["Hi", "hello!", "Hey there", "Good morning", "Thanks a lot!", "thank you so much", "Many thanks.", "OK", "Bye!"],
    ["Hallo", "Danke!", "Vielen Dank!", "Guten Morgen", "Guten Tag", "Tschüss"],
    [
      "Hola",
      "¡Gracias!",
      "Buenos días",
      "Buenos di\u0301as",
      "Bonjour",
      "merci beaucoup",
      "Ciao",
      "Olá",
      "Привет",
      "спасибо",
    ],
    ["你好", "谢谢！", "再见。", "早上好", "こんにちは", "ありがとうございます", "안녕하세요", "감사합니다", "شكرا"],
  ].flat();

  test.each(smallTalk)("%s needs no documents", (message) => {
    expect(analyseByRules({ message, history })).toEqual({ query: message.normalize(), needsDocuments: false });
  });

  test.each([
    "Hello, what is the notice period of the contract?",
    "Hi there, who signed the contract?",
    "Thanks, and what about the salary in that contract?",
    "Okinawa",
    "Hiking rules",
    "Byelaws of the company",
    "你好，合同的通知期是多长时间呢？",
  ])("%s needs them", (message) => {
    expect(analyseByRules({ message, history: [] })).toEqual({ query: message, needsDocuments: true });
  });

  test.each([
    ["And in Germany, if somebody is ill?"],
    ["What about the people who work in the second year?"],
    ["Why is it so long, compared with other companies?"],
    ["Und was gilt für die Leute in der Probezeit?"],
    ["Warum ist das so lange, verglichen mit anderen?"],
    ["那试用期内的员工呢，他们的通知期是多长时间？"],
    ["为什么比其他公司的通知期要长这么多呢？这合理吗？"],
    ["Salary?"],
    ["试用期呢？"],
  ])("%s is looked for together with the question before", (message) => {
    expect(analyseByRules({ message, history })).toEqual({ query: `${before}\n${message}`, needsDocuments: true });
  });

  test.each([
    ["Itemise the costs of the whole project, please."],
    ["Whyte & Co. signed which of the contracts?"],
    ["Android phones: who is allowed to have one here?"],
    ["Which holidays are free in the Berlin office?"],
    ["Yesterday's minutes: what did they decide on pay?"],
  ])("%s stands by itself", (message) => {
    expect(analyseByRules({ message, history }).query).toBe(message);
  });

  test("the first message is looked for alone, however short", () => {
    expect(analyseByRules({ message: " Salary? ", history: [] })).toEqual({ query: "Salary?", needsDocuments: true });
  });

  test("nothing is looked for in nothing", () => {
    expect(analyseByRules({ message: " ", history }).needsDocuments).toBe(false);
  });

  test("a query has 2000 characters at most, the newest ones, and no half of one", () => {
    const { query } = analyseByRules({ message: `x${"👍".repeat(1000)}`, history });

    expect(query.length).toBeLessThanOrEqual(2000);
    expect(query.isWellFormed()).toBe(true);
    expect(analyseByRules({ message: "a ".repeat(5000), history: [] }).query.length).toBeLessThanOrEqual(2000);
  });

  test("is quick with what is made to be slow", () => {
    const began = performance.now();
    for (const message of [
      "hi ".repeat(60_000),
      `hi${" ,!".repeat(60_000)}x`,
      "what about ".repeat(18_000),
      " ".repeat(200_000),
    ])
      analyseByRules({ message, history });

    expect(performance.now() - began).toBeLessThan(500);
  });
});

describe("queryAnalysis", () => {
  interface Seen {
    state: PipelineState;
    asked: SideQuestion[];
  }

  async function run(
    step: Step,
    ask: (question: SideQuestion) => Promise<string>,
    options: { analysis?: boolean; message?: string; signal?: AbortSignal } = {},
  ): Promise<Seen> {
    const { message = "And in Berlin?", analysis, signal } = options;
    const seen: Seen = { state: emptyState(""), asked: [] };
    const looking: Step = {
      name: "look",
      // biome-ignore lint/correctness/useYield: it only looks.
      async *run({ state }) {
        seen.state = { ...state };
      },
    };
    await Array.fromAsync(
      runPipeline(definePipeline([step, looking]), {
        message,
        history,
        options: analysis === undefined ? {} : { analysis },
        ask: (question) => {
          seen.asked.push(question);
          return ask(question);
        },
        ...(signal && { signal }),
      }),
    );
    return seen;
  }

  const answering = (text: string) => async () => text;

  test("tells its stage [R3-016]", async () => {
    expect(await Array.fromAsync(runPipeline(definePipeline([queryAnalysis()]), { message: "Hi" }))).toEqual([
      { stage: "query_analysis" },
    ]);
  });

  test("asks nobody by rules", async () => {
    const { state, asked } = await run(queryAnalysis(), answering("{}"));

    expect([state.query, asked.length]).toEqual([`${before}\nAnd in Berlin?`, 0]);
  });

  test("asks the model where it is told to, with the conversation before", async () => {
    const { state, asked } = await run(
      queryAnalysis({ by: "model", timeoutMs: 77 }),
      answering('```json\n{"query":"notice period Berlin","needs_documents":true}\n```'),
    );

    expect(state).toMatchObject({ query: "notice period Berlin", needsDocuments: true });
    expect(asked).toMatchObject([
      {
        prompt: `user: ${before}\nassistant: Two months.\nuser: And in Berlin?`,
        timeoutMs: 77,
      },
    ]);
  });

  test("a request has the last word", async () => {
    const model = answering('{"query":"by model"}');

    expect((await run(queryAnalysis(), model, { analysis: true })).state.query).toBe("by model");
    expect((await run(queryAnalysis({ by: "model" }), model, { analysis: false })).asked).toEqual([]);
  });

  test("believes a model that says that no documents are needed", async () => {
    const { state } = await run(queryAnalysis({ by: "model" }), answering('{"query":"x","needs_documents":false}'));

    expect(state.needsDocuments).toBe(false);
  });

  test.each([
    "",
    "I cannot do that.",
    "[]",
    "null",
    '"text"',
    '{"query":""}',
    '{"query":7}',
    '{"q":"x"}',
    "{".repeat(1000),
  ])("takes the rules where the model says %j", async (answer) => {
    const { state } = await run(queryAnalysis({ by: "model" }), answering(answer));

    expect(state.query).toBe(`${before}\nAnd in Berlin?`);
  });

  test("takes the rules where the model fails, and ends where its caller has left", async () => {
    const failing = () => Promise.reject(new GatewayError("upstream-timeout", "Too slow"));
    expect((await run(queryAnalysis({ by: "model" }), failing)).state.query).toContain("Berlin");

    const leaving = new AbortController();
    const left = async () => {
      leaving.abort(new Error("left"));
      throw new Error("left");
    };
    await expect(run(queryAnalysis({ by: "model" }), left, { signal: leaving.signal })).rejects.toThrow("left");
  });

  test("neither asks too much nor believes too much, and cuts no character in half", async () => {
    const { asked, state } = await run(
      queryAnalysis({ by: "model" }),
      answering(JSON.stringify({ query: `x${"👍".repeat(50_000)}` })),
      { message: `x${"👍".repeat(50_000)}` },
    );

    expect(asked[0]!.prompt.length).toBeLessThan(3000);
    expect(asked[0]!.prompt.isWellFormed()).toBe(true);
    expect(state.query.length).toBeLessThanOrEqual(2000);
    expect(state.query.isWellFormed()).toBe(true);
  });
});
