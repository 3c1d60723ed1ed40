// What the suite of all surfaces has to know of one: how it is asked, who reads its answers, and what must hold of them.

import {
  checkChatAnswer,
  checkCompletionAnswer,
  checkMessageAnswer,
  checkResponseAnswer,
} from "../checkers/check-answers.ts";
import { checkChatStream } from "../checkers/check-chat-stream.ts";
import { checkCompletionStream } from "../checkers/check-completion-stream.ts";
import { checkAnthropicError, checkOpenAIStatus } from "../checkers/check-errors.ts";
import { checkMessagesStream } from "../checkers/check-messages-stream.ts";
import { checkResponsesStream } from "../checkers/check-responses-stream.ts";
import { readMessageEvents, readMessages } from "./anthropic-reader.ts";
import type { ClientAnswer } from "./client-answer.ts";
import { readChat, readCompletion, readEvents, readResponses } from "./openai-readers.ts";

/** A request in the words of one surface. */
export type SurfaceBody = Readonly<Record<string, unknown>>;

export interface Asked {
  readonly text: string;
  readonly stream: boolean;
  readonly model: string;
  /** Names of tools that take anything. @defaultValue none */
  readonly tools?: readonly string[];
}

export interface SurfaceSamples {
  body(asked: Asked): SurfaceBody;
  /** The official client. @throws what is no error of its own: it was broken by the answer */
  read(response: Response, isStream: boolean): Promise<ClientAnswer>;
  /** The events of a stream, as the same client parses them. */
  readEvents(response: Response): Promise<readonly unknown[]>;
  /** What is wrong with a stream, a whole answer, an error answer: nothing. */
  checkStream(body: string): string[];
  checkAnswer(value: unknown): string[];
  checkError(value: unknown, status: number): string[];
  /** What the protocol has no place for. */
  readonly lacks: readonly ("tools" | "reasoning")[];
  /** Bodies that are refused, and the field that the refusal names. */
  readonly refused: readonly (readonly [field: string, body: SurfaceBody])[];
  /** What tells a client that the stream is alive, before the first word and between two. */
  readonly heartbeat: string;
}

/** All surfaces, by the paths of their questions. */
export const samplesByPath = (): Readonly<Record<string, SurfaceSamples>> => ({
  "/v1/chat/completions": chatSamples,
  "/v1/completions": completionSamples,
  "/v1/messages": messagesSamples,
  "/v1/responses": responsesSamples,
});

const parameters = { type: "object", additionalProperties: true };

export const chatSamples: SurfaceSamples = {
  body: ({ text, stream, model, tools = [] }) => ({
    model,
    messages: [{ role: "user", content: text }],
    ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
    ...(tools.length === 0
      ? {}
      : { tools: tools.map((name) => ({ type: "function", function: { name, parameters } })) }),
  }),
  read: readChat,
  readEvents: (response) => readEvents("chat", response),
  checkStream: (body) => checkChatStream(body, { includeUsage: true }),
  checkAnswer: checkChatAnswer,
  checkError: checkOpenAIStatus,
  lacks: [],
  refused: [
    ["messages", {}],
    ["messages", { messages: [] }],
    ["messages[0].role", { messages: [{ role: "robot", content: "x" }] }],
    ["messages[0].content", { messages: [{ role: "user" }] }],
    ["stream", { messages: [{ role: "user", content: "x" }], stream: "yes" }],
    ["max_tokens", { messages: [{ role: "user", content: "x" }], max_tokens: 0 }],
  ],
  heartbeat: ": keepalive\n\n",
};

export const completionSamples: SurfaceSamples = {
  body: ({ text, stream, model }) => ({
    model,
    prompt: text,
    ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
  }),
  read: readCompletion,
  readEvents: (response) => readEvents("completions", response),
  checkStream: (body) => checkCompletionStream(body, { includeUsage: true }),
  checkAnswer: checkCompletionAnswer,
  checkError: checkOpenAIStatus,
  lacks: ["tools", "reasoning"],
  refused: [
    ["prompt", {}],
    ["prompt", { prompt: ["a", "b"] }],
    ["stream", { prompt: "x", stream: "yes" }],
    ["max_tokens", { prompt: "x", max_tokens: 0 }],
  ],
  heartbeat: ": keepalive\n\n",
};

export const responsesSamples: SurfaceSamples = {
  body: ({ text, stream, model, tools = [] }) => ({
    model,
    input: text,
    store: false,
    ...(stream ? { stream } : {}),
    ...(tools.length === 0 ? {} : { tools: tools.map((name) => ({ type: "function", name, parameters })) }),
  }),
  read: readResponses,
  readEvents: (response) => readEvents("responses", response),
  checkStream: checkResponsesStream,
  checkAnswer: checkResponseAnswer,
  checkError: checkOpenAIStatus,
  lacks: [],
  refused: [
    ["input", {}],
    ["input", { input: [] }],
    ["input[0].role", { input: [{ role: "robot", content: "x" }] }],
    ["input[0].content", { input: [{ role: "user" }] }],
    ["stream", { input: "x", stream: "yes" }],
    ["max_output_tokens", { input: "x", max_output_tokens: 0 }],
  ],
  heartbeat: ": keepalive\n\n",
};

export const messagesSamples: SurfaceSamples = {
  body: ({ text, stream, model, tools = [] }) => ({
    model,
    max_tokens: 1000,
    messages: [{ role: "user", content: text }],
    ...(stream ? { stream } : {}),
    ...(tools.length === 0 ? {} : { tools: tools.map((name) => ({ name, input_schema: parameters })) }),
  }),
  read: readMessages,
  readEvents: readMessageEvents,
  checkStream: checkMessagesStream,
  checkAnswer: checkMessageAnswer,
  checkError: checkAnthropicError,
  lacks: [],
  refused: [
    ["max_tokens", { messages: [{ role: "user", content: "x" }] }],
    ["messages", { max_tokens: 9 }],
    ["messages", { max_tokens: 9, messages: [] }],
    ["messages[0].role", { max_tokens: 9, messages: [{ role: "robot", content: "x" }] }],
    ["messages[0].content", { max_tokens: 9, messages: [{ role: "user" }] }],
    ["stream", { max_tokens: 9, messages: [{ role: "user", content: "x" }], stream: "yes" }],
  ],
  heartbeat: "event: ping\n",
};
