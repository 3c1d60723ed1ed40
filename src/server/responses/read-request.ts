// A request for a response, and what it refers to: looked up before the surface parses it.

import type { ChatRequest } from "../../contract/chat-request.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { parseRequestBody } from "../../conversation/parse-body.ts";
import type { IncomingExchange } from "../../gateway/exchange-request.ts";
import type { SharedBeginning } from "../../store/response-store.ts";
import type { KnownItems } from "../../surfaces/openai-responses/parse-input.ts";
import { parseRequest } from "../../surfaces/openai-responses/parse-request.ts";
import type { KnownItemsFinder } from "./known-items.ts";
import type { SharedInputs } from "./shared-inputs.ts";
import { refuseTakenIds } from "./taken-ids.ts";
import type { Moment, UnwantedResponses } from "./unwanted.ts";

/** A request that has been read, and what it refers to. */
export interface ReadRequest {
  readonly body: unknown;
  readonly known: KnownItems;
  readonly shared: SharedBeginning | undefined;
  /** When it came. */
  readonly moment: Moment;
  /** Of one that nobody waits for: what is wrong with it is told at once. */
  readonly forLater: ChatRequest | undefined;
}

export interface RequestReader {
  /** @throws {GatewayError} what is wrong with the request, or with what it refers to */
  read(incoming: IncomingExchange): Promise<ReadRequest>;
}

export interface RequestReaderOptions {
  readonly knownItems: KnownItemsFinder;
  readonly sharedInputs: SharedInputs;
  readonly unwanted: UnwantedResponses;
}

export function createRequestReader({ knownItems, sharedInputs, unwanted }: RequestReaderOptions): RequestReader {
  return {
    async read({ caller, body }) {
      const { moment } = unwanted;
      const parsed = parseRequestBody(body, caller);
      // At once: of the next request that begins as this one it would not be told any more.
      const shared = sharedInputs.find(parsed);
      const known = await knownItems.find(caller, parsed);
      if (known.conversationId !== undefined && isJsonObject(parsed))
        refuseTakenIds(parsed["input"], known.byId, "input");
      const forLater = isForLater(parsed) ? parseRequest(parsed, known) : undefined;
      return { body: parsed, known, shared, moment, forLater };
    },
  };
}

function isForLater(body: unknown): body is JsonObject {
  return isJsonObject(body) && body["background"] === true && body["store"] !== false;
}
