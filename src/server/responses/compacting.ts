// POST /v1/responses/compact: what was said becomes the words of users and developers as they were, and a summary of all.
// It is the question that an input ends with (surfaces/openai-responses/compaction.ts), under another name.

import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { randomId } from "../../contract/random-id.ts";
import type { Surface } from "../../contract/surface.ts";
import { parseRequestBody } from "../../conversation/parse-body.ts";
import type { IncomingExchange } from "../../gateway/exchange-request.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import { passingSessionId } from "../../store/passing-session.ts";
import { compactionTrigger, isKeptWhole, noSummary } from "../../surfaces/openai-responses/compaction.ts";
import { inputItems } from "../../surfaces/openai-responses/input-items.ts";
import type { KnownItems } from "../../surfaces/openai-responses/parse-input.ts";
import { encodeCompacted } from "../../surfaces/openai-responses/response-object.ts";
import type { KnownItemsFinder } from "./known-items.ts";
import { surfaceFor, surfaceRefusing } from "./surface-for.ts";

export type CompactInput = (incoming: IncomingExchange) => Promise<Response>;

export function createCompacting(
  gateway: Pick<Gateway, "exchange" | "forget">,
  knownItems: KnownItemsFinder,
): CompactInput {
  return async (incoming) => {
    const { caller } = incoming;
    // Asked in the conversation's chat, which knows all of it: whoever goes on from before it takes another branch there. One
    // that is not known gets a chat that passes with the answer, since the compacted input goes on in none.
    const beginsIn = passingSessionId("compact", randomId());
    try {
      const parsed = parseRequestBody(incoming.body, caller);
      const known = await knownItems.find(caller, parsed);
      const asking = { ...incoming, parsed: askingToCompact(parsed), beginsIn };
      return await gateway.exchange(surfaceCompacting(known), asking);
    } catch (error) {
      return gateway.exchange(surfaceRefusing(error), { ...incoming, parsed: {} });
    } finally {
      void gateway.forget(caller, beginsIn);
    }
  };
}

/** The same as a request for an answer. What cannot be read stays, and is refused by its name. */
function askingToCompact(body: unknown): unknown {
  if (!isJsonObject(body)) return body;
  const { input, stream, background } = body;
  const items = Array.isArray(input) ? input : typeof input === "string" ? [{ role: "user", content: input }] : [];
  const isReadable = Array.isArray(input) || typeof input === "string" || input === undefined || input === null;
  return {
    ...body,
    stream: off(stream),
    background: off(background),
    input: isReadable ? [...items, trigger] : input,
  };
}

/** The answer is one of its own, whatever was asked for; what is neither yes nor no is refused as elsewhere. */
function off(value: unknown): unknown {
  return value === undefined || value === null || value === true ? false : value;
}

const trigger = { type: compactionTrigger };

function surfaceCompacting(known: KnownItems): Surface {
  return {
    ...surfaceFor(known, {}),
    encodeReply(request, reply) {
      const compacted = encodeCompacted(reply, keptItems(known, request.body, reply.identity.replyId));
      // Thrown: without a summary there is no answer, and the exchange has failed.
      if (compacted === undefined) throw noSummary();
      return compacted;
    },
  };
}

function keptItems({ history, byId }: KnownItems, { input }: JsonObject, replyId: string): readonly Json[] {
  const said = history.filter(isKeptWhole);
  // They came out of JSON.parse.
  return [...said, ...inputItems(input, replyId, byId).filter(isKeptWhole)] as readonly Json[];
}
