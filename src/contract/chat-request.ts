// What a client asks for, in the words of no particular protocol. Surfaces parse into it, upstreams encode from it.

import type { AnswerFormat, ReplyDisplay } from "./answer-format.ts";
import type { Json, JsonObject } from "./json.ts";

/** What is no text stands at an address, which may hold it itself (`data:`). */
export type ContentPart =
  | { readonly type: "text"; readonly text: string }
  | ({ readonly type: "image"; readonly url: string } & Placed)
  | ({ readonly type: "file"; readonly name: string | undefined; readonly url: string } & Placed)
  /** Sound or video, as the client wrote the part: a server that speaks its protocol may take it. */
  | ({ readonly type: "media"; readonly part: JsonObject } & Placed);

interface Placed {
  /** Where its address stands in the request, in the client's spelling: `messages[2].content[1].image_url.url`. */
  readonly field?: string;
}

export interface ToolCall {
  readonly callId: string;
  readonly toolName: string;
  /** JSON text as the client or the upstream wrote it. */
  readonly argumentsText: string;
}

/** One message of the history, in the client's order. `developer` arrives as `system`, `function` as `tool`. */
export type Message =
  | { readonly role: "system"; readonly content: readonly ContentPart[] }
  | {
      readonly role: "user";
      /** Who speaks, of several. What a history is known by has none of it. */
      readonly name?: string;
      readonly content: readonly ContentPart[];
    }
  | {
      readonly role: "assistant";
      readonly content: readonly ContentPart[];
      readonly reasoning?: string;
      readonly toolCalls: readonly ToolCall[];
    }
  | {
      readonly role: "tool";
      readonly callId: string;
      readonly content: readonly ContentPart[];
      readonly isError?: boolean;
    };

export interface ToolDefinition {
  readonly name: string;
  readonly description: string | undefined;
  /** JSON schema of the arguments. */
  readonly parameters: Json;
  /** Its arguments are to fit their schema to the letter, where the upstream can see to that. */
  readonly isStrict?: true;
}

export type ToolChoice = "auto" | "none" | "required" | { readonly toolName: string };

/** Undefined fields mean: the client did not say. */
export interface ReasoningOptions {
  readonly enabled?: boolean;
  readonly budgetTokens?: number;
  readonly effort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh";
  /** The model is to decide by itself whether it thinks, where it can. */
  readonly adaptive?: true;
  /** Where the client wants to see the thoughts; absent: it does not say. */
  readonly shown?: ReplyDisplay["thoughts"];
}

/** How words are drawn, of clients whose fields have other names than the upstream's. */
export interface SamplingOptions {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
}

/** What the body says about the session. Headers are read by the gateway. */
export interface SessionFields {
  /** `session_id` of the body: names the session and says that the client is thin. */
  readonly sessionId?: string;
  /** `prompt_cache_key` and the like: groups turns, selects nothing. */
  readonly hint?: string;
}

export interface ChatRequest {
  /** Name of the surface that parsed it. */
  readonly surface: string;
  /** As the client wrote it; undefined asks for the default model. Replies echo it. */
  readonly model: string | undefined;
  /** The whole history, system messages included, in the client's order. */
  readonly messages: readonly Message[];
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice: ToolChoice | undefined;
  readonly stream: boolean;
  /** The client wants token usage in its stream. */
  readonly includeUsage: boolean;
  readonly maxTokens: number | undefined;
  readonly reasoning: ReasoningOptions;
  readonly sampling?: SamplingOptions;
  /** The answer ends before the first of these that the model writes; the gateway cuts it, whatever serves. None is empty. */
  readonly stopSequences?: readonly string[];
  /** False: one call an answer. Absent: the client did not say, or says it in a field of the upstream's own protocol. */
  readonly parallelToolCalls?: boolean;
  /** The answer has to be JSON. For an upstream: by means of its own. Absent: it is text, or asked for in words. */
  readonly format?: AnswerFormat;
  /** Its client takes the text for what it says alone: no settings wrap it, or put thoughts into it. As an answer in a format. */
  readonly isBare?: true;
  /** An assistant's message that stands last is the beginning of the answer, as its protocol has it. */
  readonly continuesLast?: true;
  /** The reply is read and may be changed on its way: its frames cannot be passed on as they come. */
  readonly isReplyRead?: true;
  /** Tokens are to be told with their probabilities, which the server's own frames alone have. */
  readonly wantsProbabilities?: true;
  /** Built-in web search of the upstream, where it has one. */
  readonly webSearch: boolean | undefined;
  readonly session: SessionFields;
  /** The parsed body, for fields that only one upstream understands. */
  readonly body: JsonObject;
  /** What steers the reply, in the words of OpenAI's chat completions. Absent: `body` is in these words itself. */
  readonly steering?: JsonObject;
  /** The body as it was received, for upstreams that speak its protocol. Absent: it is not at hand, or says something else. */
  readonly received?: Uint8Array;
}

/**
 * Text of the parts in order; parts that are no text are left out. The parts of an assistant's message are pieces of
 * one reply and join without a gap; everybody else's parts join by a line end.
 */
export function flattenText(message: Message): string {
  const separator = message.role === "assistant" ? "" : "\n";
  const texts: string[] = [];
  for (const part of message.content) if (part.type === "text") texts.push(part.text);
  return texts.join(separator);
}
