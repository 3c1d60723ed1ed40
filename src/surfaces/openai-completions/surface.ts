// OpenAI's legacy text completions: POST /v1/completions. A prompt is one message of a user.

import Type from "typebox";
import type { ChatReply } from "../../contract/chat-reply.ts";
import type { ChatRequest } from "../../contract/chat-request.ts";
import type { ChatEvent, FinishReason, ReplyIdentity } from "../../contract/events.ts";
import type { Json, JsonObject } from "../../contract/json.ts";
import { openaiErrorBody } from "../../contract/openai-error.ts";
import type { EventEncoder, Surface } from "../../contract/surface.ts";
import { ByteWriter } from "../../sse/byte-writer.ts";
import { commentFrame, doneFrame, formatSseEvent } from "../../sse/sse-writer.ts";
import { parseResponseFormat } from "../answer-format.ts";
import { createBodyCheck, invalid, optional } from "../check-body.ts";
import {
  encodeUsage,
  parseModel,
  parseReasoning,
  parseSession,
  parseWebSearch,
  readTokenLimit,
  sharedFields,
} from "../openai-fields.ts";

const surfaceName = "openai-completions";

export const completionBody = Type.Object({ ...sharedFields, echo: optional(Type.Boolean()) });

const checkBody = createBodyCheck(completionBody);

export const openaiCompletions: Surface = {
  name: surfaceName,
  routes: [{ method: "POST", path: "/v1/completions" }],
  parseRequest,
  createEncoder,
  encodeReply,
  encodeError: openaiErrorBody,
};

function parseRequest(value: unknown): ChatRequest {
  const body = checkBody(value);
  const fields: JsonObject = body;
  const format = parseResponseFormat(fields["response_format"]);
  return {
    surface: surfaceName,
    model: parseModel(body.model),
    messages: [{ role: "user", content: [{ type: "text", text: parsePrompt(fields["prompt"]) }] }],
    tools: [],
    toolChoice: undefined,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    maxTokens: readTokenLimit(body.max_tokens),
    reasoning: parseReasoning(fields),
    ...(format === undefined ? {} : { format }),
    webSearch: parseWebSearch(fields),
    session: parseSession(fields),
    body: fields,
  };
}

/** One text, or a list that holds just one: several prompts would be several replies, token ids are no text. */
function parsePrompt(value: unknown): string {
  const prompt: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (prompt === undefined || prompt === null) throw invalid("prompt", 'Invalid request: "prompt" is missing');
  if (typeof prompt !== "string") throw invalid("prompt", 'Invalid request: "prompt" must be one string');
  if (prompt === "") throw invalid("prompt", 'Invalid request: "prompt" must not be empty');
  return prompt;
}

function promptOf(request: ChatRequest): string {
  const part = request.messages[0]?.content[0];
  return part?.type === "text" ? part.text : "";
}

/** A call is nothing that this protocol knows: for its client the text just ends. */
function toldReason(reason: FinishReason): FinishReason {
  return reason === "tool_calls" ? "stop" : reason;
}

function completionId(identity: ReplyIdentity): string {
  return `cmpl-${identity.replyId}`;
}

const encoder = new TextEncoder();
const heartbeatFrame = commentFrame("keepalive");
const deltaEnd = encoder.encode(',"logprobs":null,"finish_reason":null}]}\n\n');

function createEncoder(request: ChatRequest, identity: ReplyIdentity): EventEncoder {
  return new Encoder(request, identity);
}

/** Reasoning has no place in this protocol and is left out. */
class Encoder implements EventEncoder {
  readonly #writer = new ByteWriter();
  readonly #request: ChatRequest;
  /** What all chunks of the reply begin with. */
  readonly #head: string;
  readonly #textStart: Uint8Array;

  constructor(request: ChatRequest, identity: ReplyIdentity) {
    this.#request = request;
    this.#head = `data: {"id":${JSON.stringify(completionId(identity))},"object":"text_completion","created":${Math.floor(identity.createdAtMs / 1000)},"model":${JSON.stringify(identity.model)},`;
    this.#textStart = encoder.encode(`${this.#head}"choices":[{"index":0,"text":`);
  }

  write(event: ChatEvent): void {
    switch (event.type) {
      case "text-delta":
      case "refusal-delta":
        this.#writer.bytes(this.#textStart);
        this.#writer.range(event.text.bytes, event.text.start, event.text.end);
        return this.#writer.bytes(deltaEnd);
      case "reply-start":
        if (this.#request.body["echo"] !== true) return;
        this.#writer.bytes(this.#textStart);
        this.#writer.text(JSON.stringify(promptOf(this.#request)));
        return this.#writer.bytes(deltaEnd);
      case "reply-end":
        this.#writer.text(
          `${this.#head}"choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"${toldReason(event.finishReason)}"}]}\n\n`,
        );
        if (this.#request.includeUsage)
          this.#writer.text(`${this.#head}"choices":[],"usage":${JSON.stringify(encodeUsage(event.usage))}}\n\n`);
        return this.#writer.bytes(doneFrame);
      case "reply-error":
        this.#writer.text(formatSseEvent(openaiErrorBody(event.error)));
        return this.#writer.bytes(doneFrame);
      case "reasoning-delta":
      case "tool-call-delta":
      case "block-start":
      case "block-end":
      case "source":
      case "stop-sequence":
        return;
      default:
        event satisfies never;
    }
  }

  writeHeartbeat(): void {
    this.#writer.bytes(heartbeatFrame);
  }

  get pendingBytes(): number {
    return this.#writer.length;
  }

  take(): Uint8Array {
    return this.#writer.take();
  }
}

function encodeReply(request: ChatRequest, reply: ChatReply): Json {
  const said = reply.refusal ?? reply.text;
  const text = request.body["echo"] === true ? promptOf(request) + said : said;
  return {
    id: completionId(reply.identity),
    object: "text_completion",
    created: Math.floor(reply.identity.createdAtMs / 1000),
    model: reply.identity.model,
    choices: [{ index: 0, text, logprobs: null, finish_reason: toldReason(reply.finishReason) }],
    usage: encodeUsage(reply.usage),
  };
}
