// Responses as they are kept: written with what they add to their conversation, and found again by whoever may have them.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import type { FoundResponse, NewResponse, ResponseStore, SharedBeginning } from "../../store/response-store.ts";
import { inputItemsFrom, withItemIds } from "../../surfaces/openai-responses/input-items.ts";
import { replyIdOf } from "../../surfaces/openai-responses/items.ts";
import type { KnownItems } from "../../surfaces/openai-responses/parse-input.ts";
import type { Log } from "../../telemetry/log.ts";
import type { ResponseConversations } from "./conversations.ts";
import { responseNotFound } from "./errors.ts";
import { outputOf } from "./known-items.ts";
import { PendingWrites } from "./pending-writes.ts";
import type { SharedInputs } from "./shared-inputs.ts";
import { tellItemIds } from "./tell-item-ids.ts";
import type { UnwantedResponses } from "./unwanted.ts";

export interface KeptResponsesOptions {
  openStore(): Promise<ResponseStore>;
  readonly conversations: ResponseConversations;
  readonly sharedInputs: SharedInputs;
  readonly unwanted: UnwantedResponses;
  /** A response as its client is told it. */
  asTold(found: FoundResponse): JsonObject;
  readonly log: Log;
}

export interface KeptResponses {
  /** Its items all have an id. */
  openStore(): Promise<ResponseStore>;
  /** The same for whoever looks for a response, which may be in writing still. */
  storeFor(id: string): Promise<ResponseStore>;
  /** The same for an answer. Undefined where it is not to be kept, or cannot be: it is worth more than its being kept. */
  storeToKeep(body: unknown): Promise<ResponseStore | undefined>;
  /** @throws {GatewayError} `not-found`, for another caller as well */
  find(caller: string, id: string): Promise<FoundResponse>;
  /** Resolves when it is written. */
  write(store: ResponseStore, caller: string, body: unknown, response: NewResponse): Promise<void>;
  /** The same of one that has ended, unless nobody wants it any more. Never rejects. */
  keep(store: ResponseStore, caller: string, body: unknown, response: NewResponse): Promise<unknown>;
  /** What a response that has been answered adds to the conversation that its request names. */
  noteEnd(caller: string, body: unknown, known: KnownItems, response: JsonObject): Promise<unknown> | undefined;
  tellUnkept(id: string, error: unknown): void;
  /** Resolves when everything is written. */
  settled(): Promise<void>;
}

export function createKeptResponses(options: KeptResponsesOptions): KeptResponses {
  const { conversations, sharedInputs, unwanted, log } = options;
  /** By response: what waits for another process to end its writing. */
  const writing = new PendingWrites();

  async function openStore(): Promise<ResponseStore> {
    return tellItemIds(await options.openStore());
  }

  async function storeFor(id: string): Promise<ResponseStore> {
    await writing.settled(id);
    return openStore();
  }

  async function write(store: ResponseStore, caller: string, body: unknown, response: NewResponse): Promise<void> {
    await store.remember(caller, response);
    sharedInputs.noteKept(body, response);
  }

  function tellUnkept(responseId: string, error: unknown): void {
    log.error("Cannot keep a response", { responseId }, error);
  }

  return {
    openStore,
    storeFor,
    async storeToKeep(body) {
      if (!isJsonObject(body) || body["store"] === false) return undefined;
      try {
        return await openStore();
      } catch (error) {
        log.error("Cannot keep responses: they are answered all the same", {}, error);
        return undefined;
      }
    },
    async find(caller, id) {
      const kept = await (await storeFor(id)).find(caller, id);
      if (kept === undefined) throw responseNotFound();
      return { ...kept, response: options.asTold(kept) };
    },
    write,
    keep(store, caller, body, response) {
      const { id } = response;
      if (unwanted.take(id)) return Promise.resolve();
      return writing.add(id, write(store, caller, body, response), (error) => tellUnkept(id, error));
    },
    noteEnd(caller, body, known, response) {
      const { conversationId } = known;
      const { status } = response;
      if (conversationId === undefined || (status !== "completed" && status !== "incomplete")) return undefined;
      const { id, inputFrom } = newResponse(body, known, response);
      const input = withItemIds(inputFrom(0), replyIdOf(id));
      return conversations.append(caller, conversationId, [...input, ...outputOf(response).filter(isJsonObject)]);
    },
    tellUnkept,
    settled: () => writing.allSettled(),
  };
}

/** A response with what its request said. */
export function newResponse(
  body: unknown,
  { byId }: KnownItems,
  response: JsonObject,
  shared?: SharedBeginning,
): NewResponse {
  const { input, previous_response_id: previousId }: JsonObject = isJsonObject(body) ? body : {};
  return {
    id: String(response["id"]),
    previousId: typeof previousId === "string" ? previousId : null,
    response,
    shared,
    inputFrom: (start) => inputItemsFrom(start, input, byId),
  };
}
