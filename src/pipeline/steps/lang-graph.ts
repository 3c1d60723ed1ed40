// A compiled graph of @langchain/langgraph as a step: each node that runs is a stage, and what nodes put into the graph's
// state becomes events. The package is the user's: only the shape of what `stream` gives is known here.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import type { ChatSource, ChatStreamEvent } from "../../contract/chat-stream.ts";
import type { Step, StepContext } from "../step.ts";

/** The one method of a compiled graph that is called. */
export interface CompiledGraph {
  // biome-ignore lint/suspicious/noExplicitAny: the graph's own types of input and options are its user's business.
  stream(input: any, options?: any): Promise<AsyncIterable<unknown>>;
}

export interface LangGraphOptions {
  /** Name of the step. @defaultValue "graph" */
  readonly name?: string;
  /** The graph's input. @defaultValue `{ message, messages: [history and message as role and content] }` */
  readonly input?: (context: StepContext) => unknown;
  /** The stage of a node. Undefined: the node is not told. @defaultValue the node's name */
  readonly stageOf?: (node: string) => string | undefined;
  /** What a node's update says. @defaultValue `eventsOfUpdate` */
  readonly eventsOf?: (update: JsonObject, node: string) => Iterable<ChatStreamEvent>;
}

/**
 * A step that runs a compiled graph: a node that begins is a stage, what a chat model says in it are tokens, and what it
 * puts into the graph's state becomes sources, tokens, quality and questions.
 * @example definePipeline([langGraph(new StateGraph(State).addNode("retrieval", retrieve).compile())])
 * @see https://docs.langchain.com/oss/javascript/langgraph/streaming: modes "tasks" (a node begins, and its result) and
 * "messages" (pieces of what a chat model says)
 */
export function langGraph(graph: CompiledGraph, options: LangGraphOptions = {}): Step {
  const { name = "graph", input = defaultInput, stageOf = (node) => node, eventsOf = eventsOfUpdate } = options;
  return {
    name,
    async *run(context) {
      const stream = await graph.stream(input(context), {
        streamMode: ["tasks", "messages"],
        signal: context.signal,
      });
      /** Nodes whose words came in pieces: their result holds the same words again. */
      const told = new Set<string>();
      for await (const chunk of stream) {
        const [mode, payload] = modeOf(chunk);
        if (mode === "messages") {
          const piece = pieceOf(payload);
          if (piece === undefined) continue;
          told.add(piece.node);
          yield { token: piece.text };
        } else if (mode === "tasks" && isJsonObject(payload) && typeof payload["name"] === "string") {
          const node = payload["name"];
          if (!("result" in payload)) {
            const stage = stageOf(node);
            if (stage !== undefined) yield { stage };
          } else if (isUpdate(payload["result"])) {
            for (const event of eventsOf(payload["result"], node))
              if (!("token" in event) || !told.has(node)) yield event;
          }
        }
      }
    },
  };
}

function modeOf(chunk: unknown): readonly [mode: unknown, payload: unknown] {
  // With subgraphs there is a namespace in front.
  return Array.isArray(chunk) ? [chunk.at(-2), chunk.at(-1)] : [undefined, undefined];
}

/** Results are objects, or in older versions lists of channel and value. */
function isUpdate(value: unknown): value is JsonObject {
  return isJsonObject(value);
}

function pieceOf(payload: unknown): { text: string; node: string } | undefined {
  if (!Array.isArray(payload)) return undefined;
  const [message, metadata] = payload as readonly unknown[];
  const text = textOf(message);
  const node = isJsonObject(metadata) ? metadata["langgraph_node"] : undefined;
  return text === "" || typeof node !== "string" ? undefined : { text, node };
}

/** The common names of a state's fields: `sources` or `documents`, `answer`, `generation`, `response` or the last message. */
export function* eventsOfUpdate(update: JsonObject): Iterable<ChatStreamEvent> {
  const found = update["sources"] ?? update["documents"];
  if (Array.isArray(found)) yield { sources: found.map(sourceOf) };
  const answer = update["answer"] ?? update["generation"] ?? update["response"] ?? lastMessage(update["messages"]);
  const token = textOf(answer);
  if (token !== "") yield { token };
  const quality = update["quality_score"] ?? update["qualityScore"];
  if (typeof quality === "number") yield { quality_score: quality };
  const followUps = update["follow_up_questions"] ?? update["followUpQuestions"];
  if (Array.isArray(followUps)) {
    yield { follow_up_questions: followUps.filter((one): one is string => typeof one === "string") };
  }
}

function lastMessage(messages: unknown): unknown {
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : messages;
  // What the user has said is in the state as well.
  return isJsonObject(last) && typeOfMessage(last) === "ai" ? last : undefined;
}

function typeOfMessage(message: JsonObject): unknown {
  const { getType, role, type } = message as { getType?: unknown; role?: unknown; type?: unknown };
  const told: unknown = typeof getType === "function" ? getType.call(message) : (role ?? type);
  return told === "assistant" ? "ai" : told;
}

/** Text as such, or the text of a message: its content is text, or a list of parts. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  const content = isJsonObject(value) ? value["content"] : undefined;
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part: unknown) => (isJsonObject(part) && typeof part["text"] === "string" ? part["text"] : ""))
    .join("");
}

/** A document of LangChain, or a source as it is. */
function sourceOf(value: unknown, index: number): ChatSource {
  const source = isJsonObject(value) ? value : {};
  const metadata = isJsonObject(source["metadata"]) ? source["metadata"] : source;
  const score = source["score"] ?? metadata["score"];
  return {
    chunk_id: String(source["chunk_id"] ?? source["id"] ?? metadata["id"] ?? index + 1),
    document_name: String(source["document_name"] ?? metadata["document_name"] ?? metadata["source"] ?? "document"),
    text: String(source["text"] ?? source["pageContent"] ?? (typeof value === "string" ? value : "")),
    score: typeof score === "number" ? Math.min(1, Math.max(0, score)) : 0,
  };
}

function defaultInput({ message, history }: StepContext): unknown {
  const before = history.map(({ role, content }) => ({
    role,
    content: content.map((part) => (part.type === "text" ? part.text : "")).join(""),
  }));
  return { message, messages: [...before, { role: "user", content: message }] };
}
