// A typed chat with steps of your own: passages out of your data, an answer over any upstream that cites them, and a measure
// of it. Without QWEN_TOKEN or QWEN_COOKIES the built-in emulator answers. Run it: bun examples/typed-chat-pipeline.ts

import { defineNode, definePipeline, embed, generation, quality } from "qwen-gateway";

const handbook = [
  { chunk_id: "h1", document_name: "handbook.md", text: "The notice period is two months." },
  { chunk_id: "h2", document_name: "handbook.md", text: "The office is closed between Christmas and New Year." },
];

const pipeline = definePipeline([
  // Each node is told as a stage; what it returns becomes events.
  defineNode("retrieval", ({ message }) => {
    const asked = message.toLowerCase().match(/\p{L}{4,}/gu) ?? [];
    const found = handbook.map((passage) => {
      const shared = asked.filter((word) => passage.text.toLowerCase().includes(word)).length;
      return { ...passage, score: shared / Math.max(asked.length, 1) };
    });
    return { sources: found.filter(({ score }) => score > 0).sort((one, other) => other.score - one.score) };
  }),
  generation({ instructions: "Answer in one sentence." }),
  quality(),
]);

const gateway = await embed({ pipeline, environment: { LOG_LEVEL: "warn", ...process.env } });

const response = await gateway.handle(
  new Request("http://localhost/api/chat/stream", {
    method: "POST",
    body: JSON.stringify({ message: "How long is the notice period?" }),
  }),
);
for await (const text of response.body!.pipeThrough(new TextDecoderStream())) process.stdout.write(text);

await gateway.shutdown();
