// What the compiled executable says, over both kinds of upstream, has none of the faults by which real clients break, and
// each of them would be seen.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { checkChatStream } from "../support/checkers/check-chat-stream.ts";
import { checkMessagesStream } from "../support/checkers/check-messages-stream.ts";
import { checkResponsesStream } from "../support/checkers/check-responses-stream.ts";
import { chatFaults, messagesFaults, plantFault, responsesFaults } from "../support/checkers/planted-faults.ts";
import { type ClientStage, startClientStage } from "../support/client-stage.ts";
import { samplesOf } from "../support/surface/answer-of.ts";
import { startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const matrix = {
  chat: { path: "/v1/chat/completions", faults: chatFaults },
  messages: { path: "/v1/messages", faults: messagesFaults },
  responses: { path: "/v1/responses", faults: responsesFaults },
} as const;
const names = Object.keys(matrix) as (keyof typeof matrix)[];
const checks = {
  chat: (body: string) => checkChatStream(body, { includeUsage: true }),
  messages: checkMessagesStream,
  responses: checkResponsesStream,
};
const tools = ["get_weather", "get_time"];
const calls = [
  { name: "get_weather", arguments: { city: "Paris" } },
  { name: "get_time", arguments: { zone: "CET" } },
];

function mustSeeAll(name: keyof typeof matrix, body: string): void {
  expect(checks[name](body)).toEqual([]);
  for (const fault of matrix[name].faults) {
    expect(checks[name](plantFault(body, fault)).join("\n")).toContain(fault.found);
  }
}

describe("over a Qwen account", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  test.each(names)("%s", async (name) => {
    await stage.emulator.script({ reply: { thinking: "I think.", text: "Hello friend.", calls } });
    const body = samplesOf[name].body({ text: `Hello ${name}`, stream: true, model: "qwen3-max", tools });

    mustSeeAll(name, await (await stage.post(matrix[name].path, body)).text());
  });
});

describe("over a server of chat completions", () => {
  let stage: ClientStage;
  beforeAll(async () => {
    stage = await startClientStage("vllm");
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  test.each(names)("%s", async (name) => {
    stage.emulator.script({
      reply: {
        reasoning: ["I think."],
        chunks: ["Hello ", "friend."],
        calls: calls.map((call) => ({ name: call.name, arguments: call.arguments })),
      },
    });
    const body = samplesOf[name].body({ text: "Hello", stream: true, model: stage.model, tools });
    const response = await fetch(new URL(matrix[name].path, stage.baseUrl), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });

    mustSeeAll(name, await response.text());
  });
});
