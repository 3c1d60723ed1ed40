// /admin/api/streams: the replies that run now, and ending one of them.

import { Type } from "typebox";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { LiveReply } from "../../gateway/replies/running-replies.ts";
import { json } from "../openapi/operation.ts";
import type { AdminParts } from "./admin-parts.ts";
import type { AdminRoute } from "./admin-route.ts";
import { nullable } from "./schemas.ts";

const ms = Type.Number({ minimum: 0 });
const liveStream = Type.Object({
  id: Type.String(),
  request_id: Type.String(),
  caller: Type.String(),
  surface: Type.String(),
  upstream: Type.String(),
  model: nullable(Type.String()),
  session_id: nullable(Type.String()),
  stream: Type.Boolean(),
  running_ms: ms,
  first_token_ms: nullable(ms),
});

export function streamRoutes({ gateway }: AdminParts): readonly AdminRoute[] {
  return [
    {
      operation: {
        method: "GET",
        path: "/admin/api/streams",
        tag: "admin",
        summary: "The replies that run now, of all callers",
        answers: { 200: json("Oldest first", Type.Object({ data: Type.Array(liveStream) })) },
      },
      answer: () => Response.json({ data: gateway.replies.list().map(encode) }),
    },
    {
      operation: {
        method: "DELETE",
        path: "/admin/api/streams/{id}",
        tag: "admin",
        summary: "Ends one of them; its client gets a typed error",
        answers: { 200: json("It ends", Type.Object({ id: Type.String(), ended: Type.Literal(true) })) },
      },
      answer(call) {
        const id = call.param("id");
        if (!gateway.replies.end(id)) {
          throw new GatewayError("not-found", "Cannot find this stream: it has ended, or never was");
        }
        call.changed("a reply was ended", { reply: id });
        return Response.json({ id, ended: true });
      },
    },
  ];
}

function encode(reply: LiveReply) {
  return {
    id: reply.id,
    request_id: reply.requestId,
    caller: reply.caller,
    surface: reply.surface,
    upstream: reply.upstream,
    model: reply.model ?? null,
    session_id: reply.sessionId ?? null,
    stream: reply.isStream,
    running_ms: Math.max(0, Math.round(reply.runningMs)),
    first_token_ms: reply.firstTokenMs === undefined ? null : Math.max(0, Math.round(reply.firstTokenMs)),
  };
}
