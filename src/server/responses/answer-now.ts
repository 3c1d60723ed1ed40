// Answers that their clients wait for: they are kept while their end is held, as long as that may be.

import { orderedId } from "../../contract/random-id.ts";
import type { IncomingExchange } from "../../gateway/exchange-request.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import { responseId } from "../../surfaces/openai-responses/items.ts";
import type { ResponseObject } from "../../surfaces/openai-responses/response-object.ts";
import { holdEnd } from "../hold-end.ts";
import type { Forgetting } from "./forgetting.ts";
import { type KeptResponses, newResponse } from "./kept-responses.ts";
import type { ReadRequest } from "./read-request.ts";
import { surfaceFor } from "./surface-for.ts";

export interface AnswerNowOptions {
  readonly gateway: Pick<Gateway, "exchange">;
  readonly kept: KeptResponses;
  readonly forgetting: Forgetting;
  readonly keptWithinMs: number | undefined;
}

export type AnswerRequest = (incoming: IncomingExchange, read: ReadRequest) => Promise<Response>;

export function createAnswerNow({ gateway, kept, forgetting, keptWithinMs }: AnswerNowOptions): AnswerRequest {
  return async (incoming, { body, known, shared, moment }) => {
    const { caller } = incoming;
    const store = await kept.storeToKeep(body);
    const isNoted = store !== undefined || known.conversationId !== undefined;
    let writing: Promise<unknown> | undefined;
    const onEnd = (response: ResponseObject): void => {
      const added = kept.noteEnd(caller, body, known, response);
      const stored = store && kept.keep(store, caller, body, newResponse(body, known, response, shared));
      writing = Promise.all([added, stored]);
    };
    const replyId = orderedId();
    const heldMs = isNoted ? keptWithinMs : undefined;
    // What is held passes through here.
    const toSocket = incoming.toSocket === true && heldMs === undefined;
    const asking = { ...incoming, parsed: body, replyId, toSocket };
    const exchanged = await gateway.exchange(surfaceFor(known, { onEnd: isNoted ? onEnd : undefined }), asking);
    const answer = await holdEnd(exchanged, () => writing, heldMs);
    if (store !== undefined && answer.status === 200)
      await forgetting.linkSession(caller, responseId({ replyId }), answer, moment);
    return answer;
  };
}
