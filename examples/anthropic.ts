// Anthropic's library: a streamed answer, and a tool that the model calls. Start a gateway first, then:
// bun examples/anthropic.ts

import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({
  // Without /v1, which the library adds.
  baseURL: process.env["GATEWAY_ORIGIN"] ?? "http://127.0.0.1:8787",
  apiKey: process.env["API_KEY"] ?? "none",
});

const stream = client.messages.stream({
  model: "qwen3-max",
  max_tokens: 1000,
  messages: [{ role: "user", content: "Count from 1 to 5" }],
});
stream.on("text", (text) => void process.stdout.write(text));
await stream.finalMessage();
console.log();

const tools: Anthropic.Tool[] = [
  {
    name: "get_weather",
    description: "The weather of a city",
    input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
];
const messages: Anthropic.MessageParam[] = [{ role: "user", content: "Call get_weather with city=Riga" }];

const asked = await client.messages.create({ model: "qwen3-max", max_tokens: 1000, tools, messages });
const call = asked.content.find((block) => block.type === "tool_use");
if (call === undefined) throw new Error("The model has called no tool");
console.log(`${call.name} ${JSON.stringify(call.input)}`);

messages.push({ role: "assistant", content: asked.content });
messages.push({ role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "rain" }] });
const answer = await client.messages.create({ model: "qwen3-max", max_tokens: 1000, tools, messages });
for (const block of answer.content) if (block.type === "text") console.log(block.text);
