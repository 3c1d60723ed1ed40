// The AI SDK: a streamed answer, and one as an object by a schema. Needs: bun add ai @ai-sdk/openai-compatible zod
// Start a gateway first, then: bun examples/ai-sdk.ts

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, streamText } from "ai";
import { z } from "zod";

const gateway = createOpenAICompatible({
  name: "qwen-gateway",
  baseURL: process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8787/v1",
  apiKey: process.env["API_KEY"] ?? "none",
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const model = gateway(process.env["MODEL"] ?? "qwen3-max");

const { textStream } = streamText({ model, prompt: "Count from 1 to 5" });
for await (const text of textStream) process.stdout.write(text);
console.log();

const { output } = await generateText({
  model,
  prompt: "Where is the Colosseum?",
  output: Output.object({ schema: z.object({ city: z.string() }) }),
});
console.log(output);
