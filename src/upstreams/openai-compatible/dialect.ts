// What one kind of server does differently, as data. One record each stands in dialects/.

import type { ReasoningOptions } from "../../contract/chat-request.ts";
import type { ForwardEndpoint } from "../../contract/forward.ts";
import type { Json } from "../../contract/json.ts";
import type { RefusalRow } from "./refusals/refusal-rows.ts";

export type DialectName =
  "dashscope" | "dashscope-plans" | "modelscope" | "vllm" | "sglang" | "ollama" | "llama-cpp" | "lm-studio" | "generic";

export type Effort = NonNullable<ReasoningOptions["effort"]>;

/** How a request is written. */
export interface RequestRules {
  /** Under which names the thoughts of earlier replies are sent back. */
  readonly reasoningReplay: readonly ("reasoning_content" | "reasoning")[];
  /** `preserve_thinking` asks that they count. */
  readonly preserveThinking: boolean;
  /** How thinking is switched: a field of its own, an argument of the chat template, an effort, or not at all. */
  readonly thinkingSwitch: "enable_thinking" | "chat_template_kwargs" | "reasoning_effort" | "none";
  /** Without a word of the client, thinking is switched as the model does it by itself: for servers where defaults differ. */
  readonly saysThinkingAlways: boolean;
  /** Models that are not told to stop thinking, since they refuse that here. Undefined: none but those of known-models.ts. */
  readonly alwaysThinks: RegExp | undefined;
  /** Field of the most tokens to think. Undefined: it cannot be said. */
  readonly budgetField: string | undefined;
  /** The server's word for each effort. Undefined: it has none. */
  readonly efforts: Readonly<Record<Effort, string>> | undefined;
  /** Models that know efforts. Undefined: all. */
  readonly effortModels: RegExp | undefined;
  /** Fields of clients that are left out. */
  readonly drops: readonly string[];
  /** Sampling that is sent when the client says none, thinking and not. */
  readonly sampling: { readonly thinking: SamplingDefaults; readonly plain: SamplingDefaults } | undefined;
  /** Whether it has a web search of its own, `enable_search`. */
  readonly webSearch: boolean;
  /** Several calls at once are to be asked for. */
  readonly asksForParallelCalls: boolean;
  /** "required-only": a named choice is taken for "auto", or refused, so that the one tool is sent alone and required. */
  readonly toolChoice: "full" | "required-only" | "none";
  /** `tool_choice: "none"` is not obeyed, or costs: the tools are left out. */
  readonly noneDropsTools: boolean;
  /** What JSON its models can be held to: none, any object, or a schema too. */
  readonly jsonAnswers: "none" | "object" | "schema";
  /** Tools may be declared strict: their arguments fit their schema to the letter. */
  readonly strictTools: boolean;
  /** `response_format` of type `json_object` as it is, or as a schema that any object fits. */
  readonly jsonObject: "send" | "as-schema";
  /** The schema of a tool that takes nothing. */
  readonly emptyParameters: "send" | "omit";
  /** A schema of a tool without `properties` is refused. */
  readonly requiresProperties: boolean;
  /** Fields of messages and of content parts that it knows besides OpenAI's. */
  readonly messageExtras: readonly string[];
  readonly partExtras: readonly string[];
  readonly maxCacheMarkers: number;
  /** Models that lose content in parts: it is sent as one text. */
  readonly plainTextModels: RegExp | undefined;
  readonly imageUrls: "any" | "data-only";
  /** Whole answers can be asked for as such, whatever the model. */
  readonly wholeAnswers: boolean;
  /** How the server is told to go on with an answer that its client has begun. "none": it does by itself, or nobody knows how. */
  readonly begunAnswers: "none" | "continue_final_message" | "partial";
  /** Models that do so. Undefined: all. */
  readonly begunModels: RegExp | undefined;
  /** Files as parts of their own, or, where it has none, text files as text. */
  readonly files: "parts" | "text";
}

export interface SamplingDefaults {
  readonly temperature: number;
  readonly top_p: number;
}

/** How a reply is read. What costs nothing on a sound stream holds for all dialects and stands in no record. */
export interface ReplyRules {
  /** `<think>` and `</think>` may stand in content. */
  readonly thinkTags: boolean;
  /** A server without its reasoning parser sends thoughts that nothing opens, since the template has done so (vLLM, Qwen3.5 on). */
  readonly unopenedThoughts: boolean;
  /** Deltas may repeat all that was said before. */
  readonly cumulativeDeltas: boolean;
  /** The answer may stand in the reasoning field although no thinking was asked for. */
  readonly answersInReasoning: boolean;
  /** Calls of offered tools may stand in the text: the server's parser missed them, or it has none. */
  readonly callsInText: boolean;
  /** `[DONE]` without a finish reason is a good end: some servers of this kind never send one. */
  readonly doneIsFinish: boolean;
  /** Stop strings end the reply where they stand in thoughts, too. */
  readonly stopsInThoughts: boolean;
  /** A prompt that is too long is cut without a word. */
  readonly truncatesSilently: boolean;
}

export interface ModelRules {
  /** Where context windows are asked for besides `/models`. */
  readonly details: "none" | "ollama-show" | "llama-props" | "lm-studio-list";
  /** Served while the list cannot be had. */
  readonly fallback: readonly string[];
}

export interface ConditionalHeader {
  readonly name: string;
  readonly value: string;
  /** "cache-markers": the request marks parts to be cached. "oss-links": it names media by oss:// addresses. */
  readonly when: "always" | "cache-markers" | "oss-links";
}

export interface Dialect {
  readonly name: DialectName;
  /** In sentences for clients. */
  readonly displayName: string;
  /** By region, or plan and region; of local servers their usual address under "local". The first is the default. */
  readonly baseUrls: Readonly<Record<string, string>>;
  readonly needsKey: boolean;
  /** Told to the user once, at the start. */
  readonly notice: string | undefined;
  readonly headers: readonly ConditionalHeader[];
  readonly request: RequestRules;
  readonly reply: ReplyRules;
  readonly models: ModelRules;
  /**
   * The cheapest question that tells whether it is ready: behind the base URL, or, with a slash in front, in the place of
   * the base URL's `/v1`. Undefined: it is never asked, since it is a service of somebody else's.
   */
  readonly healthPath: string | undefined;
  /** Endpoints beside chat that are passed on. One that a certain server lacks all the same is told as missing. */
  readonly endpoints: EndpointPaths;
  /** Inputs that one request for embeddings may have; of more, several requests are made. @defaultValue any number */
  readonly mostEmbeddings?: number;
  /** Read before the common rows. */
  readonly refusals: readonly RefusalRow[];
}

/** Where an endpoint beside chat stands: behind the base URL, or, with a slash in front, behind its host. */
export type EndpointPaths = Readonly<Partial<Record<ForwardEndpoint, string>>>;

/** A JSON object that is being written. */
export type Body = { [field: string]: Json };
