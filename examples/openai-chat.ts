// Two turns of one conversation, each answered whole. The history travels as always; the gateway recognises it and asks
// Qwen only what is new. Start a gateway first, then: bun examples/openai-chat.ts

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8787/v1",
  apiKey: process.env["API_KEY"] ?? "none",
});

const messages: OpenAI.ChatCompletionMessageParam[] = [];

async function say(content: string): Promise<void> {
  messages.push({ role: "user", content });
  const completion = await client.chat.completions.create({ model: "qwen3-max", messages });
  const answer = completion.choices[0]?.message.content ?? "";
  messages.push({ role: "assistant", content: answer });
  console.log(`> ${content}\n${answer}\n`);
}

await say("My favourite colour is teal.");
await say("What is my favourite colour?");
