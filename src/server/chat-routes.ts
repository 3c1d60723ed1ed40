// The routes of the typed chat: its stream, reading on, stopping, and its sessions. docs/protocol-typed-chat.md.

import { GatewayError } from "../contract/gateway-error.ts";
import type { Json } from "../contract/json.ts";
import { typeOf } from "../pipeline/parse-request.ts";
import type { TypedChat } from "../pipeline/typed-chat.ts";
import { eventStreamHeaders } from "../sse/event-stream-headers.ts";
import type { ChatMessage, ChatSession, ChatStore } from "../store/chat-store.ts";
import { parseLimit, sessionListRange } from "./body/parse-limit.ts";
import { readBody } from "./body/read-body.ts";
import { sessionNotFound } from "./session-routes.ts";
import { pathRest, queryOf, type ServerRoute, type Trip } from "./trip.ts";

export interface ChatRoutesOptions {
  readonly chat: TypedChat;
  readonly store: Pick<ChatStore, "listSessions" | "findSession">;
  /** @returns false when the caller has no such session. */
  deleteSession(caller: string, sessionId: string): Promise<boolean>;
  readonly maxBodyBytes: number;
  /** Keeps this request's connection from the idle timeout until it is answered. @returns what closes it when nothing moves any more */
  keepOpen(request: Request): () => void;
}

const streamPath = "/api/chat/stream";
const sessionsPath = "/api/chat/sessions";

export function chatRoutes(options: ChatRoutesOptions): ServerRoute[] {
  const { chat, store } = options;
  return [
    {
      method: "POST",
      path: streamPath,
      answer: async ({ request, caller, access, requestId }) => {
        const body = await readBody(request, options.maxBodyBytes);
        const onCut = options.keepOpen(request);
        const { headers, signal } = request;
        return chat.answer({ body, headers, signal, caller, access, requestId, onCut });
      },
    },
    {
      method: "GET",
      path: `${streamPath}/*`,
      answer: async (trip) => {
        const afterId = lastEventId(trip.request);
        // The router reads a body to its end to tell HEAD its length, and this one may be long in coming.
        if (trip.request.method === "HEAD") return new Response(null, { headers: eventStreamHeaders });
        const streamId = idOf(trip, streamPath, streamNotFound);
        const onCut = options.keepOpen(trip.request);
        return chat.readOn(trip.caller, streamId, afterId, { signal: trip.request.signal, onCut });
      },
    },
    {
      method: "DELETE",
      path: `${streamPath}/*`,
      answer: async (trip) => {
        const streamId = idOf(trip, streamPath, streamNotFound);
        return Response.json({ stream_id: streamId, stopped: await chat.stop(trip.caller, streamId) });
      },
    },
    {
      method: "GET",
      path: sessionsPath,
      answer: async (trip) => {
        const sessions = await store.listSessions(
          trip.caller,
          parseLimit(queryOf(trip.request).get("limit"), "sessions", sessionListRange),
        );
        return Response.json({ data: sessions.map(encodeSession) });
      },
    },
    {
      method: "GET",
      path: `${sessionsPath}/*`,
      answer: async (trip) => {
        const sessionId = idOf(trip, sessionsPath, sessionNotFound);
        const session = await store.findSession(trip.caller, sessionId);
        const messages = session && (await chat.findMessages(trip.caller, sessionId));
        if (session === undefined || messages === undefined) throw sessionNotFound();
        return Response.json({ ...encodeSession(session), messages: messages.map(encodeMessage) });
      },
    },
    {
      method: "DELETE",
      path: `${sessionsPath}/*`,
      answer: async (trip) => {
        const sessionId = idOf(trip, sessionsPath, sessionNotFound);
        if (!(await options.deleteSession(trip.caller, sessionId))) throw sessionNotFound();
        return Response.json({ session_id: sessionId, deleted: true });
      },
    },
  ];
}

function idOf(trip: Trip, path: string, notFound: () => GatewayError): string {
  const id = pathRest(trip, `${path}/`);
  if (id === undefined || id === "") throw notFound();
  return id;
}

/** Another caller's stream is as unknown as one that never was. */
function streamNotFound(): GatewayError {
  return new GatewayError("not-found", "Cannot find this stream: it has been forgotten, or never was");
}

/** Browsers send the header by themselves; 0 gives all. @throws {GatewayError} `invalid-request` */
function lastEventId(request: Request): number {
  const asked = eventIdOf(queryOf(request).get("last_event_id"), "last_event_id");
  return eventIdOf(request.headers.get("last-event-id"), "Last-Event-ID") ?? asked ?? 0;
}

/** @throws {GatewayError} `invalid-request` that names the place */
function eventIdOf(text: string | null, param: string): number | undefined {
  if (text === null || text === "") return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new GatewayError("invalid-request", "Cannot resume the stream: the last event id must be a whole number", {
    param,
  });
}

function encodeSession({ sessionId, title, createdAtMs, updatedAtMs, messageCount }: ChatSession) {
  return {
    session_id: sessionId,
    title,
    created_at: createdAtMs,
    updated_at: updatedAtMs,
    message_count: messageCount,
  };
}

function encodeMessage({ id, parentId, role, content, createdAtMs, status, streamId, extras }: ChatMessage): Json {
  const { reasoning, stages, sources, qualityScore, followUpQuestions, model, upstream, error, usage, attachments } =
    extras;
  const { finishReason } = extras;
  return {
    id,
    parent_id: parentId,
    role,
    content,
    created_at: createdAtMs,
    status,
    ...(streamId !== undefined && { stream_id: streamId }),
    ...(reasoning !== undefined && { reasoning }),
    ...(stages !== undefined && { stages }),
    ...(sources !== undefined && { sources }),
    ...(qualityScore !== undefined && { quality_score: qualityScore }),
    ...(followUpQuestions !== undefined && { follow_up_questions: followUpQuestions }),
    ...(model !== undefined && { model }),
    ...(upstream !== undefined && { upstream }),
    ...(error !== undefined && { error }),
    ...(finishReason !== undefined && { finish_reason: finishReason }),
    ...(usage !== undefined && {
      usage: {
        prompt_tokens: usage.inputTokens,
        completion_tokens: usage.outputTokens,
        total_tokens: usage.totalTokens,
      },
    }),
    ...(attachments !== undefined && {
      attachments: attachments.map((attachment) => ({ name: attachment.name, type: typeOf(attachment) })),
    }),
  };
}
