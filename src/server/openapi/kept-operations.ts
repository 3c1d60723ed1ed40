// What is kept for clients: responses, conversations, files, sessions and the history, in the OpenAPI document.

import { Type, type TSchema } from "typebox";
import { exchangeOutcomes } from "../../store/history-store.ts";
import { pageRange, sessionListRange } from "../body/parse-limit.ts";
import {
  type Answer,
  anyObject,
  frames,
  json,
  jsonBody,
  limitQuery,
  type Operation,
  type Parameter,
  query,
} from "./operation.ts";
import { response } from "./surface-operations.ts";

const page: Readonly<Record<string, Parameter>> = {
  order: query(Type.Enum(["asc", "desc"]), "By age. Default: desc"),
  after: query(Type.String(), "Behind the item of this id"),
  limit: limitQuery(pageRange),
};

function listOf(item: TSchema) {
  return Type.Object({ object: Type.Literal("list"), data: Type.Array(item), has_more: Type.Boolean() });
}

function deleted(object: string): Answer {
  const gone = { id: Type.String(), object: Type.Literal(object), deleted: Type.Literal(true) };
  return json("It is gone", Type.Object(gone));
}

const item = Type.Object({ id: Type.String(), type: Type.String() });

const responses: readonly Operation[] = [
  {
    method: "GET",
    path: "/v1/responses/{id}",
    tag: "responses",
    summary: "A kept response, or its stream once more",
    parameters: {
      stream: query(Type.Boolean(), "Reads its events"),
      starting_after: query(Type.Integer({ minimum: 0 }), "Behind the event of this number"),
    },
    answers: {
      200: { description: "The response", content: { "application/json": response, "text/event-stream": frames } },
    },
  },
  {
    method: "GET",
    path: "/v1/responses/{id}/input_items",
    tag: "responses",
    summary: "What it was asked",
    parameters: page,
    answers: { 200: json("The items", listOf(item)) },
  },
  {
    method: "POST",
    path: "/v1/responses/{id}/cancel",
    tag: "responses",
    summary: "Ends one that runs in the background",
    answers: { 200: json("The response", response) },
  },
  {
    method: "DELETE",
    path: "/v1/responses/{id}",
    tag: "responses",
    summary: "Forgets it",
    answers: { 200: deleted("response") },
  },
];

const metadata = Type.Optional(Type.Union([Type.Record(Type.String(), Type.String({ maxLength: 512 })), Type.Null()]));
const items = Type.Array(anyObject, { maxItems: 20 });
const conversation = Type.Object({
  id: Type.String(),
  object: Type.Literal("conversation"),
  created_at: Type.Integer(),
  metadata: anyObject,
});
const anItem = { type: "message", role: "user", content: "Hello" };

const conversations: readonly Operation[] = [
  {
    method: "POST",
    path: "/v1/conversations",
    tag: "conversations",
    summary: "Begins a conversation that is kept by name",
    body: {
      ...jsonBody(Type.Object({ metadata, items: Type.Optional(Type.Union([items, Type.Null()])) }), {
        items: [anItem],
      }),
      isRequired: false,
    },
    answers: { 200: json("The conversation", conversation) },
  },
  {
    method: "POST",
    path: "/v1/conversations/{id}",
    tag: "conversations",
    summary: "Changes its notes",
    body: jsonBody(Type.Object({ metadata }), { metadata: { topic: "greetings" } }),
    answers: { 200: json("The conversation", conversation) },
  },
  {
    method: "GET",
    path: "/v1/conversations/{id}",
    tag: "conversations",
    summary: "One conversation",
    answers: { 200: json("The conversation", conversation) },
  },
  {
    method: "DELETE",
    path: "/v1/conversations/{id}",
    tag: "conversations",
    summary: "Forgets it with its items",
    answers: { 200: deleted("conversation.deleted") },
  },
  {
    method: "POST",
    path: "/v1/conversations/{id}/items",
    tag: "conversations",
    summary: "Adds items",
    body: jsonBody(Type.Object({ items }), { items: [anItem] }),
    answers: { 200: json("Those that were added", listOf(item)) },
  },
  {
    method: "GET",
    path: "/v1/conversations/{id}/items",
    tag: "conversations",
    summary: "Its items",
    parameters: page,
    answers: { 200: json("The items", listOf(item)) },
  },
  {
    method: "GET",
    path: "/v1/conversations/{id}/items/{item_id}",
    tag: "conversations",
    summary: "One item",
    answers: { 200: json("The item", item) },
  },
  {
    method: "DELETE",
    path: "/v1/conversations/{id}/items/{item_id}",
    tag: "conversations",
    summary: "Forgets one item",
    answers: { 200: json("The conversation", conversation) },
  },
];

/** Clients that send `anthropic-version` get Anthropic's form. */
const file = Type.Union([
  Type.Object({ id: Type.String(), object: Type.Literal("file"), bytes: Type.Integer(), filename: Type.String() }),
  Type.Object({ id: Type.String(), type: Type.Literal("file"), size_bytes: Type.Integer(), filename: Type.String() }),
]);

const files: readonly Operation[] = [
  {
    method: "POST",
    path: "/v1/files",
    tag: "files",
    summary: "Uploads a file that messages may name",
    body: {
      content: {
        "multipart/form-data": Type.Object({
          file: Type.String({ format: "binary" }),
          purpose: Type.Optional(Type.String({ pattern: "^[a-z][a-z_-]{0,39}$" })),
          "expires_after[anchor]": Type.Optional(Type.Literal("created_at")),
          "expires_after[seconds]": Type.Optional(Type.String()),
        }),
      },
    },
    answers: { 200: json("The file", file) },
  },
  {
    method: "GET",
    path: "/v1/files",
    tag: "files",
    summary: "The caller's files",
    parameters: {
      limit: query(Type.Integer({ minimum: 1, maximum: 10_000 }), "At most so many"),
      order: query(Type.Enum(["asc", "desc"]), "By age. Default: desc"),
      after: query(Type.String(), "Behind the file of this id; as after_id too"),
      before: query(Type.String(), "Directly before the file of this id; as before_id too"),
      purpose: query(Type.String(), "Only those of this purpose"),
    },
    answers: { 200: json("The files", Type.Object({ data: Type.Array(file), has_more: Type.Boolean() })) },
  },
  {
    method: "GET",
    path: "/v1/files/{id}",
    tag: "files",
    summary: "One file without its content",
    answers: { 200: json("The file", file) },
  },
  {
    method: "GET",
    path: "/v1/files/{id}/content",
    tag: "files",
    summary: "Its content, as it was uploaded",
    answers: { 200: { description: "Its bytes", content: { "*/*": Type.Unknown() } } },
  },
  {
    method: "DELETE",
    path: "/v1/files/{id}",
    tag: "files",
    summary: "Forgets it",
    answers: { 200: json("It is gone", Type.Object({ id: Type.String() })) },
  },
];

const session = Type.Object({
  object: Type.Literal("session"),
  sessionId: Type.String(),
  chatId: Type.String(),
  messageCount: Type.Integer(),
  createdAt: Type.Integer(),
  lastAccessed: Type.Integer(),
  conversations: Type.Array(anyObject),
});

const sessions: readonly Operation[] = [
  {
    method: "GET",
    path: "/v1/sessions",
    tag: "sessions",
    summary: "What the gateway remembers of the caller's conversations",
    parameters: { limit: limitQuery(sessionListRange) },
    answers: {
      200: json("Last used first", Type.Object({ object: Type.Literal("list"), data: Type.Array(session) })),
    },
  },
  {
    method: "GET",
    path: "/v1/sessions/{id}",
    tag: "sessions",
    summary: "One session",
    answers: { 200: json("The session", session) },
  },
  {
    method: "DELETE",
    path: "/v1/sessions/{id}",
    tag: "sessions",
    summary: "Forgets it with all that belongs to it",
    answers: { 200: deleted("session.deleted") },
  },
];

export const exchange = Type.Object({
  id: Type.String(),
  object: Type.Literal("history.exchange"),
  created_at: Type.Integer(),
  outcome: Type.Enum([...exchangeOutcomes]),
});

export const historyFilter: Readonly<Record<string, Parameter>> = {
  session: query(Type.String(), "Of this session"),
  surface: query(Type.String(), "Asked in this protocol"),
  model: query(Type.String(), "Of this model"),
  upstream: query(Type.String(), "Answered by this upstream"),
  status: query(Type.Integer({ minimum: 100, maximum: 599 }), "With this status"),
  outcome: query(Type.Enum([...exchangeOutcomes]), "That ended so"),
  since: query(Type.String(), "Not before: seconds since 1970, or a date"),
  until: query(Type.String(), "Before: seconds since 1970, or a date"),
  q: query(Type.String(), "With all of these words in what was said"),
};

export const historyPage: Readonly<Record<string, Parameter>> = {
  ...page,
  after: query(Type.String(), "Behind the exchange of this id, such as `next` of the page before"),
};

const history: readonly Operation[] = [
  {
    method: "GET",
    path: "/v1/history",
    tag: "history",
    summary: "The caller's exchanges, where they are kept",
    parameters: { ...historyPage, ...historyFilter },
    answers: {
      200: json(
        "The exchanges",
        Type.Object({
          ...listOf(exchange).properties,
          next: Type.Union([Type.String(), Type.Null()]),
          kept: Type.Enum(["off", "metadata", "content"]),
        }),
      ),
    },
  },
  {
    method: "DELETE",
    path: "/v1/history",
    tag: "history",
    summary: "Forgets those that a filter finds, or all",
    parameters: { ...historyFilter, all: query(Type.Literal("true"), "Wanted where there is no filter") },
    answers: {
      200: json("They are gone", Type.Object({ object: Type.Literal("history.deleted"), deleted: Type.Integer() })),
    },
  },
  {
    method: "GET",
    path: "/v1/history/export",
    tag: "history",
    summary: "All that a filter finds with what was said, an exchange a line",
    parameters: historyFilter,
    answers: { 200: { description: "Oldest first", content: { "application/x-ndjson": Type.String() } } },
  },
  {
    method: "GET",
    path: "/v1/history/{id}",
    tag: "history",
    summary: "One exchange with what was said, where that is kept",
    answers: { 200: json("The exchange", exchange) },
  },
  {
    method: "DELETE",
    path: "/v1/history/{id}",
    tag: "history",
    summary: "Forgets it",
    answers: { 200: deleted("history.exchange.deleted") },
  },
];

export const keptOperations: readonly Operation[] = [...responses, ...conversations, ...files, ...sessions, ...history];
