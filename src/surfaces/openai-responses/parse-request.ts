// The body of POST /v1/responses to a ChatRequest. Fields that nobody here understands are let through unread.

import Type from "typebox";
import type { ChatRequest, Message } from "../../contract/chat-request.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { withSystem } from "../../conversation/grown-messages.ts";
import { parseTextFormat } from "../answer-format.ts";
import { createBodyCheck, invalid, optional } from "../check-body.ts";
import { parseModel, parseReasoning, parseSession, parseWebSearch } from "../openai-fields.ts";
import { withSummaryQuestion } from "./compaction.ts";
import { listedTools } from "./listed-tools.ts";
import { type KnownItems, nothingKnown, parseInput } from "./parse-input.ts";
import { asksForWebSearch, parseToolChoice, parseTools } from "./parse-tools.ts";

export const surfaceName = "openai-responses";

/** `input` is checked by hand: its errors name the item. */
export const responseBody = Type.Object({
  model: optional(Type.String()),
  stream: optional(Type.Boolean()),
  instructions: optional(Type.String()),
  max_output_tokens: optional(Type.Integer({ minimum: 1 })),
  previous_response_id: optional(Type.String({ minLength: 1 })),
  store: optional(Type.Boolean()),
  background: optional(Type.Boolean()),
  parallel_tool_calls: optional(Type.Boolean()),
  temperature: optional(Type.Number()),
  top_p: optional(Type.Number()),
  tools: optional(Type.Array(Type.Unknown())),
  include: optional(Type.Array(Type.Unknown())),
  text: optional(Type.Object({})),
  reasoning: optional(Type.Object({})),
  metadata: optional(Type.Object({})),
  session_id: optional(Type.String({ minLength: 1, maxLength: 200 })),
});

const checkBody = createBodyCheck(responseBody);

/**
 * @param known what the request refers to; whoever keeps it has looked it up
 * @throws {GatewayError} `invalid-request` that names the field
 */
export function parseRequest(value: unknown, known: KnownItems = nothingKnown): ChatRequest {
  const request = readBody(value, known);
  mustAsk(request, known);
  return withSummaryQuestion(request);
}

/** The same body, whose answer nobody wants: it need not ask anything. @throws {GatewayError} `invalid-request` */
export function parseCountRequest(value: unknown, known: KnownItems): ChatRequest {
  return readBody(value, known);
}

function readBody(value: unknown, known: KnownItems): ChatRequest {
  const body = checkBody(value);
  // Checked above to be an object; the schema leaves unknown fields in place.
  const fields: JsonObject = body;
  if (isJsonObject(fields["prompt"])) throw promptUnkept();
  if (conversationIdIn(fields) !== undefined && known.conversationId === undefined) throw conversationUnknown();
  if (body.background === true && body.store === false) throw backgroundUnkept();
  const listed = listedTools(fields, known.history);
  const declared = parseTools(listed);
  const format = parseTextFormat(fields["text"]);
  const { toolChoice, tools } = parseToolChoice(fields["tool_choice"], declared);
  return {
    surface: surfaceName,
    model: parseModel(body.model),
    messages: withSystem(parseInstructions(body.instructions), parseInput(fields["input"] ?? [], declared, known)),
    tools,
    toolChoice,
    stream: body.stream ?? false,
    includeUsage: true,
    maxTokens: body.max_output_tokens ?? undefined,
    reasoning: parseReasoning(fields),
    ...(format === undefined ? {} : { format }),
    webSearch: parseWebSearch(fields) ?? (asksForWebSearch(listed) ? true : undefined),
    session: parseSession(fields),
    // Whoever tells a call looks there for how its tool was declared.
    body: listed === fields["tools"] ? fields : { ...fields, tools: listed },
    steering: steeringOf(fields),
  };
}

function parseInstructions(text: string | null | undefined): Message[] {
  return text ? [{ role: "system", content: [{ type: "text", text }] }] : [];
}

function mustAsk({ body, messages }: ChatRequest, { history }: KnownItems): void {
  // What is asked may stand in what it goes on from.
  if (body["input"] == null && history.length === 0) throw invalid("input", 'Invalid request: "input" is missing');
  // A tool's result may continue a known conversation; whether it does, the gateway finds out.
  if (!messages.some(({ role }) => role === "user" || role === "tool")) {
    throw invalid("input", 'Invalid request: "input" must hold a message with role "user"');
  }
}

/**
 * The conversation that a request belongs to: a text, or an object with its `id`.
 * @throws {GatewayError} `invalid-request` for anything else, and beside `previous_response_id`
 */
export function conversationIdIn(body: JsonObject): string | undefined {
  const value = body["conversation"];
  if (value === undefined || value === null) return undefined;
  const id = isJsonObject(value) ? value["id"] : value;
  if (typeof id !== "string" || id === "") {
    throw invalid("conversation", 'Invalid request: "conversation" must be an id, or an object with one');
  }
  if (body["previous_response_id"] == null) return id;
  const message = 'Invalid request: "conversation" and "previous_response_id" cannot be used together';
  throw invalid("previous_response_id", message);
}

function conversationUnknown(): Error {
  return invalid("conversation", 'Cannot continue a conversation by "conversation": none are kept here');
}

/** What a client leaves out in the trust that it is kept here would be missing. */
function promptUnkept(): Error {
  const message =
    'Invalid request: "prompt" is not supported, since prompts are not kept here: send its words as "instructions" and "input"';
  return invalid("prompt", message);
}

function backgroundUnkept(): Error {
  return invalid("background", 'Invalid request: "background" needs "store", or nobody could read the answer');
}

/** What means the same in chat completions. */
const sharedWords = [
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "presence_penalty",
  "frequency_penalty",
  "repetition_penalty",
  "seed",
  "stop",
  "user",
  "parallel_tool_calls",
  "chat_template_kwargs",
] as const;

function steeringOf(fields: JsonObject): JsonObject {
  const steering: Record<string, unknown> = {};
  for (const word of sharedWords) if (fields[word] !== undefined) steering[word] = fields[word];
  return steering;
}
