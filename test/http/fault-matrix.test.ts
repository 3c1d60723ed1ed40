// The matrix of faults by which real clients break: each line is planted into an answer of the gateway. The checkers take our
// answer and name the fault; the official packages read our answer, and break by the fault or miscount where they did so.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import type { RunnableToolFunction } from "openai/lib/RunnableFunction";
import { EventSource } from "eventsource";
import {
  type ChangeableAnswer,
  chatAnswerFaults,
  chatFaults,
  messagesFaults,
  type PlantedFault,
  plantFault,
  responsesFaults,
} from "../support/checkers/planted-faults.ts";
import { checkChatAnswer } from "../support/checkers/check-answers.ts";
import type { ClientAnswer } from "../support/surface/client-answer.ts";
import { type AnswerPath, answerOf, samplesOf, streamed } from "../support/surface/answer-of.ts";
import { openaiAnsweredBy } from "../support/surface/openai-readers.ts";
import { expectedAnswer, everything, toolNames } from "../support/surface/sample-replies.ts";
import { chatSamples } from "../support/surface/surface-samples.ts";
import type { Lane } from "../support/surface/wire-replies.ts";

const lanes: readonly Lane[] = ["web", "compatible"];
const faults: Readonly<Record<AnswerPath, readonly PlantedFault[]>> = {
  chat: chatFaults,
  messages: messagesFaults,
  responses: responsesFaults,
};

test("each line of the matrix in the documents is planted here", () => {
  const document = readFileSync(join(import.meta.dir, "../../docs/client-faults.md"), "utf8");
  const rows = (document.split(/<!-- \/?matrix -->/)[1] ?? "").matchAll(
    /^\| (chat|messages|responses) +\| (.+?) +\|/gm,
  );
  const lines = [...rows].map(([, surface, fault]) => `${surface}: ${fault}`);
  const planted = [
    ...Object.entries(faults).flatMap(([surface, known]) => known.map(({ name }) => `${surface}: ${name}`)),
    ...chatAnswerFaults.map(({ name }) => `chat: ${name}`),
  ];

  expect(lines).toHaveLength(24);
  expect(lines.filter((line) => !planted.includes(line))).toEqual([]);
});

describe.each(Object.keys(faults) as AnswerPath[])("%s", (path) => {
  const { checkStream } = samplesOf[path];
  describe.each([...faults[path]])("$name", (fault) => {
    test.each([...lanes])("is not in a stream over a %s upstream, and is seen where it is", async (lane) => {
      const body = await answerOf(path, lane, true);

      expect(checkStream(body)).toEqual([]);
      expect(checkStream(plantFault(body, fault)).join("\n")).toContain(fault.found);
    });
  });
});

describe("a chat that is passed on as it came", () => {
  const words = chatFaults.filter(({ name }) => !/call|index|arguments|calls/.test(name));
  test.each([...words])("$name", async (fault) => {
    const body = await answerOf("chat", "compatible", true, { reasoning: ["Hm."], text: ["Hello ", "friend."] });

    expect(body).toContain("friend.");
    expect(chatSamples.checkStream(body)).toEqual([]);
    expect(chatSamples.checkStream(plantFault(body, fault)).join("\n")).toContain(fault.found);
  });
});

describe("a whole chat answer", () => {
  test.each([...chatAnswerFaults])("$name", async ({ plant, found }) => {
    for (const lane of lanes) {
      // The shape is what the checker asserts.
      const answer = JSON.parse(await answerOf("chat", lane, false)) as ChangeableAnswer;
      expect(checkChatAnswer(answer)).toEqual([]);
      plant(answer);
      expect(checkChatAnswer(answer)).toContain(found);
    }
  });
});

/** How the official package fares with a fault: it throws, reads something else, or what it has read of our answer is gone. */
type Outcome = RegExp | "otherwise" | Partial<ClientAnswer>;

const broken: Readonly<Record<AnswerPath, Readonly<Record<string, Outcome>>>> = {
  chat: {
    "no delta.role": /missing role for choice 0/,
    "no finish_reason": /missing finish_reason/,
    'finish "stop" with calls': { finish: "stop" },
    "no tool index": /./,
    "index always 0": /./,
    "no usage": { usage: undefined },
  },
  messages: {
    "no message_start": /without sending any chunks/,
    "index always 0": "otherwise",
    "end_turn with tool_use": { finish: "stop" },
    "no event: line": /without sending any chunks/,
    "no message_stop": /ended without producing a Message/i,
    "no usage": /./,
  },
  responses: {
    "wrong item_id": /./,
    "no content_part": /missing content at index 0/,
    "no completed": { finish: undefined },
    "no call_id": /non-empty output item call_id/,
    "no usage": { usage: undefined },
  },
};

describe.each(Object.keys(broken) as AnswerPath[])("the official client of %s", (path) => {
  const samples = samplesOf[path];

  test.each(Object.entries(broken[path]))("reads our answer, and is broken by: %s", async (name, outcome) => {
    const fault = faults[path].find((known) => known.name === name)!;
    const body = await answerOf(path, "web", true);
    const read = (text: string): Promise<ClientAnswer | Error> =>
      samples.read(streamed(text), true).catch((error: unknown) => error as Error);

    expect(await read(body)).toEqual(expectedAnswer(samples, everything));
    const answer = await read(plantFault(body, fault));
    if (outcome === "otherwise") expect(answer).not.toEqual(expectedAnswer(samples, everything));
    else if (!(outcome instanceof RegExp)) expect(answer).toMatchObject(outcome);
    else expect(answer instanceof Error ? answer.message : answer.error?.message).toMatch(outcome);
  });
});

test("runTools calls our tools, and nothing where arguments are an object", async () => {
  // The shape is what the checker asserts.
  const answer = JSON.parse(await answerOf("chat", "web", false)) as ChangeableAnswer;
  const spoilt = structuredClone(answer);
  chatAnswerFaults.find(({ name }) => name === "arguments object")!.plant(spoilt);
  const last = JSON.parse(await answerOf("chat", "web", false, { text: ["Done."] })) as unknown;

  const runWith = async (first: unknown): Promise<unknown[]> => {
    const answers = [first, last];
    const inputs: unknown[] = [];
    const client = openaiAnsweredBy(() => Response.json(answers.shift()));
    const tool = (name: string): RunnableToolFunction<object> => ({
      type: "function",
      function: {
        name,
        description: name,
        parameters: { type: "object" },
        parse: (text: string) => JSON.parse(text) as object,
        function(input) {
          inputs.push(input);
          return "done";
        },
      },
    });
    const runner = client.chat.completions.runTools({
      model: "m",
      messages: [{ role: "user", content: "x" }],
      tools: toolNames.map(tool),
    });
    await runner.done().catch(() => undefined);
    return inputs;
  };

  expect(await runWith(answer)).toEqual([{ city: "Paris", days: 2 }, { zone: "CET" }]);
  expect(await runWith(spoilt)).toEqual([]);
});

test("an event source has its end by [DONE], and asks over and over without it", async () => {
  const body = await answerOf("chat", "web", true);
  const fault = chatFaults.find(({ name }) => name === "no [DONE]")!;

  /** How often it asked until it was told the end, or asked a third time. */
  const asks = (text: string): Promise<number> => {
    const { promise, resolve } = Promise.withResolvers<number>();
    let count = 0;
    const source = new EventSource("http://gateway.test/v1/chat/completions", {
      fetch: async () => {
        count++;
        if (count === 3) resolve(count);
        // Told by the server, so that nobody has to wait for its own three seconds.
        return streamed(`retry: 1\n\n${text}`);
      },
    });
    source.addEventListener("message", ({ data }) => {
      if (data !== "[DONE]") return;
      source.close();
      resolve(count);
    });
    return promise.finally(() => source.close());
  };

  expect(await asks(body)).toBe(1);
  expect(await asks(plantFault(body, fault))).toBe(3);
});
