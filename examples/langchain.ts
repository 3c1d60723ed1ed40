// LangChain: a streamed answer, and a tool that the model calls. Needs: bun add @langchain/openai @langchain/core zod
// Start a gateway first, then: bun examples/langchain.ts

import { HumanMessage, type ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { z } from "zod";

const model = new ChatOpenAI({
  model: process.env["MODEL"] ?? "qwen3-max",
  apiKey: process.env["API_KEY"] ?? "none",
  configuration: { baseURL: process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8787/v1" },
});

for await (const chunk of await model.stream("Count from 1 to 5")) process.stdout.write(chunk.text);
console.log();

const getWeather = tool(({ city }) => `rain in ${city}`, {
  name: "get_weather",
  description: "The weather of a city",
  schema: z.object({ city: z.string() }),
});
const withTools = model.bindTools([getWeather]);
const question = new HumanMessage("Call get_weather with city=Riga");
const asked = await withTools.invoke([question]);
const results = await Promise.all(
  (asked.tool_calls ?? []).map((call) => getWeather.invoke({ ...call, type: "tool_call" })),
);
const answer = await withTools.invoke([question, asked, ...(results as ToolMessage[])]);
console.log(answer.text);
