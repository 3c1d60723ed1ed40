// A question to the typed chat, with its stages and sources beside the words of the answer; a dropped connection is taken
// up again. Run it against a gateway: bun examples/typed-chat.ts "What is a stream?"

import { SSEError, streamSSE } from "qwen-gateway/client";

const gateway = process.env["GATEWAY_ORIGIN"] ?? "http://127.0.0.1:8787";
const key = process.env["API_KEY"];
const message = process.argv[2] ?? "What is a stream?";

try {
  await streamSSE(
    `${gateway}/api/chat/stream`,
    { message },
    {
      onStage: (stage) => console.log(`[${stage}]`),
      onSources: (sources) => console.log(`[sources: ${sources.map((source) => source.document_name).join(", ")}]`),
      onToken: (token) => process.stdout.write(token),
      onQualityScore: (score) => console.log(`\n[quality ${score}]`),
      onFollowUps: (questions) => console.log(`[next: ${questions.join(" / ")}]`),
      onReconnect: (text) => console.log(`\n[${text}]`),
    },
    undefined,
    { resume: true, headers: key === undefined ? {} : { authorization: `Bearer ${key}` } },
  );
} catch (error) {
  if (!(error instanceof SSEError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
