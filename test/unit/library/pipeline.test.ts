// Pipelines through the package's front door: their names, their types, and a gateway that answers by one.

import { expect, test } from "bun:test";
import {
  createEventStream,
  defineNode,
  definePipeline,
  embed,
  formatSSEEvent,
  langGraph,
  runPipeline,
  type SSEEvent,
} from "../../../src/library.ts";
import { parseFrames } from "../../support/sse-frames.ts";

const threeNodes = definePipeline([
  defineNode("query_analysis", () => ({})),
  defineNode("retrieval", () => ({
    sources: [{ chunk_id: "c1", document_name: "a.txt", text: "Two months.", score: 0.9 }],
  })),
  defineNode("generation", ({ state }) => ({ answer: `${state.sources[0]?.text} [1]` })),
]);

const framesOfThem = [
  '{"stage":"query_analysis"}',
  '{"stage":"retrieval"}',
  '{"sources":[{"chunk_id":"c1","document_name":"a.txt","text":"Two months.","score":0.9}]}',
  '{"stage":"generation"}',
  '{"token":"Two months. [1]"}',
];

test("a pipeline of three nodes runs by itself, and as the typed chat of a gateway, with the same frames [R3-026, R3-027]", async () => {
  const alone = await new Response(createEventStream(runPipeline(threeNodes, { message: "Notice?" }))).text();
  const gateway = await embed({ environment: { LOG_LEVEL: "silent" }, pipeline: threeNodes });
  const response = await gateway.handle(
    new Request("http://localhost/api/chat/stream", { method: "POST", body: '{"message":"Notice?"}' }),
  );
  const embedded = await response.text();
  await gateway.shutdown();

  expect(parseFrames(alone).map(({ data }) => data)).toEqual([...framesOfThem, "[DONE]"]);
  const frames = parseFrames(embedded).map(({ data }) => data);
  expect(frames.filter((data) => !data.startsWith('{"metadata"'))).toEqual([...framesOfThem, "[DONE]"]);
  expect(frames[0]).toStartWith('{"metadata"');
  expect(frames.at(-2)).toStartWith('{"metadata"');
});

test("the union of events is published: a switch over its keys is total [R3-028]", () => {
  function kindOf(event: SSEEvent): string {
    if ("stage" in event) return `stage ${event.stage}`;
    if ("token" in event) return `token ${event.token}`;
    if ("reasoning" in event) return `reasoning ${event.reasoning}`;
    if ("sources" in event) return `sources ${event.sources.map((source) => source.score).join()}`;
    if ("quality_score" in event) return `quality ${event.quality_score.toFixed(1)}`;
    if ("follow_up_questions" in event) return `questions ${event.follow_up_questions.join()}`;
    if ("metadata" in event) return `metadata ${Object.keys(event.metadata).join()}`;
    if ("error" in event) return `error ${event.error}`;
    return event satisfies never;
  }
  // @ts-expect-error: no event has such a key.
  const unknown: SSEEvent = { tokens: "a" };

  expect(kindOf({ token: "a" })).toBe("token a");
  expect(kindOf({ quality_score: 0.5 })).toBe("quality 0.5");
  expect(unknown).toBeDefined();
});

test("texts are sent as they stand, objects as JSON [R3-010]", () => {
  expect(formatSSEEvent("[DONE]")).toBe("data: [DONE]\n\n");
  expect(formatSSEEvent({ a: "ä" })).toBe('data: {"a":"ä"}\n\n');
});

test("a step of a graph needs nothing but its `stream`", async () => {
  const graph = {
    async stream() {
      return (async function* () {
        yield ["tasks", { name: "generation", input: {} }];
        yield ["tasks", { name: "generation", result: [["answer", "Yes."]] }];
      })();
    },
  };

  const events = await Array.fromAsync(runPipeline(definePipeline([langGraph(graph)]), { message: "Really?" }));

  expect(events).toEqual([{ stage: "generation" }, { token: "Yes." }]);
});
