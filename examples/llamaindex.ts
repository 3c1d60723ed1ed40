// LlamaIndex: a streamed answer, and a tool that the model calls. Needs: bun add @llamaindex/core @llamaindex/openai zod
// Start a gateway first, then: bun examples/llamaindex.ts

import { OpenAI } from "@llamaindex/openai";
import type { ChatMessage } from "@llamaindex/core/llms";
import { tool } from "@llamaindex/core/tools";
import { z } from "zod";

const model = new OpenAI({
  model: process.env["MODEL"] ?? "qwen3-max",
  baseURL: process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8787/v1",
  apiKey: process.env["API_KEY"] ?? "none",
});

const question: ChatMessage = { role: "user", content: "Count from 1 to 5" };
for await (const { delta } of await model.chat({ messages: [question], stream: true })) process.stdout.write(delta);
console.log();

const getWeather = tool({
  name: "get_weather",
  description: "The weather of a city",
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `rain in ${city}`,
});
const messages: ChatMessage[] = [{ role: "user", content: "Call get_weather with city=Riga" }];
const asked = await model.exec({ messages, tools: [getWeather] });
const told = await model.exec({ messages: [...messages, ...asked.newMessages], tools: [getWeather] });
console.log(told.newMessages.at(-1)?.content);
