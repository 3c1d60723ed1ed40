// The body of POST /v1/messages to a ChatRequest. Fields that nobody here understands are let through unread.

import Type, { type Static } from "typebox";
import type { ChatRequest, ReasoningOptions, SamplingOptions, SessionFields } from "../../contract/chat-request.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { withSystem } from "../../conversation/grown-messages.ts";
import { parseOutputFormat } from "../answer-format.ts";
import { createBodyCheck, invalid, optional } from "../check-body.ts";
import { parseModel } from "../openai-fields.ts";
import { changedTools } from "./changed-tools.ts";
import { withSummaryQuestion } from "./compaction.ts";
import { threadField } from "./error-body.ts";
import { parseMessages } from "./parse-messages.ts";
import { parseSystem } from "./parse-system.ts";
import { parseToolChoice, parseTools } from "./parse-tools.ts";

export const surfaceName = "anthropic-messages";

/** Each of them is looked for in each piece of an answer: a million take 60 ms there, so many 0.15 ms. */
const maxStopSequences = 256;
const maxStopSequenceChars = 1024;

/** `messages` and `system` are checked by hand: their errors name the block. */
const sharedBody = {
  model: optional(Type.String()),
  stream: optional(Type.Boolean()),
  tools: optional(Type.Array(Type.Unknown())),
  stop_sequences: optional(
    Type.Array(Type.String({ maxLength: maxStopSequenceChars }), { maxItems: maxStopSequences }),
  ),
  temperature: optional(Type.Number()),
  top_p: optional(Type.Number()),
  top_k: optional(Type.Integer()),
  thinking: optional(Type.Object({ budget_tokens: optional(Type.Integer({ minimum: 0 })) })),
  session_id: optional(Type.String({ minLength: 1, maxLength: 200 })),
};

export const messageBody = Type.Object({ ...sharedBody, max_tokens: Type.Integer({ minimum: 1 }) });
export const countBody = Type.Object(sharedBody);

type CheckedBody = Static<typeof countBody> & { readonly max_tokens?: number };

const checkMessageBody = createBodyCheck(messageBody);
const checkCountBody = createBodyCheck(countBody);

/** @throws {GatewayError} `invalid-request` that names the field */
export function parseRequest(value: unknown): ChatRequest {
  return withSummaryQuestion(readBody(checkMessageBody(value)));
}

/** The same body, whose answer nobody wants: it has no `max_tokens`. @throws {GatewayError} `invalid-request` */
export function parseCountRequest(value: unknown): ChatRequest {
  return readBody(checkCountBody(value));
}

function readBody(body: CheckedBody): ChatRequest {
  // Checked to be an object; the schema leaves unknown fields in place.
  const fields: JsonObject = body;
  refuseThread(fields[threadField]);
  const { tools, webSearch } = parseTools(changedTools(body.tools ?? [], fields["messages"]));
  const { toolChoice, parallelToolCalls } = parseToolChoice(fields["tool_choice"], tools);
  const messages = withSystem(parseSystem(fields["system"]), parseMessages(fields["messages"]));
  const format = parseOutputFormat(fields);
  const stopSequences = parseStopSequences(body.stop_sequences ?? []);
  return {
    surface: surfaceName,
    model: parseModel(body.model),
    messages,
    tools,
    toolChoice,
    stream: body.stream ?? false,
    // It has its place in every stream of this protocol.
    includeUsage: true,
    maxTokens: body.max_tokens,
    reasoning: parseReasoning(fields),
    continuesLast: true,
    ...(format === undefined ? {} : { format }),
    sampling: parseSampling(body),
    ...(stopSequences.length === 0 ? {} : { stopSequences }),
    ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
    webSearch,
    session: parseSession(fields),
    body: fields,
  };
}

/** What a client leaves out in the trust that it is kept here would be missing. */
function refuseThread(thread: unknown): void {
  if (thread === undefined || thread === null) return;
  throw invalid(
    threadField,
    `Invalid request: "${threadField}" is not supported, since histories are not kept here: send all messages without it`,
  );
}

/** White space alone may be refused, as Anthropic does: every answer would end before it begins. */
function parseStopSequences(sequences: readonly string[]): readonly string[] {
  const blank = sequences.findIndex((sequence) => sequence.trim() === "");
  if (blank < 0) return sequences;
  const path = `stop_sequences[${blank}]`;
  throw invalid(path, `Invalid request: "${path}" must hold more than white space`);
}

function parseSampling(body: CheckedBody): SamplingOptions {
  const options: { -readonly [Name in keyof SamplingOptions]: SamplingOptions[Name] } = {};
  if (typeof body.temperature === "number") options.temperature = body.temperature;
  if (typeof body.top_p === "number") options.topP = body.top_p;
  if (typeof body.top_k === "number") options.topK = body.top_k;
  return options;
}

const efforts: Readonly<Record<string, NonNullable<ReasoningOptions["effort"]>>> = {
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "xhigh",
  max: "xhigh",
};

/** Efforts come with nearly every request of an agent, also with those that are not to think: alone they say nothing. */
function parseReasoning(fields: JsonObject): ReasoningOptions {
  const thinking = fields["thinking"];
  if (!isJsonObject(thinking)) return {};
  const budget = thinking["budget_tokens"];
  const config = fields["output_config"];
  const said = isJsonObject(config) ? config["effort"] : undefined;
  const effort = typeof said === "string" && Object.hasOwn(efforts, said) ? efforts[said] : undefined;
  const withEffort = effort === undefined ? {} : { effort };
  switch (thinking["type"]) {
    case "enabled":
      return { enabled: true, ...(typeof budget === "number" ? { budgetTokens: budget } : {}), ...withEffort };
    case "adaptive":
      return { adaptive: true, ...withEffort };
    case "disabled":
      return { enabled: false };
    default:
      return {};
  }
}

/** As Claude Code wrote it before it wrote JSON (2025): the session stands last. */
const sessionInName = /(?:^|_)session_([\w-]{8,})$/;

function parseSession(fields: JsonObject): SessionFields {
  const sessionId = fields["session_id"];
  const metadata = fields["metadata"];
  const hint = sessionOf(isJsonObject(metadata) ? metadata["user_id"] : undefined);
  return {
    ...(typeof sessionId === "string" ? { sessionId } : {}),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** A name of a user alone is no session: all conversations of theirs would be one. */
function sessionOf(userId: unknown): string | undefined {
  if (typeof userId !== "string") return undefined;
  if (!userId.startsWith("{")) return sessionInName.exec(userId)?.[1];
  try {
    const named: unknown = JSON.parse(userId);
    const sessionId = isJsonObject(named) ? named["session_id"] : undefined;
    return typeof sessionId === "string" && sessionId !== "" ? sessionId : undefined;
  } catch {
    // Somebody's own way to name a user.
    return undefined;
  }
}
