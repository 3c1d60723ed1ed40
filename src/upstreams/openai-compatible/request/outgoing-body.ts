// What is sent for a request: the body as it was received with single fields changed, or one that is written anew.

import type { ChatRequest, Message } from "../../../contract/chat-request.ts";
import { stringifyExact } from "../../../contract/exact-json.ts";
import type { Json } from "../../../contract/json.ts";
import type { Body, Dialect } from "../dialect.ts";
import { withoutReplay, withPairs } from "./body-repairs.ts";
import { type BodyOptions, encodeMessages } from "./encode-messages.ts";
import { canForwardMessages } from "./forward-messages.ts";
import { keptStops } from "./kept-stops.ts";
import { pairResults } from "./paired-results.ts";
import { createRequestFields, sameProtocol } from "./request-body.ts";
import { spliceBody } from "./splice-body.ts";

export interface OutgoingBody {
  /** All of it but the messages; repairs change these. */
  readonly fields: Body;
  /**
   * @param changes names of the repairs that are in `fields`
   * @throws {GatewayError} `invalid-request` for a part that the server cannot be given
   */
  write(fields: Body, changes?: ReadonlySet<string>): string | Uint8Array[];
}

/** The reply may be passed on: it is in the client's own protocol, and nothing in it has to be looked for. */
export function mayPass(request: ChatRequest, options: Pick<BodyOptions, "dialect" | "model">): boolean {
  if (request.received === undefined || request.isReplyRead === true) return false;
  if (request.surface !== sameProtocol) return false;
  // A call that the server's parser missed stays text then: of what is written anew nobody knows the probabilities.
  if (scansText(request, options.dialect) && request.wantsProbabilities !== true) return false;
  return keptStops(request, options) === undefined;
}

/** Where a server's own parser may miss a call, its text is searched. */
export function scansText({ tools, toolChoice }: ChatRequest, { reply }: Dialect): boolean {
  return reply.callsInText && tools.length > 0 && toolChoice !== "none";
}

export function createOutgoingBody(request: ChatRequest, options: BodyOptions): OutgoingBody {
  const { received } = request;
  const forwarded = received !== undefined && canForwardMessages(request, options) ? received : undefined;
  const streamed = createRequestFields(request, options);
  if (keptStops(request, options) !== undefined) delete streamed["stop"];
  return {
    // A whole answer can be checked and passed on; where it may not be had, it is collected from a stream.
    fields: asksForWhole(request, options) ? asWhole(streamed) : streamed,
    write(fields, changes) {
      const messages = changedMessages(request.messages, changes);
      if (messages !== request.messages) return joinBody(fields, encodeMessages({ ...request, messages }, options));
      const spliced = forwarded === undefined ? undefined : spliceBody(forwarded, request.body, fields);
      return spliced ?? joinBody(fields, encodeMessages(request, options));
    },
  };
}

/** The same list where nothing is changed. */
function changedMessages(messages: readonly Message[], changes: ReadonlySet<string> | undefined): readonly Message[] {
  let changed = messages;
  if (changes?.has(withPairs.name) === true) changed = pairResults(changed);
  if (changes?.has(withoutReplay.name) === true && changed.some(hasThoughts)) changed = changed.map(forgetThoughts);
  return changed;
}

function hasThoughts(message: Message): boolean {
  return message.role === "assistant" && message.reasoning !== undefined;
}

function forgetThoughts(message: Message): Message {
  if (message.role !== "assistant") return message;
  const { reasoning: _thoughts, ...said } = message;
  return said;
}

function asksForWhole(request: ChatRequest, options: BodyOptions): boolean {
  const isAsked = !request.stream && request.body["stream"] !== true;
  // One that is collected from a stream has none; whoever can only stream says so, and is asked for a stream then.
  const mayAsk = options.dialect.request.wholeAnswers || request.wantsProbabilities === true;
  return isAsked && mayAsk && mayPass(request, options);
}

function asWhole({ stream_options: _options, ...fields }: Body): Body {
  return { ...fields, stream: false };
}

/** Schemas of tools may hold numbers that a double cannot; messages have arguments as texts, and would be looked through for nothing. */
function joinBody(fields: Body, messages: Json): string {
  return `${stringifyExact(fields).slice(0, -1)},"messages":${JSON.stringify(messages)}}`;
}
