// A stream of responses that breaks off in the middle: each package tells its user, and none asks again by itself.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createOpenAI } from "@ai-sdk/openai";
import { ChatOpenAI } from "@langchain/openai";
import { openaiResponses } from "@llamaindex/openai";
import { Agent, OpenAIResponsesModel, Runner } from "@openai/agents";
import { streamText } from "ai";
import OpenAI from "openai";
import { type ModelStage, startModelStage, upstreamKinds } from "../support/model-stage.ts";

setDefaultTimeout(20_000);

/** Each streams an answer to its end, and throws what its user is told. */
const readers: Readonly<Record<string, (stage: ModelStage) => Promise<unknown>>> = {
  async openai(stage) {
    const { model } = stage;
    return Array.fromAsync(await clientOf(stage).responses.create({ model, input: "Go", stream: true }));
  },
  "openai's stream helper": (stage) =>
    clientOf(stage).responses.stream({ model: stage.model, input: "Go" }).finalResponse(),
  async ai({ baseUrl, model }) {
    const failures: unknown[] = [];
    const onError = ({ error }: { readonly error: unknown }) => void failures.push(error);
    const provider = createOpenAI({ baseURL: baseUrl, apiKey: "none" });
    await streamText({ model: provider(model), prompt: "Go", onError }).consumeStream();
    if (failures.length > 0) throw failures[0];
  },
  async LangChain({ baseUrl, model }) {
    const chat = new ChatOpenAI({ model, apiKey: "none", useResponsesApi: true, configuration: { baseURL: baseUrl } });
    return Array.fromAsync(await chat.stream("Go"));
  },
  async "@openai/agents"(stage) {
    const agent = new Agent({ name: "Guide", model: new OpenAIResponsesModel(clientOf(stage), stage.model) });
    // Traces would go to OpenAI.
    const result = await new Runner({ tracingDisabled: true }).run(agent, "Go", { stream: true });
    await result.completed;
  },
  async LlamaIndex({ baseUrl, model }) {
    const chat = openaiResponses({ model, apiKey: "none", baseURL: baseUrl });
    const messages = [{ role: "user" as const, content: "Go" }];
    return Array.fromAsync(await chat.chat({ messages, stream: true }));
  },
};

function clientOf({ baseUrl }: ModelStage): OpenAI {
  return new OpenAI({ baseURL: baseUrl, apiKey: "none" });
}

describe.each(upstreamKinds)("over %s", (kind) => {
  let stage: ModelStage;
  beforeAll(async () => {
    stage = await startModelStage(kind);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  test.each(Object.entries(readers))("%s tells that the answer broke off", async (_, read) => {
    const before = stage.asked().length;
    stage.script({ text: "one two three four five", breaksAfter: 3 });
    const told = await read(stage).then(
      () => "nothing",
      (error: unknown) => (error instanceof Error ? error.message : Bun.inspect(error)),
    );

    expect(told).toContain("broke off");
    expect(stage.asked().length - before).toBe(1);
  });
});
