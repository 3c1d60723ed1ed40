// A graph of LangGraph as a stream of typed events, without a gateway: its nodes are stages, its state becomes sources and
// words. Needs @langchain/langgraph and @langchain/core. Run it: bun examples/langgraph.ts

import { FakeListChatModel } from "@langchain/core/utils/testing";
import { Annotation, END, START, StateGraph } from "@langchain/langgraph";
import { createEventStream, definePipeline, langGraph, quality, runPipeline } from "qwen-gateway";

// Stands in for any chat model, such as ChatOpenAI with a gateway's /v1 as its base URL.
const model = new FakeListChatModel({ responses: ["The notice period is two months [1]."] });

const State = Annotation.Root({
  message: Annotation<string>,
  query: Annotation<string>,
  sources: Annotation<{ chunk_id: string; document_name: string; text: string; score: number }[]>,
  answer: Annotation<string>,
});

const graph = new StateGraph(State)
  .addNode("query_analysis", async ({ message }) => ({ query: message.toLowerCase() }))
  .addNode("retrieval", async () => ({
    sources: [{ chunk_id: "h1", document_name: "handbook.md", text: "The notice period is two months.", score: 0.9 }],
  }))
  .addNode("generation", async ({ message, sources }) => {
    const reply = await model.invoke(`${sources.map(({ text }) => text).join("\n")}\n\n${message}`);
    return { answer: reply.text };
  })
  .addEdge(START, "query_analysis")
  .addEdge("query_analysis", "retrieval")
  .addEdge("retrieval", "generation")
  .addEdge("generation", END)
  .compile();

// The same pipeline answers a gateway's typed chat: embed({ pipeline }).
const pipeline = definePipeline([langGraph(graph), quality()]);

const stream = createEventStream(runPipeline(pipeline, { message: "How long is the notice period?" }));
for await (const bytes of stream) process.stdout.write(bytes);
