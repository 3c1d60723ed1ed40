// What makes one kind of server: how it writes, what it serves, what it refuses and how. Records stand in dialects/.

import type { Json } from "../../contract/json.ts";
import type { ChunkForm, Fields } from "./chunk-form.ts";
import type { ModelCard } from "./model-card.ts";
import type { ChatRequest } from "./read-request.ts";
import type { AnsweredName, Quirk } from "./script.ts";

export type DialectName =
  "dashscope" | "dashscope-plans" | "modelscope" | "vllm" | "sglang" | "ollama" | "llama-cpp" | "lm-studio" | "generic";

export interface ErrorRow {
  readonly status: number;
  readonly message: string;
  readonly type?: string;
  readonly code?: string | number | null;
  readonly param?: string | null;
  /** Members beside the message. */
  readonly more?: Fields;
  /** The order and number of its members, where a server has several. */
  readonly shape?: string;
}

export interface ErrorForm {
  readonly rows: Readonly<Partial<Record<AnsweredName, ErrorRow>>>;
  /** Undefined: no body. A text is sent as it is. */
  body(row: ErrorRow, requestId: string, variant: string): Json | undefined;
  /** Frames that tell of the error once the stream runs, without `[DONE]`. */
  inStream(row: ErrorRow, requestId: string): string;
  /** `[DONE]` follows them. */
  readonly isDoneBehind: boolean;
}

export interface Problem {
  /** What the texts of some refusals name. */
  readonly tokens?: number;
  readonly limit?: number;
  readonly name: AnsweredName;
  /** @defaultValue the message of that refusal */
  readonly message?: string;
  readonly param?: string;
  readonly more?: Fields;
  /** To a stream request it is told within HTTP 200. */
  readonly isInStream?: boolean;
}

/** Undefined: nothing is wrong. */
export type RequestCheck = (request: ChatRequest, context: CheckContext) => Problem | undefined;

export interface CheckContext {
  readonly variant: string;
  /** The window of the model, or what the emulator was started with. */
  readonly contextTokens: number;
}

export type Endpoint = "embeddings" | "rerank" | "images" | "transcriptions" | "speech";

export interface ModelListContext {
  readonly cards: readonly ModelCard[];
  readonly nowSeconds: number;
  readonly contextTokens: (card: ModelCard) => number;
}

/** A route that tells of the server itself. @param body parsed */
export type InfoRoute = (context: ModelListContext & { readonly body: unknown }) => Response;

export interface Dialect {
  readonly name: DialectName;
  /** Versions or settings of the server that write differently. The first is the default. */
  readonly variants: readonly [string, ...string[]];
  form(variant: string): ChunkForm;
  /** Quirks that a variant always has. */
  quirks(variant: string): readonly Quirk[];
  readonly cards: readonly ModelCard[];
  /** One model is loaded, and answers to any name. */
  readonly servesAnyName: boolean;
  readonly needsKey: boolean;
  /** A key that this server cannot serve, whoever it belongs to. */
  wrongKey(key: string): AnsweredName | undefined;
  readonly keepAlive: { readonly text: string; readonly everyMs: number | undefined };
  thinks(request: ChatRequest): boolean;
  /** Several calls at once, without a word of the client. */
  readonly callsInParallel: boolean;
  /** "refused" is told by a check. */
  readonly toolChoice: "obeyed" | "named-is-auto" | "ignored";
  /** Finish reason of a reply that was forced to call one named tool. */
  readonly namedFinish: "tool_calls" | "stop";
  readonly argumentStyle: "python" | "compact";
  newCallId(hex: string): string;
  newReplyId(hex: string): string;
  readonly checks: readonly RequestCheck[];
  readonly errors: ErrorForm;
  /** Under which name thoughts of earlier replies are read. */
  readonly historyReasoning: readonly string[];
  /** Fields that it passes over without a word. */
  readonly ignoredFields: readonly string[];
  /** A prompt beyond the window loses its oldest messages silently. */
  readonly truncatesSilently: boolean;
  /** Of arrays of parts, models that are not its own read nothing unless tools are declared. */
  readonly losesForeignParts: boolean;
  readonly rateHeaders: "none" | "openai" | "modelscope";
  modelList(context: ModelListContext): Json;
  readonly endpoints: readonly Endpoint[];
  readonly infoRoutes: Readonly<Record<string, InfoRoute>>;
  notFound(method: string, path: string): Response;
}
