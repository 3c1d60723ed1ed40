// The client protocols in the OpenAPI document. Bodies are the schemas that check them, with what is checked by hand beside.

import { Type, type TProperties, type TObject } from "typebox";
import { type ForwardEndpoint, forwardEndpoints } from "../../contract/forward.ts";
import { countBody, messageBody } from "../../surfaces/anthropic-messages/parse-request.ts";
import { chatCompletionBody } from "../../surfaces/openai-chat/parse-request.ts";
import { completionBody } from "../../surfaces/openai-completions/surface.ts";
import { responseBody } from "../../surfaces/openai-responses/parse-request.ts";
import { type Answer, anyObject, frames, json, jsonBody, type Operation } from "./operation.ts";

/** In the place of parsers: their errors name the message. */
function withField<P extends TProperties>(schema: TObject<P>, more: TProperties): TObject {
  return Type.Object({ ...more, ...schema.properties });
}

const messages = { messages: Type.Array(anyObject, { minItems: 1 }) };
const input = Type.Union([Type.String(), Type.Array(anyObject)]);
const hello = { model: "qwen3-max", messages: [{ role: "user", content: "Say hello" }] };

/** Whole, or as a stream where the body asks for one. */
function reply(schema: Parameters<typeof json>[1]): Answer {
  return {
    description: 'The reply; a stream of events with `"stream": true`',
    content: { "application/json": schema ?? anyObject, "text/event-stream": frames },
  };
}

const usage = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
});
const choices = Type.Array(anyObject, { minItems: 1 });
const common = { id: Type.String(), created: Type.Integer(), model: Type.String(), choices, usage };

export const response = Type.Object({
  id: Type.String(),
  object: Type.Literal("response"),
  status: Type.String(),
  model: Type.String(),
  output: Type.Array(anyObject),
});

const compacted = Type.Object({
  id: Type.String(),
  object: Type.Literal("response.compaction"),
  created_at: Type.Integer(),
  output: Type.Array(anyObject, { minItems: 1 }),
  usage: anyObject,
});

const message = Type.Object({
  id: Type.String(),
  type: Type.Literal("message"),
  role: Type.Literal("assistant"),
  content: Type.Array(anyObject),
  model: Type.String(),
  stop_reason: Type.Union([Type.String(), Type.Null()]),
  usage: anyObject,
});

const protocols: readonly Operation[] = [
  {
    method: "POST",
    path: "/v1/chat/completions",
    tag: "protocols",
    summary: "OpenAI chat completions",
    body: jsonBody(withField(chatCompletionBody, messages), hello),
    answers: { 200: reply(Type.Object({ object: Type.Literal("chat.completion"), ...common })) },
  },
  {
    method: "POST",
    path: "/v1/completions",
    tag: "protocols",
    summary: "OpenAI's older text completions",
    body: jsonBody(withField(completionBody, { prompt: Type.Union([Type.String(), Type.Array(Type.String())]) }), {
      model: "qwen3-max",
      prompt: "Say hello",
    }),
    answers: { 200: reply(Type.Object({ object: Type.Literal("text_completion"), ...common })) },
  },
  {
    method: "POST",
    path: "/v1/messages",
    tag: "protocols",
    summary: "Anthropic messages",
    body: jsonBody(withField(messageBody, messages), { ...hello, max_tokens: 100 }),
    answers: { 200: reply(message) },
  },
  {
    method: "POST",
    path: "/v1/messages/count_tokens",
    tag: "protocols",
    summary: "Tokens of a message, estimated",
    body: jsonBody(withField(countBody, messages), hello),
    answers: { 200: json("The count", Type.Object({ input_tokens: Type.Integer() })) },
  },
  {
    method: "POST",
    path: "/v1/responses",
    tag: "responses",
    summary: "OpenAI responses",
    body: jsonBody(withField(responseBody, { input }), {
      model: "qwen3-max",
      input: "Say hello",
    }),
    answers: { 200: reply(response) },
  },
  {
    method: "POST",
    path: "/v1/responses/input_tokens",
    tag: "responses",
    summary: "Tokens of an input, estimated",
    // Null says nothing, as in the bodies of the protocols.
    body: jsonBody(withField(responseBody, { input: Type.Optional(Type.Union([...input.anyOf, Type.Null()])) }), {
      model: "qwen3-max",
      input: "Say hello",
    }),
    answers: { 200: json("The count", Type.Object({ object: Type.String(), input_tokens: Type.Integer() })) },
  },
  {
    method: "POST",
    path: "/v1/responses/compact",
    tag: "responses",
    summary: "A conversation as the words of its users and a summary",
    body: jsonBody(withField(responseBody, { input: Type.Optional(Type.Union([...input.anyOf, Type.Null()])) }), {
      model: "qwen3-max",
      input: "My name is Mira",
    }),
    answers: { 200: json("What takes its place in a later input", compacted) },
  },
];

const upload = Type.Object({ file: Type.String({ format: "binary" }), model: Type.Optional(Type.String()) });
/** Null says nothing, as in the bodies of the protocols. */
const modelOrNull = Type.Optional(Type.Union([Type.String(), Type.Null()]));

const examples: Readonly<Record<ForwardEndpoint, object>> = {
  embeddings: { model: "text-embedding-v4", input: "hello" },
  rerank: { model: "qwen3-rerank", query: "hello", documents: ["hello", "goodbye"] },
  "images/generations": { prompt: "A lighthouse at dusk" },
  "audio/transcriptions": { model: "qwen3-asr-flash" },
  "audio/translations": { model: "qwen3-asr-flash" },
  "audio/speech": { model: "qwen3-tts-flash", input: "hello", voice: "Cherry" },
};

/** Their fields are their servers' business. */
const forwarded: readonly Operation[] = forwardEndpoints.map((endpoint) => ({
  method: "POST",
  path: `/v1/${endpoint}`,
  tag: "passed on",
  summary: `Passed on to an upstream that serves ${endpoint}`,
  description: "Fields are those of the upstream's own documentation.",
  body: {
    content: {
      "application/json": Type.Object({ model: modelOrNull }),
      ...(/trans/.test(endpoint) ? { "multipart/form-data": upload } : {}),
    },
    example: examples[endpoint],
  },
  answers: { 200: { description: "As the upstream answers", content: { "*/*": Type.Unknown() } } },
}));

const model = Type.Object({ id: Type.String(), object: Type.Literal("model"), owned_by: Type.String() });

const models: readonly Operation[] = [
  {
    method: "GET",
    path: "/v1/models",
    tag: "protocols",
    summary: "The models of all upstreams",
    parameters: {
      limit: { in: "query", schema: Type.Integer({ minimum: 1, maximum: 1000 }) },
      after_id: { in: "query", schema: Type.String() },
      before_id: { in: "query", schema: Type.String() },
    },
    answers: { 200: json("The models", Type.Object({ object: Type.Literal("list"), data: Type.Array(model) })) },
  },
  {
    method: "GET",
    path: "/v1/models/{id}",
    tag: "protocols",
    summary: "One of them",
    answers: { 200: json("The model", model) },
  },
];

export const surfaceOperations: readonly Operation[] = [...protocols, ...models, ...forwarded];
