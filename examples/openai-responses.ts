// OpenAI's responses: a streamed answer, and a second turn that names the first and sends nothing of it again. Start a
// gateway first, then: bun examples/openai-responses.ts

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8787/v1",
  apiKey: process.env["API_KEY"] ?? "none",
});

const stream = client.responses.stream({ model: "qwen3-max", input: "My favourite colour is teal." });
stream.on("response.output_text.delta", ({ delta }) => void process.stdout.write(delta));
const first = await stream.finalResponse();

const second = await client.responses.create({
  model: "qwen3-max",
  previous_response_id: first.id,
  input: "What is my favourite colour?",
});
console.log(`\n${second.output_text}`);

// What the gateway keeps of them goes with this, else after a while.
for (const { id } of [second, first]) await client.responses.delete(id);
