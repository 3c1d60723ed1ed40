// Streams one answer with the official OpenAI library. Start a gateway first, then: bun examples/openai-stream.ts

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8787/v1",
  // Any text will do as long as the gateway has no API_KEY.
  apiKey: process.env["API_KEY"] ?? "none",
});

const stream = await client.chat.completions.create({
  model: "qwen3-max",
  messages: [{ role: "user", content: "Count from 1 to 20" }],
  stream: true,
  stream_options: { include_usage: true },
});

for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
  if (chunk.usage) process.stdout.write(`\n${chunk.usage.completion_tokens} tokens\n`);
}
