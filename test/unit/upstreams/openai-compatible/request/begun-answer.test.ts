// An answer that the client has begun (Anthropic's prefill): each server is told in its own words to go on with it.

import { describe, expect, test } from "bun:test";
import { parseRequest as parseChat } from "../../../../../src/surfaces/openai-chat/parse-request.ts";
import { parseRequest } from "../../../../../src/surfaces/anthropic-messages/parse-request.ts";
import type { Body, DialectName } from "../../../../../src/upstreams/openai-compatible/dialect.ts";
import { dialects } from "../../../../../src/upstreams/openai-compatible/dialects/index.ts";
import { withoutThoughts } from "../../../../../src/upstreams/openai-compatible/request/begun-answer.ts";
import { findRepair } from "../../../../../src/upstreams/openai-compatible/request/body-repairs.ts";
import { createOutgoingBody } from "../../../../../src/upstreams/openai-compatible/request/outgoing-body.ts";
import { classifyAnswer } from "../../../../../src/upstreams/openai-compatible/refusals/errors.ts";
import { testSource } from "../../../../support/compatible-recordings.ts";

const messages = [
  { role: "user", content: "In JSON" },
  { role: "assistant", content: "{" },
];
const tools = [{ name: "add", input_schema: { type: "object" } }];

function sent(dialect: DialectName, fields: object = {}, model = "qwen3.7-plus", parse = parseRequest): Body {
  const options = { dialect: dialects[dialect], upstream: "mine", model };
  const request = withoutThoughts(parse({ max_tokens: 9, messages, tools, ...fields }), options);
  const body = createOutgoingBody(request, options);
  // A cast: it was written from this form.
  return JSON.parse(String(body.write(body.fields))) as Body;
}

const continued = { continue_final_message: true, add_generation_prompt: false };

describe("an answer that the client has begun", () => {
  test.each(["vllm", "sglang"] as const)("goes on at %s, without thoughts", (dialect) => {
    expect(sent(dialect)).toMatchObject({ ...continued, chat_template_kwargs: { enable_thinking: false } });
  });

  test("goes on at DashScope with the models that can, without thoughts", () => {
    const partial = { role: "assistant", content: "{", partial: true };

    expect(sent("dashscope")).toMatchObject({ enable_thinking: false, messages: [messages[0], partial] });
    expect(sent("dashscope", {}, "qwen4-max")["messages"]).toEqual([messages[0]!, partial]);
    for (const model of ["qwen3.8-max", "qwen3-vl-8b-thinking", "glm-5"]) {
      expect(sent("dashscope", {}, model)["messages"]).toEqual(messages);
    }
  });

  test.each(["llama-cpp", "ollama", "lm-studio", "modelscope", "generic"] as const)(
    "is as it was for %s",
    (dialect) => {
      const body = sent(dialect);

      expect(body["messages"]).toEqual(messages);
      expect(body).not.toContainKey("continue_final_message");
      expect(body).not.toContainKey("chat_template_kwargs");
    },
  );

  test.each([
    ["thoughts are asked for", { thinking: { type: "enabled", budget_tokens: 1024 } }],
    ["the model may think", { thinking: { type: "adaptive" } }],
    ["a call is demanded", { tool_choice: { type: "any" } }],
    ["the answer has a form", { output_config: { format: { type: "json_schema", schema: { type: "object" } } } }],
    [
      "a call stands last",
      {
        messages: [
          messages[0],
          { role: "assistant", content: [{ type: "tool_use", id: "a", name: "add", input: {} }] },
        ],
      },
    ],
    ["nothing was said", { messages: [messages[0], { role: "assistant", content: " " }] }],
    ["the user speaks last", { messages: [...messages, { role: "user", content: "Go on" }] }],
  ] as const)("is none where %s", (_why, fields) => {
    expect(sent("vllm", fields)).not.toContainKey("continue_final_message");
  });

  test("is none in OpenAI's protocol, which has no such thing", () => {
    expect(sent("vllm", { tools: [] }, "m", parseChat)).not.toContainKey("continue_final_message");
  });

  test.each([
    "continue_final_message is set but the final message does not appear in the chat after applying the chat template!",
    "Unrecognized request argument supplied: continue_final_message",
  ])("is followed by another message where the server cannot: %s", (message) => {
    const facts = { status: 400, contentType: "application/json", retryAfterMs: undefined };
    const refusal = classifyAnswer(JSON.stringify({ message, code: 400 }), facts, testSource);

    expect(
      findRepair(refusal, { stream: true, ...continued }, new Set())?.change({ stream: true, ...continued }),
    ).toEqual({
      stream: true,
    });
  });
});
