// What a client wants of its reply beside the words: cut at its marks, in a form, wrapped, its thoughts in another place.
// Each is a file of its own; here is their order. A request that wants nothing pays for nothing.

import type { ChatReply } from "../contract/chat-reply.ts";
import type { ChatRequest } from "../contract/chat-request.ts";
import type { EventEncoder } from "../contract/surface.ts";
import type { UpstreamReply } from "../contract/upstream.ts";
import { AnswerForm } from "./answer-form.ts";
import { callFormOf } from "./call-form.ts";
import type { ExchangeOptions } from "./exchange-options.ts";
import type { AnswerDemand } from "./mending.ts";
import { shownReply, showThoughts } from "./show-thoughts.ts";
import { cutAtSequences } from "./stop-sequences.ts";
import { wrapAnswer } from "./wrap-answer.ts";

/** @throws {GatewayError} `invalid-request` for a form that nothing can be checked against */
export function demandOf(request: ChatRequest): AnswerDemand | undefined {
  return request.format === undefined ? callFormOf(request) : new AnswerForm(request.format, request.stream);
}

export function shapeReply(
  opened: UpstreamReply,
  { request, display }: ExchangeOptions,
  demand: AnswerDemand | undefined,
): UpstreamReply {
  const cut = cutAtSequences(opened, request.stopSequences);
  const read = demand?.read(cut) ?? cut;
  // JSON is wrapped in nothing.
  return display?.wrapsAnswer === true && request.format === undefined ? wrapAnswer(read) : read;
}

export function encoderFor({ surface, request, identity, display }: ExchangeOptions): EventEncoder {
  const encoder = surface.createEncoder(request, identity);
  const shown = display?.thoughts ?? "field";
  return shown === "field" ? encoder : showThoughts(encoder, shown);
}

export function encodeWhole({ surface, request, display }: ExchangeOptions, reply: ChatReply): string {
  const shown = display?.thoughts ?? "field";
  return JSON.stringify(surface.encodeReply(request, shown === "field" ? reply : shownReply(reply, shown)));
}
