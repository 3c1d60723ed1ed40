// OpenAI's agents package: an agent with a tool, run to its answer, and once more as a stream.
// Needs: bun add @openai/agents openai zod. Start a gateway first, then: bun examples/openai-agents.ts

import { Agent, OpenAIChatCompletionsModel, Runner, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";

const client = new OpenAI({
  baseURL: process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8787/v1",
  apiKey: process.env["API_KEY"] ?? "none",
});

const getWeather = tool({
  name: "get_weather",
  description: "The weather of a city",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `rain in ${city}`,
});
const agent = new Agent({
  name: "Guide",
  instructions: "Be brief.",
  tools: [getWeather],
  model: new OpenAIChatCompletionsModel(client, process.env["MODEL"] ?? "qwen3-max"),
});

// Its traces would go to OpenAI.
const runner = new Runner({ tracingDisabled: true });

const { finalOutput } = await runner.run(agent, "Call get_weather with city=Riga");
console.log(finalOutput);

const stream = await runner.run(agent, "Count from 1 to 5", { stream: true });
for await (const text of stream.toTextStream()) process.stdout.write(text);
await stream.completed;
console.log();
