// The package's public face for people who embed the gateway: names over the rooms, no logic of its own.

import { type Embedded, embed } from "./library/embedded.ts";
import type { QwenClient } from "./library/qwen-client.ts";
import type { Session, SessionManager, SessionUpdate } from "./library/sessions.ts";
import { sessionIdOf } from "./conversation/session-id.ts";
import type { QwenCompletionBody } from "./wire/qwen-web.ts";

export type { ChatRequest } from "./contract/chat-request.ts";
export type { ChatSource, ChatStreamEvent as SSEEvent } from "./contract/chat-stream.ts";
export { GatewayError } from "./contract/gateway-error.ts";
export { type Embedded, type EmbedOptions, embed } from "./library/embedded.ts";
export type { QwenClient } from "./library/qwen-client.ts";
export type { Session, SessionManager, SessionUpdate } from "./library/sessions.ts";
export { SSEHandler, type StreamedCompletion } from "./library/sse-handler.ts";
export {
  type ChainPosition,
  createQwenMessage,
  extractFirstUserMessage,
  extractLastMessage,
  extractParentId,
  transformToOpenAICompletion,
  transformToQwenRequest,
  validateChatCompletionRequest,
} from "./library/transform.ts";
export { type RetryOptions, withRetry } from "./outbound/retry.ts";
export { createEventStream, type EventStreamOptions } from "./pipeline/event-stream.ts";
export { type PipelineInput, runPipeline } from "./pipeline/run-pipeline.ts";
export {
  type ChatOptions,
  defineNode,
  definePipeline,
  type NodeResult,
  type Pipeline,
  type PipelineState,
  type SideQuestion,
  type Step,
  type StepContext,
  type StepEvent,
} from "./pipeline/step.ts";
export { followUps, type FollowUpsOptions } from "./pipeline/steps/follow-ups.ts";
export { generation, type GenerationOptions } from "./pipeline/steps/generation.ts";
export { type CompiledGraph, langGraph, type LangGraphOptions } from "./pipeline/steps/lang-graph.ts";
export { quality } from "./pipeline/steps/quality.ts";
export { queryAnalysis, type QueryAnalysisOptions } from "./pipeline/steps/query-analysis.ts";
export { retrieval, type RetrievalOptions } from "./pipeline/steps/retrieval.ts";
export { SSEChunkHandler } from "./sse/sse-chunk-handler.ts";
export { formatSseEvent as formatSSEEvent } from "./sse/sse-writer.ts";
export { createSseDecoder, type SseDecoder, type SseEvent, type SseSink } from "./sse/sse-decoder.ts";
export { createEventDecoder } from "./upstreams/qwen-web/reply/event-decoder.ts";
export type { QwenCompletionBody, QwenMessage } from "./wire/qwen-web.ts";

/**
 * The gateway that the plain functions below share, made from the environment when the first of them is called. The one
 * piece of state in the library: whoever wants several gateways, or none in the background, calls `embed`.
 */
let shared: Promise<Embedded> | undefined;

function sharedGateway(): Promise<Embedded> {
  shared ??= embed().catch((error: unknown) => {
    // A setting was wrong: the next call looks at the environment once more.
    shared = undefined;
    throw error;
  });
  return shared;
}

/**
 * The session id of a conversation that opens with this text: its MD5.
 * @example generateSessionId("Hello") // "8b1a9953c4611296a827abf8c47804d7"
 */
export const generateSessionId: (firstUserMessage: string) => string = sessionIdOf;

/**
 * Answers an OpenAI chat completion, streamed or not.
 * @example Bun.serve({ routes: { "/v1/chat/completions": { POST: chatCompletions } } });
 */
export async function chatCompletions(request: Request): Promise<Response> {
  return (await sharedGateway()).chatCompletions(request);
}

/** The sessions of the shared gateway's store. */
export async function getSessionManager(): Promise<SessionManager> {
  return (await sharedGateway()).sessionManager;
}

/** The calls of the Qwen web backend with the account of the environment. */
export async function getQwenClient(): Promise<QwenClient> {
  return (await sharedGateway()).qwenClient;
}

/** Ends the shared gateway, if there is one; the next call makes a new one. */
export async function shutdown(): Promise<void> {
  const ending = shared;
  shared = undefined;
  await (await ending)?.shutdown();
}

/** Undefined when the session is unknown or has expired. */
export async function getSession(sessionId: string): Promise<Session | undefined> {
  return (await getSessionManager()).getSession(sessionId);
}

/** A session that stands at the beginning of a chat: its parent is null, its message count 0. */
export async function createSession(firstUserMessage: string, chatId: string): Promise<Session> {
  return (await getSessionManager()).createSession(firstUserMessage, chatId);
}

/** Moves a session on to its newest answer. */
export async function updateSession(sessionId: string, update: SessionUpdate): Promise<Session> {
  return (await getSessionManager()).updateSession(sessionId, update);
}

/** Creates a chat, with repetitions on passing failures. @returns its id */
export async function createNewChat(model?: string): Promise<string> {
  return (await getQwenClient()).createNewChat(model);
}

/** Sends one message; the answer's body is the backend's own stream. @throws {GatewayError} on every refusal */
export async function sendMessage(
  payload: QwenCompletionBody,
  options?: { readonly signal?: AbortSignal },
): Promise<Response> {
  return (await getQwenClient()).sendMessage(payload, options);
}
