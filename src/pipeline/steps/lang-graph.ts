// A compiled graph of @langchain/langgraph as a step: each node that runs is a stage, and what nodes put into the graph's
// state becomes events. The package is the user's: only the shape of what `stream` gives is known here.

import { flattenText, type Message } from "../../contract/chat-request.ts";
import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
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
  /** The graph's input. @defaultValue `{ message, messages: [history and message as role and content, attached texts with them] }` */
  readonly input?: (context: StepContext) => unknown;
  /** The stage of a node. Undefined: the node is not told. @defaultValue the node's name */
  readonly stageOf?: (node: string) => string | undefined;
  /** Whether what a chat model says in this node is the answer. @defaultValue not in a query_analysis, retrieval, quality or follow_ups */
  readonly isAnswer?: (node: string) => boolean;
  /** What a node's update says. @defaultValue `eventsOfUpdate` */
  readonly eventsOf?: (update: JsonObject, node: string) => Iterable<ChatStreamEvent>;
  /** Of the run, such as `configurable`: a graph with a checkpointer needs its `thread_id`. @defaultValue nothing */
  readonly config?: (context: StepContext) => JsonObject;
}

/** Nodes by whose customary names a chat model works for the answer, and does not say it. */
const besideTheAnswer: ReadonlySet<string> = new Set(["query_analysis", "retrieval", "quality", "follow_ups"]);

/**
 * A step that runs a compiled graph: a node that begins is a stage, what a chat model says in it are tokens, and what it
 * puts into the graph's state becomes sources, tokens, quality and questions. A model with the tag "nostream" says nothing.
 * @example definePipeline([langGraph(new StateGraph(State).addNode("retrieval", retrieve).compile())])
 * @see https://docs.langchain.com/oss/javascript/langgraph/streaming: modes "tasks" (a node begins, and its result) and
 * "messages" (pieces of what a chat model says)
 */
export function langGraph(graph: CompiledGraph, options: LangGraphOptions = {}): Step {
  const { name = "graph", input = defaultInput, stageOf = (node) => node, eventsOf = eventsOfUpdate } = options;
  const { isAnswer = (node) => !besideTheAnswer.has(node) } = options;
  return {
    name,
    async *run(context) {
      const stream = await graph.stream(input(context), {
        ...options.config?.(context),
        streamMode: ["tasks", "messages"],
        signal: context.signal,
      });
      /** What models have said in nodes: their result holds the same words again. */
      const told = new Map<string, string>();
      let sources: string | undefined;

      /** Nodes hand on what they were given: what has been told is not told once more. */
      function isNew(event: ChatStreamEvent, node: string): boolean {
        if ("token" in event) return !told.has(node) && event.token !== context.state.answer;
        if (!("sources" in event)) return true;
        const before = sources;
        sources = JSON.stringify(event.sources);
        return sources !== before;
      }

      /** A node may wrap a model's words, or those of a node before it, in a message of its own. */
      function isHandedOn({ text, isWhole, node }: Piece): boolean {
        if (!isWhole || text === "") return false;
        return [told.get(node), context.state.answer].some((said) => said?.trim() === text.trim());
      }

      for await (const chunk of stream) {
        const [mode, payload] = modeOf(chunk);
        if (mode === "messages") {
          const piece = pieceOf(payload);
          if (piece === undefined) continue;
          const isOld = isHandedOn(piece);
          if (piece.text !== "") told.set(piece.node, (told.get(piece.node) ?? "") + piece.text);
          if (isOld || !isAnswer(piece.node)) continue;
          if (piece.reasoning !== "") yield { reasoning: piece.reasoning };
          if (piece.text !== "") yield { token: piece.text };
        } else if (mode === "tasks" && isJsonObject(payload) && typeof payload["name"] === "string") {
          const node = payload["name"];
          if ("result" in payload) {
            for (const event of eventsOf(updateOf(payload["result"]), node)) if (isNew(event, node)) yield event;
          } else {
            // Of an earlier round: what it says now is something else.
            told.delete(node);
            const stage = stageOf(node);
            if (stage !== undefined) yield { stage };
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

/** Results are objects; in older versions lists of channel and value, and nothing for a node that failed. */
function updateOf(result: unknown): JsonObject {
  if (isJsonObject(result)) return result;
  const entries: readonly unknown[] = Array.isArray(result) ? result : [];
  return Object.fromEntries(entries.filter(isEntry));
}

function isEntry(value: unknown): value is [string, Json] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === "string";
}

interface Piece {
  readonly text: string;
  readonly reasoning: string;
  readonly node: string;
  /** Not one of many of a model that streams. */
  readonly isWhole: boolean;
}

/** What the user or a tool has said goes the same way, and is no piece of the answer. */
function pieceOf(payload: unknown): Piece | undefined {
  if (!Array.isArray(payload)) return undefined;
  const [message, metadata] = payload as readonly unknown[];
  const node = isJsonObject(metadata) ? metadata["langgraph_node"] : undefined;
  if (typeof node !== "string" || !isJsonObject(message) || typeOfMessage(message) !== "ai") return undefined;
  // Only pieces can be put together.
  const isWhole = typeof (message as { concat?: unknown }).concat !== "function";
  return { text: textOf(message), reasoning: reasoningOf(message), node, isWhole };
}

/** Where LangChain's models put their thoughts: beside the content, or as parts of it. */
function reasoningOf({ additional_kwargs: beside, content }: JsonObject): string {
  if (isJsonObject(beside) && typeof beside["reasoning_content"] === "string") return beside["reasoning_content"];
  return Array.isArray(content) ? joinParts(content, "reasoning", "thinking") : "";
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
  return Array.isArray(content) ? joinParts(content, "text") : "";
}

function joinParts(parts: readonly unknown[], ...keys: readonly string[]): string {
  const texts = parts.flatMap((part) => (isJsonObject(part) ? keys.map((key) => part[key]) : []));
  return texts.filter((text) => typeof text === "string").join("");
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

function defaultInput({ message, content, history }: StepContext): unknown {
  const said: readonly Message[] = [...history, { role: "user", content }];
  return { message, messages: said.map((one) => ({ role: one.role, content: flattenText(one) })) };
}
