// The routes of conversations that clients keep by name: made, looked at, changed and deleted, and the same of their items.

import type { Clock } from "../../contract/clock.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { parseRequestBody } from "../../conversation/parse-body.ts";
import { randomId } from "../../contract/random-id.ts";
import type { ConversationStore, KeptConversation } from "../../store/conversation-store.ts";
import { inputItems } from "../../surfaces/openai-responses/input-items.ts";
import { nothingKnown, parseInput } from "../../surfaces/openai-responses/parse-input.ts";
import type { Edge } from "../create-server.ts";
import { exactAnswer } from "./exact-answer.ts";
import { encodePage, parsePage } from "./item-pages.ts";
import { readBody } from "../body/read-body.ts";
import { conversationNotFound, itemNotFound } from "./errors.ts";
import { refuseTakenIds } from "./taken-ids.ts";
import { pathRest, queryOf, type ServerRoute, type Trip } from "../trip.ts";

export interface ConversationRoutesOptions extends Pick<Edge, "maxBodyBytes"> {
  openStore(): Promise<ConversationStore>;
  readonly clock: Clock;
}

const conversationsPath = "/v1/conversations";

/** As OpenAI has them. */
const mostItemsAtOnce = 20;
const mostNotes = 16;
const maxNoteNameChars = 64;
const maxNoteChars = 512;

export function conversationRoutes({ openStore, clock, maxBodyBytes }: ConversationRoutesOptions): ServerRoute[] {
  const readFields = async (trip: Trip): Promise<JsonObject> => {
    const bytes = await readBody(trip.request, maxBodyBytes);
    const body = bytes.length === 0 ? {} : parseRequestBody(bytes);
    if (isJsonObject(body)) return body;
    throw new GatewayError("invalid-request", "Invalid request: the body must be a JSON object");
  };

  async function create(trip: Trip): Promise<Response> {
    const body = await readFields(trip);
    const items = body["items"] == null ? [] : parseItems(body["items"]);
    refuseTakenIds(body["items"], new Map(), "items");
    const metadata = parseMetadata(body["metadata"]);
    const conversation = { id: `conv_${randomId()}`, metadata, createdAtMs: clock() };
    await (await openStore()).create(trip.caller, conversation, items);
    return Response.json(encode(conversation));
  }

  async function change(trip: Trip, id: string): Promise<Response> {
    const metadata = parseMetadata((await readFields(trip))["metadata"]);
    return Response.json(encode(found(await (await openStore()).setMetadata(trip.caller, id, metadata))));
  }

  async function addItems(trip: Trip, id: string): Promise<Response> {
    const added = (await readFields(trip))["items"];
    const items = parseItems(added);
    const store = await openStore();
    refuseTakenIds(added, await itemsById(store, trip.caller, id, items), "items");
    if (!(await store.append(trip.caller, id, items))) throw conversationNotFound();
    return exactAnswer(encodePage({ items, hasMore: false }));
  }

  async function read(trip: Trip, { id, itemId, isAboutItems }: Place): Promise<Response> {
    const store = await openStore();
    if (!isAboutItems) return Response.json(encode(found(await store.find(trip.caller, id))));
    if (itemId === undefined) {
      const page = await store.listItems(trip.caller, id, parsePage(queryOf(trip.request)));
      return exactAnswer(encodePage(found(page)));
    }
    found(await store.find(trip.caller, id));
    const item = await store.findItem(trip.caller, id, itemId);
    if (item === undefined) throw itemNotFound();
    return exactAnswer(item);
  }

  async function remove(trip: Trip, { id, itemId, isAboutItems }: Place): Promise<Response> {
    const store = await openStore();
    if (itemId === undefined) {
      if (isAboutItems) throw nothingHere();
      if (!(await store.forget(trip.caller, id))) throw conversationNotFound();
      return Response.json({ id, object: "conversation.deleted", deleted: true });
    }
    const conversation = found(await store.find(trip.caller, id));
    if (!(await store.forgetItem(trip.caller, id, itemId))) throw itemNotFound();
    return Response.json(encode(conversation));
  }

  const below = `${conversationsPath}/*`;
  return [
    { method: "POST", path: conversationsPath, answer: create },
    {
      method: "POST",
      path: below,
      async answer(trip) {
        const { id, itemId, isAboutItems } = placeOf(trip);
        if (itemId !== undefined) throw nothingHere();
        return isAboutItems ? addItems(trip, id) : change(trip, id);
      },
    },
    { method: "GET", path: below, answer: (trip) => read(trip, placeOf(trip)) },
    { method: "DELETE", path: below, answer: (trip) => remove(trip, placeOf(trip)) },
  ];
}

/** Those of the conversation that have the id of one of these. */
async function itemsById(
  store: ConversationStore,
  caller: string,
  id: string,
  items: readonly JsonObject[],
): Promise<ReadonlyMap<string, unknown>> {
  const found = await Promise.all(items.map((item) => store.findItem(caller, id, String(item["id"]))));
  return new Map(found.flatMap((item) => (item === undefined ? [] : [[String(item["id"]), item]])));
}

interface Place {
  readonly id: string;
  readonly isAboutItems: boolean;
  readonly itemId: string | undefined;
}

/** @throws {GatewayError} `not-found` for an address that nothing stands at */
function placeOf(trip: Trip): Place {
  const [id = "", items, itemId, ...rest] = (pathRest(trip, `${conversationsPath}/`) ?? "").split("/");
  if (id === "") throw conversationNotFound();
  if (rest.length > 0 || itemId === "" || (items !== undefined && items !== "items")) throw nothingHere();
  return { id, isAboutItems: items !== undefined, itemId };
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw conversationNotFound();
  return value;
}

function nothingHere(): GatewayError {
  return new GatewayError("not-found", "Cannot find this address: there is only /v1/conversations/:id and its /items");
}

function encode({ id, metadata, createdAtMs }: KeptConversation): Json {
  // Came out of JSON.parse.
  return { id, object: "conversation", created_at: Math.floor(createdAtMs / 1000), metadata: metadata as Json };
}

/** @throws {GatewayError} `invalid-request` that names the item, such as `items[1].role` */
function parseItems(value: unknown): readonly JsonObject[] {
  if (!Array.isArray(value)) throw wrong("items", '"items" must be an array of items');
  if (value.length > mostItemsAtOnce) throw wrong("items", `"items" may hold ${mostItemsAtOnce} items at a time`);
  try {
    parseInput(value, [], nothingKnown);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.param === undefined) throw error;
    const words = error.message.replaceAll(/"input(?=[[".])/g, '"items');
    throw new GatewayError(error.kind, words, { cause: error, param: error.param.replace(/^input/, "items") });
  }
  return inputItems(value, randomId(), nothingKnown.byId);
}

function parseMetadata(value: unknown): JsonObject {
  if (value === undefined || value === null) return {};
  if (!isJsonObject(value)) throw wrong("metadata", '"metadata" must be an object');
  const notes = Object.entries(value);
  if (notes.length > mostNotes) throw wrong("metadata", `"metadata" may hold ${mostNotes} pairs`);
  for (const [name, note] of notes) {
    const isShort = name.length <= maxNoteNameChars && typeof note === "string" && note.length <= maxNoteChars;
    if (isShort) continue;
    throw wrong(
      "metadata",
      `"metadata" must hold texts of ${maxNoteChars} characters at most, under names of ${maxNoteNameChars}`,
    );
  }
  return value;
}

function wrong(param: string, reason: string): GatewayError {
  return new GatewayError("invalid-request", `Invalid request: ${reason}`, { param });
}
