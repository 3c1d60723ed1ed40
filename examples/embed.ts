// The gateway inside a program, without a port: requests go in, responses come out. Without QWEN_TOKEN or QWEN_COOKIES
// the built-in emulator answers. Run it: bun examples/embed.ts

import { embed } from "qwen-gateway";

const gateway = await embed({ environment: { LOG_LEVEL: "warn", ...process.env } });

const response = await gateway.chatCompletions(
  new Request("http://localhost/v1/chat/completions", {
    method: "POST",
    body: JSON.stringify({ messages: [{ role: "user", content: "Hello" }], stream: true }),
  }),
);
for await (const text of response.body!.pipeThrough(new TextDecoderStream())) process.stdout.write(text);

const session = await gateway.sessionManager.getSession(gateway.sessionManager.generateSessionId("Hello"));
console.log(`Session ${session?.sessionId}: ${session?.messageCount} answer in chat ${session?.chatId}`);

await gateway.shutdown();
