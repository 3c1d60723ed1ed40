// The steps between an OpenAI body and the Qwen web backend as single functions, for people who embed the gateway.

import { type ChatRequest, flattenText, type Message } from "../contract/chat-request.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { isJsonObject, type Json } from "../contract/json.ts";
import { randomId } from "../contract/random-id.ts";
import { estimateTokens } from "../conversation/estimate-tokens.ts";
import { firstUserText } from "../conversation/session-id.ts";
import { encodeReply } from "../surfaces/openai-chat/surface.ts";
import { parseMessages } from "../surfaces/openai-chat/parse-messages.ts";
import { parseRequest } from "../surfaces/openai-chat/parse-request.ts";
import { readIds, readText, readUsage } from "../upstreams/qwen-web/reply/json-decoder.ts";
import { chatTypeOf, chooseMode, featureConfigOf, splitSuffix } from "../upstreams/qwen-web/model-mode.ts";
import { createCompletionBody, createQwenMessage as createMessage } from "../upstreams/qwen-web/request-body.ts";
import type { QwenCompletionBody, QwenMessage } from "../wire/qwen-web.ts";

export const defaultModel = "qwen3-max";

/** Where a conversation stands: what `getSession` returns has this shape too. */
export interface ChainPosition {
  readonly chatId: string;
  /** The node that the next message continues; null for the first. */
  readonly parentId: string | null;
}

/**
 * Checks the body of a chat completion.
 * @returns the request in the gateway's own words
 * @throws {GatewayError} `invalid-request` that names the field
 * @example validateChatCompletionRequest({ messages: [{ role: "user", content: "Hello" }] })
 */
export function validateChatCompletionRequest(body: unknown): ChatRequest {
  return parseRequest(body);
}

/**
 * Text of the first message with role `user`, whatever stands before it.
 * @throws {GatewayError} `invalid-request` when there is none
 * @example extractFirstUserMessage([{ role: "system", content: "Be brief" }, { role: "user", content: "Hello" }]) // "Hello"
 */
export function extractFirstUserMessage(messages: readonly unknown[]): string {
  const text = firstUserText(parseMessages(messages));
  if (text === undefined) {
    throw new GatewayError("invalid-request", 'Cannot find a message with role "user"', { param: "messages" });
  }
  return text;
}

/**
 * The newest message: on a known chain it is all that has to be sent.
 * @throws {GatewayError} `invalid-request` when the list is empty or wrong
 * @example extractLastMessage([{ role: "user", content: "Hello" }]) // { role: "user", content: "Hello" }
 */
export function extractLastMessage(messages: readonly unknown[]): {
  readonly role: Message["role"];
  readonly content: string;
} {
  const last = parseMessages(messages).at(-1);
  if (last === undefined) throw new GatewayError("invalid-request", "Cannot find a message", { param: "messages" });
  return { role: last.role, content: flattenText(last) };
}

/**
 * A message as the web backend takes it, with a fresh `fid`.
 * @param parentId the node that it continues; null for the first message of a chat
 * @example createQwenMessage("Hello", null, "qwen3-max")
 */
export function createQwenMessage(
  message: string | { readonly content: string },
  parentId: string | null = null,
  model: string = defaultModel,
): QwenMessage {
  const content = typeof message === "string" ? message : message.content;
  const mode = chooseMode({}, {}, undefined);
  return createMessage({
    content,
    parentId,
    model,
    chatType: chatTypeOf(mode),
    featureConfig: featureConfigOf(mode, undefined),
    nowMs: Date.now(),
  });
}

/**
 * The completion body that continues a chain with the newest message of an OpenAI request.
 * @throws {GatewayError} `invalid-request`
 * @example transformToQwenRequest({ messages: [{ role: "user", content: "Hello" }] }, { chatId: "c1", parentId: null })
 */
export function transformToQwenRequest(body: unknown, position: ChainPosition): QwenCompletionBody {
  const request = parseRequest(body);
  const split = splitSuffix(request.model ?? defaultModel);
  const model = split?.base ?? request.model ?? defaultModel;
  const mode = chooseMode(split?.mode ?? {}, request.reasoning, request.webSearch);
  const last = request.messages.at(-1);
  const message = createMessage({
    content: last === undefined ? "" : flattenText(last),
    parentId: position.parentId,
    model,
    chatType: chatTypeOf(mode),
    featureConfig: featureConfigOf(mode, request.reasoning.budgetTokens),
    nowMs: Date.now(),
  });
  return createCompletionBody(position.chatId, position.parentId, model, message);
}

/**
 * A JSON answer of the web backend as an OpenAI `chat.completion`. Where the backend was silent about tokens, those of
 * the answer are estimated and those of the question are 0.
 * @param options.model @defaultValue "qwen3-max"
 * @throws {GatewayError} `upstream-failed` when the body holds no answer
 */
export function transformToOpenAICompletion(answer: unknown, options: { readonly model?: string } = {}): Json {
  const text = isJsonObject(answer) ? readText(answer) : undefined;
  if (!isJsonObject(answer) || text === undefined)
    throw new GatewayError("upstream-failed", "Cannot read the answer: it holds no message");
  const model = options.model ?? defaultModel;
  const request = parseRequest({ model, messages: [{ role: "user", content: "" }] });
  const estimatedTokens = estimateTokens(text);
  return encodeReply(request, {
    identity: { replyId: randomId(), model, createdAtMs: Date.now() },
    text,
    reasoning: "",
    toolCalls: [],
    sources: [],
    finishReason: "stop",
    usage: readUsage(answer) ?? { inputTokens: 0, outputTokens: estimatedTokens, totalTokens: estimatedTokens },
  });
}

/**
 * The node that the next message continues, from a JSON answer: `response_id`, else `message_id`, else `parent_id`, at
 * the top level or under `data`. Undefined when the body has none of them.
 */
export function extractParentId(answer: unknown): string | undefined {
  return isJsonObject(answer) ? (readIds(answer, "", "response_id").nodeId ?? undefined) : undefined;
}
