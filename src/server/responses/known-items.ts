// What a request for a response refers to instead of saying it: the line of responses or the conversation that it goes on
// from, and single items.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import type { FoundResponse, ResponseStep, ResponseStore } from "../../store/response-store.ts";
import { referredIds } from "../../surfaces/openai-responses/input-items.ts";
import { responseIdOf } from "../../surfaces/openai-responses/items.ts";
import { type KnownItems, nothingKnown } from "../../surfaces/openai-responses/parse-input.ts";
import { conversationIdIn } from "../../surfaces/openai-responses/parse-request.ts";
import type { ResponseConversations } from "./conversations.ts";
import { cannotGoOn } from "./errors.ts";

export interface KnownItemsOptions {
  /** @param id of the response that is looked for */
  storeFor(id: string): Promise<ResponseStore>;
  /** A response as its client is told it. */
  asTold(found: FoundResponse): JsonObject;
  readonly conversations: ResponseConversations;
}

export interface KnownItemsFinder {
  /** @throws {GatewayError} for what is not kept, or cannot be gone on from */
  find(caller: string, body: unknown): Promise<KnownItems>;
}

export function createKnownItems({ storeFor, asTold, conversations }: KnownItemsOptions): KnownItemsFinder {
  async function find(caller: string, body: unknown): Promise<KnownItems> {
    const previousId = isJsonObject(body) ? body["previous_response_id"] : undefined;
    const ids = referredIds(body);
    // What is not a text, the surface refuses.
    const isGoingOn = typeof previousId === "string" && previousId !== "";
    const conversationId = isJsonObject(body) ? conversationIdIn(body) : undefined;
    if (conversationId !== undefined) {
      const history = await conversations.itemsOf(caller, conversationId);
      return { history, byId: addById(await findItems(caller, ids), history), conversationId };
    }
    if (!isGoingOn && ids.length === 0) return nothingKnown;
    const history = isGoingOn ? await findHistory(caller, previousId) : [];
    return { history, byId: await findItems(caller, ids) };
  }

  async function findHistory(caller: string, id: string): Promise<readonly unknown[]> {
    const store = await storeFor(id);
    const last = await store.find(caller, id);
    const path = await store.findPath(caller, id);
    if (last === undefined) {
      throw cannotGoOn("not-found", "no such response is kept here: it has expired, was deleted, or was not stored");
    }
    if (path[0]?.previousId !== null) throw cannotGoOn("not-found", "one that it goes on from was deleted");
    const { status } = asTold(last);
    if (status !== "completed" && status !== "incomplete") {
      throw cannotGoOn("invalid-request", `the status of that response is "${String(status)}"`);
    }
    const own = path.flatMap(({ input, output }) => [...input, ...output]);
    return [...(await findBefore(caller, path[0], store)), ...own];
  }

  /** The first of a line may have been made in a conversation: what was said there before belongs to it. */
  async function findBefore(caller: string, first: ResponseStep, store: ResponseStore): Promise<readonly unknown[]> {
    const { conversation } = (await store.find(caller, first.id))?.response ?? {};
    const id = isJsonObject(conversation) ? conversation["id"] : undefined;
    const [item] = [...first.input, ...first.output];
    return typeof id === "string" && item !== undefined
      ? conversations.itemsBefore(caller, id, String(item["id"]))
      : [];
  }

  /** Those that are not kept are missed by the surface, which knows where they stand. */
  async function findItems(caller: string, ids: readonly string[]): Promise<Map<string, unknown>> {
    const found = new Map<string, unknown>();
    const responseIds = new Set(ids.flatMap((id) => responseIdOf(id) ?? []));
    for (const responseId of responseIds) {
      const kept = await (await storeFor(responseId)).find(caller, responseId);
      if (kept === undefined) continue;
      addById(found, [...kept.input, ...outputOf(kept.response)]);
    }
    return found;
  }

  return { find };
}

function addById(found: Map<string, unknown>, items: readonly unknown[]): Map<string, unknown> {
  for (const item of items) {
    if (isJsonObject(item) && typeof item["id"] === "string") found.set(item["id"], item);
  }
  return found;
}

export function outputOf({ output }: JsonObject): readonly unknown[] {
  return Array.isArray(output) ? output : [];
}
