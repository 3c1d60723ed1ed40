// The body of POST /v1/chat/completions to a ChatRequest. Fields that nobody here understands are let through unread.

import Type from "typebox";
import type { ChatRequest } from "../../contract/chat-request.ts";
import type { JsonObject } from "../../contract/json.ts";
import { parseResponseFormat } from "../answer-format.ts";
import { createBodyCheck, optional } from "../check-body.ts";
import {
  parseModel,
  parseReasoning,
  parseSession,
  parseWebSearch,
  readTokenLimit,
  sharedFields,
  tokenLimit,
} from "../openai-fields.ts";
import { declaresFunctions } from "./older-functions.ts";
import { parseMessages } from "./parse-messages.ts";
import { parseToolChoice, parseTools } from "./parse-tools.ts";

export const surfaceName = "openai-chat";

/** `messages` is checked by hand: its errors name the message. */
export const chatCompletionBody = Type.Object({
  ...sharedFields,
  max_completion_tokens: tokenLimit,
  tools: optional(Type.Array(Type.Unknown())),
  functions: optional(Type.Array(Type.Unknown())),
});

const checkBody = createBodyCheck(chatCompletionBody);

/** @throws {GatewayError} `invalid-request` that names the field */
export function parseRequest(value: unknown): ChatRequest {
  const body = checkBody(value);
  // Checked above to be an object; the schema leaves unknown fields in place.
  const fields: JsonObject = body;
  const declared = parseTools(body.tools ?? body.functions);
  const { toolChoice, allowed } = parseToolChoice(fields, declared);
  const format = parseResponseFormat(fields["response_format"]);
  const isOlder = declaresFunctions(fields);
  return {
    surface: surfaceName,
    model: parseModel(body.model),
    messages: parseMessages(fields["messages"]),
    tools: allowed === undefined ? declared.all : declared.all.filter(({ name }) => allowed.includes(name)),
    toolChoice,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    maxTokens: readTokenLimit(body.max_completion_tokens ?? body.max_tokens),
    reasoning: parseReasoning(fields),
    ...(format === undefined ? {} : { format }),
    // No server is told of a custom tool, or of functions: their calls have to be told in the client's words.
    ...(declared.customNames.size > 0 || isOlder ? { isReplyRead: true } : {}),
    ...(isOlder ? { parallelToolCalls: false } : {}),
    ...(fields["logprobs"] === true ? { wantsProbabilities: true } : {}),
    webSearch: parseWebSearch(fields),
    session: parseSession(fields),
    body: fields,
  };
}
