// What a client wants of its reply beside the words: cut at its marks, in a form, wrapped, its thoughts in another place.
// Each is a file of its own; here is their order. A request that wants nothing pays for nothing.

import type { ReplyDisplay } from "../../contract/answer-format.ts";
import type { ChatReply } from "../../contract/chat-reply.ts";
import type { ChatRequest } from "../../contract/chat-request.ts";
import { stringifyExact } from "../../contract/exact-json.ts";
import type { EventEncoder } from "../../contract/surface.ts";
import type { UpstreamReply } from "../../contract/upstream.ts";
import { digestEchoes, type ReplyDigest } from "../../conversation/reply-digest.ts";
import { AnswerForm } from "./answer-form.ts";
import { callFormOf } from "./call-form.ts";
import type { ExchangeOptions } from "../exchange-options.ts";
import type { AnswerDemand } from "./mending.ts";
import { SentReply } from "../turns/sent-reply.ts";
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
  const cut = cutAtSequences(opened, request.stopSequences ?? opened.cutAt);
  const read = demand?.read(cut) ?? cut;
  return display?.wrapsAnswer === true && !isBare(request) ? wrapAnswer(read) : read;
}

export function encoderFor(options: ExchangeOptions): EventEncoder {
  const { surface, request, identity } = options;
  const encoder = surface.createEncoder(request, identity);
  const shown = shownIn(options);
  return shown === "field" ? encoder : showThoughts(encoder, shown);
}

export function encodeWhole(options: ExchangeOptions, reply: ChatReply): string {
  const { surface, request } = options;
  const shown = shownIn(options);
  return stringifyExact(surface.encodeReply(request, shown === "field" ? reply : shownReply(reply, shown)));
}

/** For the fingerprint of what the client will send back. */
export function sentReplyFor({ surface, request, turn }: ExchangeOptions): SentReply {
  const { echoedCall } = surface;
  const createDigest = (): ReplyDigest => {
    const digest = turn.createDigest();
    return echoedCall === undefined ? digest : digestEchoes(digest, (call) => echoedCall(request, call));
  };
  return new SentReply(createDigest, turn.keepsText);
}

function shownIn({ display, request }: ExchangeOptions): ReplyDisplay["thoughts"] {
  const shown = display?.thoughts ?? "field";
  return shown === "tags" && isBare(request) ? "field" : shown;
}

/** Clients parse the text of an answer that has to be JSON: tags and wrappers have no place in it. */
function isBare(request: ChatRequest): boolean {
  return request.isBare === true || request.format !== undefined;
}
