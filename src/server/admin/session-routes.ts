// /admin/api/sessions: what the gateway remembers of all callers.

import { Type } from "typebox";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { SessionView } from "../../store/store.ts";
import { anyObject, json, type Parameter, query } from "../openapi/operation.ts";
import { parseLimit, sessionListRange } from "../body/parse-limit.ts";
import { encodeSession } from "../session-routes.ts";
import { localCaller } from "../trip.ts";
import type { AdminParts } from "./admin-parts.ts";
import type { AdminCall, AdminRoute } from "./admin-route.ts";

const session = Type.Object({ caller: Type.String(), sessionId: Type.String(), conversations: Type.Array(anyObject) });
/** Users of tokens may be many. */
const mostCallers = 1000;

const callerFilter = query(Type.String(), "Whose; see the list. Default: the caller without a key");

export function sessionRoutes(parts: AdminParts): readonly AdminRoute[] {
  const { store } = parts;

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
        answers: { 200: json("The sessions", Type.Object({ data: Type.Array(session) })) },
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
  ];
}

function notFound(): GatewayError {
  return new GatewayError("not-found", "Cannot find this session of this caller: GET /admin/api/sessions lists them");
}
