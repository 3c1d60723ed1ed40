// A graph of the real package as a step: its nodes are stages, its state becomes events.

import { describe, expect, test } from "bun:test";
import { AIMessage, AIMessageChunk, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { Document } from "@langchain/core/documents";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { Annotation, Command, END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import type { ChatStreamEvent } from "../../../../src/contract/chat-stream.ts";
import { createEventStream } from "../../../../src/pipeline/event-stream.ts";
import { type PipelineInput, runPipeline } from "../../../../src/pipeline/run-pipeline.ts";
import { definePipeline } from "../../../../src/pipeline/step.ts";
import {
  type CompiledGraph,
  eventsOfUpdate,
  langGraph,
  type LangGraphOptions,
} from "../../../../src/pipeline/steps/lang-graph.ts";
import { readProjectFile } from "../../house/source-files.ts";
import { readSpecifiers } from "../../house/read-imports.ts";
import { parseFrames } from "../../../support/sse-frames.ts";

const State = Annotation.Root({
  message: Annotation<string>,
  query: Annotation<string>,
  documents: Annotation<Document[]>,
  answer: Annotation<string>,
  quality_score: Annotation<number>,
  follow_up_questions: Annotation<string[]>,
  rounds: Annotation<number>,
});

const answerText = "Two months.";
const notice = new Document({
  id: "c1",
  pageContent: "Notice is two months.",
  metadata: { source: "contract.txt", score: 0.8 },
});
const noticeSource = { chunk_id: "c1", document_name: "contract.txt", text: "Notice is two months.", score: 0.8 };

function speaking(text = answerText): FakeListChatModel {
  return new FakeListChatModel({ responses: [text] });
}

async function say(model: FakeListChatModel): Promise<string> {
  return String((await model.invoke("What is the notice?")).content);
}

async function run(
  graph: CompiledGraph,
  options: LangGraphOptions = {},
  input: Partial<PipelineInput> = {},
): Promise<ChatStreamEvent[]> {
  const pipeline = definePipeline([langGraph(graph, options)]);
  return Array.fromAsync(runPipeline(pipeline, { message: "What is the notice?", ...input }));
}

function wordsOf(events: readonly ChatStreamEvent[]): string {
  return events.map((event) => ("token" in event ? event.token : "")).join("");
}

function stagesOf(events: readonly ChatStreamEvent[]): string[] {
  return events.flatMap((event) => ("stage" in event ? [event.stage] : []));
}

/** What kind of event follows what kind, runs of tokens as one. */
function kindsOf(events: readonly ChatStreamEvent[]): string[] {
  const kinds = events.map((event) => ("stage" in event ? event.stage : String(Object.keys(event)[0])));
  return kinds.filter((kind, index) => kind !== "token" || kinds[index - 1] !== "token");
}

/** query_analysis, retrieval, generation, as R3-026 has them. */
function threeNodes(generate: () => Promise<Partial<typeof State.Update>>): CompiledGraph {
  return new StateGraph(State)
    .addNode("query_analysis", async ({ message }) => ({ query: message.toLowerCase() }))
    .addNode("retrieval", async () => ({ documents: [notice] }))
    .addNode("generation", generate)
    .addEdge(START, "query_analysis")
    .addEdge("query_analysis", "retrieval")
    .addEdge("retrieval", "generation")
    .addEdge("generation", END)
    .compile();
}

describe("langGraph", () => {
  test("tells each node as a stage, retrieval's sources, and a streaming model's pieces once [R3-017, R3-025, R3-026]", async () => {
    const events = await run(threeNodes(async () => ({ answer: await say(speaking()) })));

    expect(kindsOf(events)).toEqual(["query_analysis", "retrieval", "sources", "generation", "token"]);
    expect(events).toContainEqual({ sources: [noticeSource] });
    expect(wordsOf(events)).toBe(answerText);
    expect(events.filter((event) => "token" in event).length).toBeGreaterThan(3);
  });

  test("tells a text that comes in one piece as one token [R3-027]", async () => {
    const events = await run(threeNodes(async () => ({ answer: answerText })));

    expect(events.filter((event) => "token" in event)).toEqual([{ token: answerText }]);
  });

  test("becomes numbered frames with an end mark [R3-026]", async () => {
    const pipeline = definePipeline([langGraph(threeNodes(async () => ({ answer: "两个月 🗓" })))]);

    const body = await new Response(createEventStream(runPipeline(pipeline, { message: "通知?" }))).text();

    expect(parseFrames(body).map(({ data }) => data)).toEqual([
      '{"stage":"query_analysis"}',
      '{"stage":"retrieval"}',
      JSON.stringify({ sources: [noticeSource] }),
      '{"stage":"generation"}',
      '{"token":"两个月 🗓"}',
      "[DONE]",
    ]);
  });

  test("tells a node's stage before the node is done", async () => {
    const gate = Promise.withResolvers<void>();
    const graph = threeNodes(async () => {
      await gate.promise;
      return { answer: answerText };
    });
    const events = runPipeline(definePipeline([langGraph(graph)]), { message: "What?" });
    const seen: unknown[] = [];
    for (;;) {
      const { value } = await events.next();
      seen.push(value);
      if (value !== undefined && "stage" in value && value.stage === "generation") break;
    }

    gate.resolve();

    expect((await events.next()).value).toEqual({ token: answerText });
    expect(seen).toHaveLength(4);
  });

  test("follows a conditional edge: only what runs is told", async () => {
    const graph = new StateGraph(State)
      .addNode("query_analysis", async () => ({}))
      .addNode("retrieval", async () => ({ documents: [notice] }))
      .addNode("generation", async () => ({ answer: "Hello!" }))
      .addEdge(START, "query_analysis")
      .addConditionalEdges("query_analysis", ({ message }) => (message === "Hi" ? "generation" : "retrieval"), [
        "generation",
        "retrieval",
      ])
      .addEdge("retrieval", "generation")
      .compile();

    expect(stagesOf(await run(graph, {}, { message: "Hi" }))).toEqual(["query_analysis", "generation"]);
    expect(stagesOf(await run(graph))).toEqual(["query_analysis", "retrieval", "generation"]);
  });

  test("tells quality and questions behind the last token [R3-021, R3-022, R3-025]", async () => {
    const graph = new StateGraph(State)
      .addNode("generation", async () => ({ answer: await say(speaking()) }))
      .addNode("quality", async () => ({ quality_score: 0.5 }))
      .addNode("follow_ups", async () => ({ follow_up_questions: [await say(speaking("And then?"))] }))
      .addEdge(START, "generation")
      .addEdge("generation", "quality")
      .addEdge("quality", "follow_ups")
      .compile();

    const events = await run(graph);

    expect(kindsOf(events)).toEqual([
      "generation",
      "token",
      "quality",
      "quality_score",
      "follow_ups",
      "follow_up_questions",
    ]);
    expect(wordsOf(events)).toBe(answerText);
    expect(events.at(-1)).toEqual({ follow_up_questions: ["And then?"] });
  });

  test("does not take a model's words in query_analysis for the answer, unless it is told to", async () => {
    const graph = new StateGraph(State)
      .addNode("query_analysis", async () => ({ query: await say(speaking("notice period")) }))
      .addNode("generation", async () => ({ answer: answerText }))
      .addEdge(START, "query_analysis")
      .addEdge("query_analysis", "generation")
      .compile();

    expect(wordsOf(await run(graph))).toBe(answerText);
    expect(wordsOf(await run(graph, { isAnswer: () => true }))).toBe(`notice period${answerText}`);
  });

  test("tells a model with the tag nostream by its result alone", async () => {
    const graph = threeNodes(async () => {
      const reply = await speaking()
        .withConfig({ tags: ["nostream"] })
        .invoke("x");
      return { answer: String(reply.content) };
    });

    expect((await run(graph)).filter((event) => "token" in event)).toEqual([{ token: answerText }]);
  });

  test("tells what nodes hand on unchanged once", async () => {
    const graph = new StateGraph(State)
      .addNode("retrieval", async () => ({ documents: [notice] }))
      .addNode("generation", async ({ documents }) => ({ documents, answer: await say(speaking()) }))
      .addNode("finish", async (state) => state)
      .addEdge(START, "retrieval")
      .addEdge("retrieval", "generation")
      .addEdge("generation", "finish")
      .compile();

    const events = await run(graph);

    expect(kindsOf(events)).toEqual(["retrieval", "sources", "generation", "token", "finish"]);
    expect(wordsOf(events)).toBe(answerText);
  });

  test("tells the words of a model once that a node puts into a message of its own", async () => {
    const Talk = Annotation.Root({ ...MessagesAnnotation.spec, answer: Annotation<string> });
    const graph = new StateGraph(Talk)
      .addNode("greeting", async () => ({ messages: [new AIMessage("Well. ")] }))
      .addNode("generation", async () => {
        const answer = await say(speaking(`${answerText}\n`));
        return { answer, messages: [new AIMessage(answer.trim())] };
      })
      .addNode("finish", async ({ answer }) => ({ messages: [new AIMessage(`Well. ${answer}`)] }))
      .addNode("postscript", async () => ({ messages: [new AIMessage("Ask me.")] }))
      .addEdge(START, "greeting")
      .addEdge("greeting", "generation")
      .addEdge("generation", "finish")
      .addEdge("finish", "postscript")
      .compile();

    const events = await run(graph);

    expect(wordsOf(events)).toBe(`Well. ${answerText}\nAsk me.`);
    expect(stagesOf(events)).toEqual(["greeting", "generation", "finish", "postscript"]);
  });

  test("tells pieces that are alike, and as long as what was said before them", async () => {
    const chunks = ["ha", "ha", "haha"].map((content) => new AIMessageChunk({ content }));
    const stream = async () =>
      (async function* () {
        for (const chunk of chunks) yield ["messages", [chunk, { langgraph_node: "generation" }]];
      })();

    expect(wordsOf(await run({ stream }))).toBe("hahahaha");
  });

  test("tells a node that runs again again, also when it streamed in its first round only", async () => {
    const graph = new StateGraph(State)
      .addNode("generation", async ({ rounds = 0 }) => ({
        rounds: rounds + 1,
        answer: rounds === 0 ? await say(speaking("First. ")) : "Second.",
      }))
      .addEdge(START, "generation")
      .addConditionalEdges("generation", ({ rounds }) => (rounds < 2 ? "generation" : END), ["generation", END])
      .compile();

    const events = await run(graph);

    expect(stagesOf(events)).toEqual(["generation", "generation"]);
    expect(wordsOf(events)).toBe("First. Second.");
  });

  test("takes a model's answer in the messages for tokens, and neither tools nor users", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("tools", async () => ({ messages: [new ToolMessage({ content: "raw data", tool_call_id: "1" })] }))
      .addNode("ask", async () => ({ messages: [new HumanMessage("Go on")] }))
      .addNode("generation", async ({ messages }) => ({ messages: [await speaking().invoke(messages)] }))
      .addEdge(START, "tools")
      .addEdge("tools", "ask")
      .addEdge("ask", "generation")
      .compile();

    const events = await run(graph);

    expect(kindsOf(events)).toEqual(["tools", "ask", "generation", "token"]);
    expect(wordsOf(events)).toBe(answerText);
  });

  test("takes a whole message that a node returns for one token [R3-027]", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("generation", async () => ({ messages: [new AIMessage(answerText)] }))
      .addEdge(START, "generation")
      .compile();

    expect(await run(graph)).toEqual([{ stage: "generation" }, { token: answerText }]);
  });

  test("tells a model's thoughts apart from its words", async () => {
    const chunks = [
      new AIMessageChunk({ content: "", additional_kwargs: { reasoning_content: "Let me see. " } }),
      new AIMessageChunk({ content: [{ type: "reasoning", reasoning: "The contract says so." }] }),
      new AIMessageChunk({ content: [{ type: "text", text: "Two " }] }),
      new AIMessageChunk("months."),
    ];
    class Thinking extends FakeListChatModel {
      override async *_streamResponseChunks(
        ...[, , manager]: Parameters<FakeListChatModel["_streamResponseChunks"]>
      ): ReturnType<FakeListChatModel["_streamResponseChunks"]> {
        for (const message of chunks) {
          const chunk = new ChatGenerationChunk({ message, text: message.text });
          yield chunk;
          await manager?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, { chunk });
        }
      }
    }
    const graph = threeNodes(async () => ({
      answer: (await new Thinking({ responses: [""] }).invoke("x")).text,
    }));

    const events = await run(graph);

    expect(events.flatMap((event) => ("reasoning" in event ? [event.reasoning] : [])).join("")).toBe(
      "Let me see. The contract says so.",
    );
    expect(wordsOf(events)).toBe(answerText);
  });

  test("tells a graph within a graph as the one node that it is", async () => {
    const inner = new StateGraph(State)
      .addNode("inner", async () => ({ answer: await say(speaking()) }))
      .addEdge(START, "inner")
      .compile();
    const graph = new StateGraph(State).addNode("generation", inner).addEdge(START, "generation").compile();

    const events = await run(graph);

    expect(stagesOf(events)).toEqual(["generation"]);
    expect(wordsOf(events)).toBe(answerText);
  });

  test("tells what a Command updates", async () => {
    const graph = new StateGraph(State)
      .addNode("router", async () => new Command({ update: { documents: [notice] }, goto: "generation" }), {
        ends: ["generation"],
      })
      .addNode("generation", async () => ({ answer: answerText }))
      .addEdge(START, "router")
      .compile();

    expect(kindsOf(await run(graph))).toEqual(["router", "sources", "generation", "token"]);
  });

  test("tells nodes that run side by side", async () => {
    const graph = new StateGraph(State)
      .addNode("search_a", async () => ({ documents: [notice] }))
      .addNode("search_b", async () => ({}))
      .addEdge(START, "search_a")
      .addEdge(START, "search_b")
      .compile();

    const events = await run(graph);

    expect(stagesOf(events).sort()).toEqual(["search_a", "search_b"]);
    expect(events.filter((event) => "sources" in event)).toHaveLength(1);
  });

  test("fails with what a node throws, and its stream says nothing of it [R3-013, R3-084]", async () => {
    const graph = threeNodes(async () => {
      throw new Error("password is secret-1");
    });
    const pipeline = definePipeline([langGraph(graph)]);

    await expect(Array.fromAsync(runPipeline(pipeline, { message: "x" }))).rejects.toThrow("password is secret-1");

    const body = await new Response(createEventStream(runPipeline(pipeline, { message: "x" }))).text();
    expect(parseFrames(body).at(-1)?.data).toMatch(/^\{"error":"[^"]+"\}$/);
    expect(body).not.toContain("secret-1");
  });

  test("ends with its signal, also where a node does not listen", async () => {
    const stopping = new AbortController();
    const started = Promise.withResolvers<void>();
    const graph = threeNodes(() => {
      started.resolve();
      return new Promise<never>(() => {});
    });
    const running = run(graph, {}, { signal: stopping.signal });
    await started.promise;

    stopping.abort(new Error("Nobody reads"));

    await expect(running).rejects.toThrow("Nobody reads");
  });

  test("gives its signal to the nodes", async () => {
    const stopping = new AbortController();
    const heard = Promise.withResolvers<void>();
    const graph = new StateGraph(State)
      .addNode("generation", async (_state, config) => {
        config.signal?.addEventListener("abort", () => heard.resolve());
        stopping.abort(new Error("Nobody reads"));
        await heard.promise;
        return {};
      })
      .addEdge(START, "generation")
      .compile();

    await expect(run(graph, {}, { signal: stopping.signal })).rejects.toThrow("Nobody reads");
    await heard.promise;
  });

  test("names stages as it is told to, and leaves nodes out", async () => {
    const stages: Readonly<Record<string, string>> = { retrieval: "searching", generation: "writing" };
    const events = await run(
      threeNodes(async () => ({ answer: answerText })),
      { stageOf: (node) => stages[node] },
    );

    expect(stagesOf(events)).toEqual(["searching", "writing"]);
  });

  test("gives the graph the conversation before the message", async () => {
    let given: readonly BaseMessage[] = [];
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("generation", async ({ messages }) => {
        given = messages;
        return { messages: [new AIMessage("Yes.")] };
      })
      .addEdge(START, "generation")
      .compile();

    await run(
      graph,
      {},
      {
        message: "Sure?",
        history: [
          { role: "user", content: [{ type: "text", text: "Is it?" }] },
          { role: "assistant", content: [{ type: "text", text: "It is." }], toolCalls: [] },
        ],
      },
    );

    expect(given.map((message) => [message.getType(), message.content])).toEqual([
      ["human", "Is it?"],
      ["ai", "It is."],
      ["human", "Sure?"],
    ]);
  });

  test("gives the graph the texts that are attached, apart from the words", async () => {
    let given: unknown;
    const stream = async (input: unknown) => {
      given = input;
      return (async function* () {})();
    };
    const content = ["Look", 'File "a.txt":'].map((text) => ({ type: "text", text }) as const);

    await run({ stream }, {}, { message: "Look", content, history: [{ role: "user", content }] });

    const said = { role: "user", content: 'Look\nFile "a.txt":' };
    expect(given).toEqual({ message: "Look", messages: [said, said] });
  });

  test("runs a graph that remembers by itself, with the thread and the input of its options", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("generation", async ({ messages }) => ({ messages: [new AIMessage(`${messages.length}`)] }))
      .addEdge(START, "generation")
      .compile({ checkpointer: new MemorySaver() });
    const options: LangGraphOptions = {
      input: ({ message }) => ({ messages: [{ role: "user", content: message }] }),
      config: ({ caller, sessionId }) => ({ configurable: { thread_id: `${caller}/${sessionId}` } }),
    };

    expect(wordsOf(await run(graph, options, { sessionId: "s1" }))).toBe("1");
    expect(wordsOf(await run(graph, options, { sessionId: "s1" }))).toBe("3");
    expect(wordsOf(await run(graph, options, { sessionId: "s2" }))).toBe("1");
  });

  test("knows the package by its shape only", () => {
    expect(readSpecifiers(readProjectFile("src/pipeline/steps/lang-graph.ts")).join()).not.toContain("langchain");
  });
});

describe("eventsOfUpdate", () => {
  test.each([
    [{ answer: "a" }, [{ token: "a" }]],
    [{ generation: "a" }, [{ token: "a" }]],
    [{ response: { content: "a" } }, [{ token: "a" }]],
    [{ messages: [{ role: "user", content: "q" }] }, []],
    [{ messages: [{ role: "assistant", content: "a" }] }, [{ token: "a" }]],
    [{ messages: { type: "ai", content: [{ type: "text", text: "a" }] } }, [{ token: "a" }]],
    [{ qualityScore: 0.25, followUpQuestions: ["b?", 3] }, [{ quality_score: 0.25 }, { follow_up_questions: ["b?"] }]],
    [{ query: "x", answer: "", sources: "none" }, []],
    [{ sources: [] }, [{ sources: [] }]],
  ])("reads %j", (update, events) => {
    expect([...eventsOfUpdate(update)]).toEqual(events as ChatStreamEvent[]);
  });

  test("makes a source of whatever a retriever gives, its score within 0 and 1 [R3-020]", () => {
    const documents = ["bare text", { pageContent: "p", metadata: { source: "s", score: 7 } }, null, noticeSource];

    expect([...eventsOfUpdate({ documents })]).toEqual([
      {
        sources: [
          { chunk_id: "1", document_name: "document", text: "bare text", score: 0 },
          { chunk_id: "2", document_name: "s", text: "p", score: 1 },
          { chunk_id: "3", document_name: "document", text: "", score: 0 },
          noticeSource,
        ],
      },
    ]);
  });
});
