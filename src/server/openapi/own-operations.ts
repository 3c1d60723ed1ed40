// The gateway's own protocols in the OpenAPI document: the typed chat with its documents, and the agent under both its names.

import { Type, type TSchema } from "typebox";
import { cancelBody, confirmBody, queryBody } from "../../agent/parse-request.ts";
import { doneSchema, errorSchema, progressSchema } from "../../agent/event-schemas.ts";
import { eventSchema } from "../../pipeline/event-schemas.ts";
import { typedChatBody } from "../../pipeline/parse-request.ts";
import { type AgentPlace, agentPlaces, type AgentRoute } from "../agent/agent-places.ts";
import { documentBody } from "../documents/read-document-files.ts";
import { sessionListRange } from "../body/parse-limit.ts";
import { anyObject, frames, json, jsonBody, limitQuery, type Operation, query } from "./operation.ts";

/** What stands in the `data:` of its frames is told beside the type, for OpenAPI 3.1 has no word for it. */
function stream(event: TSchema): TSchema {
  return Type.String({ description: "Server-sent events", "x-event-data": event });
}

const chatFrames = stream(eventSchema);
const chatSession = Type.Object({
  session_id: Type.String(),
  title: Type.String(),
  created_at: Type.Integer(),
  updated_at: Type.Integer(),
  message_count: Type.Integer(),
});

const chat: readonly Operation[] = [
  {
    method: "POST",
    path: "/api/chat/stream",
    tag: "typed chat",
    summary: "Sends a message and reads its answer as typed events",
    body: jsonBody(typedChatBody, { message: "Say hello" }),
    answers: { 200: { description: "The answer", content: { "text/event-stream": chatFrames } } },
  },
  {
    method: "GET",
    path: "/api/chat/stream/{id}",
    tag: "typed chat",
    summary: "Reads an answer on, or once more",
    parameters: {
      last_event_id: query(Type.Integer({ minimum: 0 }), "Behind this event; 0 gives all"),
      "Last-Event-ID": { in: "header", schema: Type.Integer({ minimum: 0 }), description: "The same" },
    },
    answers: {
      200: { description: "The answer", content: { "text/event-stream": chatFrames } },
      204: { description: "It has ended, and nothing is behind that event" },
    },
  },
  {
    method: "DELETE",
    path: "/api/chat/stream/{id}",
    tag: "typed chat",
    summary: "Stops an answer",
    answers: { 200: json("Whether it ran", Type.Object({ stream_id: Type.String(), stopped: Type.Boolean() })) },
  },
  {
    method: "GET",
    path: "/api/chat/sessions",
    tag: "typed chat",
    summary: "The caller's sessions",
    parameters: { limit: limitQuery(sessionListRange) },
    answers: { 200: json("Last used first", Type.Object({ data: Type.Array(chatSession) })) },
  },
  {
    method: "GET",
    path: "/api/chat/sessions/{id}",
    tag: "typed chat",
    summary: "One session with its messages",
    answers: {
      200: json("The session", Type.Object({ ...chatSession.properties, messages: Type.Array(anyObject) })),
    },
  },
  {
    method: "DELETE",
    path: "/api/chat/sessions/{id}",
    tag: "typed chat",
    summary: "Forgets it",
    answers: { 200: json("It is gone", Type.Object({ session_id: Type.String(), deleted: Type.Literal(true) })) },
  },
  {
    method: "GET",
    path: "/api/feed",
    tag: "typed chat",
    summary: "Accounts and running answers, as they are and as they change",
    answers: { 200: { description: "Until it is closed", content: { "text/event-stream": frames } } },
  },
  {
    method: "GET",
    path: "/api/speech",
    tag: "typed chat",
    summary: "Whether what is said can be written down, and by which model",
    answers: {
      200: json(
        "Null: it cannot",
        Type.Object({ transcription: Type.Union([Type.Object({ model: Type.String() }), Type.Null()]) }),
      ),
    },
  },
];

const document = Type.Object({
  id: Type.String(),
  name: Type.String(),
  type: Type.String(),
  bytes: Type.Integer(),
  chunks: Type.Integer(),
  created_at: Type.Integer(),
});
const documentList = Type.Object({ data: Type.Array(document) });

const documents: readonly Operation[] = [
  {
    method: "POST",
    path: "/api/documents",
    tag: "documents",
    summary: "Imports documents to be searched",
    body: {
      content: {
        "application/json": documentBody,
        "multipart/form-data": Type.Object({ file: Type.Array(Type.String({ format: "binary" }), { maxItems: 20 }) }),
      },
      example: { name: "hello.txt", text: "Hello, world" },
    },
    answers: {
      200: {
        description: "The documents; events on the way there with `Accept: text/event-stream`",
        content: { "application/json": documentList, "text/event-stream": frames },
      },
    },
  },
  {
    method: "GET",
    path: "/api/documents",
    tag: "documents",
    summary: "The caller's documents",
    answers: {
      200: json(
        "The documents, and the largest file that is taken in",
        Type.Object({ ...documentList.properties, max_bytes: Type.Integer() }),
      ),
    },
  },
  {
    method: "GET",
    path: "/api/documents/{id}",
    tag: "documents",
    summary: "One document with its text",
    answers: { 200: json("The document", Type.Object({ ...document.properties, text: Type.String() })) },
  },
  {
    method: "DELETE",
    path: "/api/documents/{id}",
    tag: "documents",
    summary: "Forgets it",
    answers: { 200: json("It is gone", Type.Object({ id: Type.String(), deleted: Type.Literal(true) })) },
  },
];

const agentFrames = stream(Type.Union([progressSchema, errorSchema, doneSchema]));
const question = jsonBody(queryBody, { query: "What can you do?" });
/** What came of a run that failed is told in it, with its code. */
const result = json("What came of it", anyObject);

type Told = Omit<Operation, "method" | "path" | "tag">;

const agentOperations: Readonly<Record<AgentRoute, Told>> = {
  whole: { summary: "Asks the agent, and waits for what comes of it", body: question, answers: { 200: result } },
  stream: {
    summary: "Asks the agent, and reads how it gets on",
    body: question,
    answers: { 200: { description: "Its events", content: { "text/event-stream": agentFrames } } },
  },
  capabilities: { summary: "Its tool servers and their tools", answers: { 200: json("The servers") } },
  examples: {
    summary: "Questions to begin with",
    answers: { 200: json("The questions", Type.Object({ examples: Type.Array(Type.Unknown()) })) },
  },
  confirm: {
    summary: "Answers a question of the agent; it goes on",
    body: jsonBody(confirmBody, { confirmation_id: "a-question", decision: "reject" }),
    answers: {
      200: { ...result, content: { ...result.content, "text/event-stream": agentFrames } },
    },
  },
  drop: {
    summary: "Takes a question of the agent back",
    answers: { 200: json("It is gone", Type.Object({ confirmation_id: Type.String(), deleted: Type.Literal(true) })) },
  },
  cancel: {
    summary: "Ends what runs in a session",
    body: jsonBody(cancelBody, { session_id: "a-session" }),
    answers: { 200: json("Whether it ran", Type.Object({ session_id: Type.String(), cancelled: Type.Boolean() })) },
  },
  deprecated: {
    summary: "The older name of /api/agent",
    body: question,
    answers: { 200: result },
    isDeprecated: true,
  },
};

function agentOperation({ method, path, route }: AgentPlace): Operation {
  return { method, path: path.replace(/\*$/, "{id}"), tag: "agent", ...agentOperations[route] };
}

const mcp: Operation = {
  method: "POST",
  path: "/mcp",
  tag: "agent",
  summary: "The gateway as an MCP server: JSON-RPC over streamable HTTP",
  parameters: { Accept: { in: "header", schema: Type.String(), description: "application/json, text/event-stream" } },
  body: jsonBody(Type.Union([anyObject, Type.Array(anyObject)]), {
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "example", version: "1" } },
  }),
  answers: {
    200: { description: "The answer", content: { "application/json": anyObject, "text/event-stream": frames } },
    202: { description: "A notification was taken" },
    406: json("The client does not accept both forms"),
    415: json("It is not JSON"),
  },
};

export const ownOperations: readonly Operation[] = [...chat, ...documents, ...agentPlaces.map(agentOperation), mcp];
