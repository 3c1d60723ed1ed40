// /admin/api/sessions: what the gateway remembers of all callers, and capturing the exchanges of one session.

import { type TSchema, Type } from "typebox";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { SessionView } from "../../store/store.ts";
import { isoTime } from "../iso-time.ts";
import { anyObject, json, jsonBody, type Parameter, query } from "../openapi/operation.ts";
import { parseLimit, sessionListRange } from "../parse-limit.ts";
import { encodeSession } from "../sessions.ts";
import { localCaller } from "../trip.ts";
import type { AdminParts } from "./admin-parts.ts";
import { type AdminCall, type AdminRoute, bodyOf } from "./admin-route.ts";
import { nullable } from "./schemas.ts";

const session = Type.Object({ caller: Type.String(), sessionId: Type.String(), conversations: Type.Array(anyObject) });
const captured = Type.Object({ session_id: Type.String(), until: nullable(Type.String()) });
const captureOrder = Type.Object({
  session_id: Type.String({ minLength: 1, maxLength: 200 }),
  /** At most a day. */
  minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1440 })),
});
const defaultMinutes = 60;
/** Users of tokens may be many. */
const mostCallers = 1000;

const list = (schema: TSchema) => Type.Object({ data: Type.Array(schema) });
const callerFilter = query(Type.String(), "Whose; see the list. Default: the caller without a key");

export function sessionRoutes(parts: AdminParts): readonly AdminRoute[] {
  const { store, capture } = parts;

  async function listAll(call: AdminCall) {
    const limit = parseLimit(call.query("limit"), "sessions", sessionListRange);
    const [caller, model, upstream] = ["caller", "model", "upstream"].map((name) => call.query(name));
    const callers = caller === undefined ? await store.listCallers(mostCallers) : [caller];
    const found: { readonly caller: string; readonly session: SessionView }[] = [];
    for (const one of callers) {
      for (const listed of await store.listSessions(one, limit)) found.push({ caller: one, session: listed });
    }
    return found
      .filter(({ session: { conversations } }) =>
        conversations.some((one) => (model ?? one.model) === one.model && (upstream ?? one.upstream) === one.upstream),
      )
      .sort((one, other) => other.session.lastAccessedMs - one.session.lastAccessedMs)
      .slice(0, limit)
      .map((one) => ({ caller: one.caller, ...encodeSession(one.session) }));
  }

  const parameters: Readonly<Record<string, Parameter>> = { caller: callerFilter };
  return [
    {
      operation: {
        method: "GET",
        path: "/admin/api/sessions",
        tag: "admin",
        summary: "The sessions of all callers, last used first",
        parameters: {
          caller: query(Type.String(), "Only his"),
          model: query(Type.String(), "Only those with this model"),
          upstream: query(Type.String(), "Only those at this upstream"),
          limit: query(
            Type.Integer({ minimum: 1, maximum: 1000 }),
            "At most so many; of each caller as well, before the filters",
          ),
        },
        answers: { 200: json("The sessions", list(session)) },
      },
      answer: async (call) => Response.json({ data: await listAll(call) }),
    },
    {
      operation: {
        method: "GET",
        path: "/admin/api/sessions/{id}",
        tag: "admin",
        summary: "One session",
        parameters,
        answers: { 200: json("The session", session) },
      },
      async answer(call) {
        const caller = call.query("caller") ?? localCaller;
        const found = await store.getSession(caller, call.param("id"));
        if (found === undefined) throw notFound();
        return Response.json({ caller, ...encodeSession(found) });
      },
    },
    {
      operation: {
        method: "DELETE",
        path: "/admin/api/sessions/{id}",
        tag: "admin",
        summary: "Deletes one session with all that belongs to it",
        parameters,
        answers: { 200: json("It is gone", Type.Object({ id: Type.String(), deleted: Type.Literal(true) })) },
      },
      async answer(call) {
        const [id, caller] = [call.param("id"), call.query("caller") ?? localCaller];
        if (!(await parts.deleteSession(caller, id))) throw notFound();
        call.changed("a session was deleted", { session: id, caller });
        return Response.json({ id, deleted: true });
      },
    },
    {
      operation: {
        method: "GET",
        path: "/admin/api/captures",
        tag: "admin",
        summary: "The sessions whose exchanges are captured now",
        answers: { 200: json("The sessions", list(captured)) },
      },
      answer: () => Response.json({ data: capture.watchedSessions().map(encodeCapture) }),
    },
    {
      operation: {
        method: "POST",
        path: "/admin/api/captures",
        tag: "admin",
        summary: "Captures the exchanges of one session from now on, for a while",
        body: jsonBody(captureOrder, { session_id: "a-session", minutes: 10 }),
        answers: { 200: json("Until when", captured) },
      },
      async answer(call) {
        const { session_id: sessionId, minutes = defaultMinutes } = bodyOf(call, captureOrder);
        await watch(sessionId, minutes);
        call.changed("a session is captured", { session: sessionId, minutes });
        const watched = capture.watchedSessions().find((one) => one.sessionId === sessionId);
        await parts.fellows?.change({ kind: "capture", sessionId, untilMs: watched?.untilMs ?? null });
        return Response.json(encodeCapture(watched ?? { sessionId, untilMs: undefined }));
      },
    },
    {
      operation: {
        method: "DELETE",
        path: "/admin/api/captures/{session_id}",
        tag: "admin",
        summary: "Captures it no longer; the files stay",
        answers: { 200: json("It is over", Type.Object({ session_id: Type.String(), deleted: Type.Literal(true) })) },
      },
      async answer(call) {
        const sessionId = call.param("session_id");
        if (!capture.unwatchSession(sessionId)) {
          throw new GatewayError("not-found", "Cannot find this capture: the session is not captured now");
        }
        await parts.fellows?.change({ kind: "capture", sessionId, untilMs: null });
        call.changed("a session is captured no longer", { session: sessionId });
        return Response.json({ session_id: sessionId, deleted: true });
      },
    },
  ];

  async function watch(sessionId: string, minutes: number): Promise<void> {
    try {
      await capture.watchSession(sessionId, minutes * 60_000);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new GatewayError("rate-limited", cause.message, { cause });
    }
  }
}

function encodeCapture({ sessionId, untilMs }: { readonly sessionId: string; readonly untilMs: number | undefined }) {
  return { session_id: sessionId, until: isoTime(untilMs) };
}

function notFound(): GatewayError {
  return new GatewayError("not-found", "Cannot find this session of this caller: GET /admin/api/sessions lists them");
}
