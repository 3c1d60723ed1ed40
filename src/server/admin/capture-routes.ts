// /admin/api/captures: which sessions are captured, and capturing one for a while.

import { Type } from "typebox";
import { GatewayError } from "../../contract/gateway-error.ts";
import { isoTime } from "../iso-time.ts";
import { json, jsonBody } from "../openapi/operation.ts";
import type { AdminParts } from "./admin-parts.ts";
import { type AdminRoute, bodyOf } from "./admin-route.ts";
import { nullable } from "./schemas.ts";

const captured = Type.Object({ session_id: Type.String(), until: nullable(Type.String()) });
const captureOrder = Type.Object({
  session_id: Type.String({ minLength: 1, maxLength: 200 }),
  /** At most a day. */
  minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1440 })),
});
const defaultMinutes = 60;

export function captureRoutes({ capture, fellows }: AdminParts): readonly AdminRoute[] {
  return [
    {
      operation: {
        method: "GET",
        path: "/admin/api/captures",
        tag: "admin",
        summary: "The sessions whose exchanges are captured now",
        answers: { 200: json("The sessions", Type.Object({ data: Type.Array(captured) })) },
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
        await fellows?.change({ kind: "capture", sessionId, untilMs: watched?.untilMs ?? null });
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
        await fellows?.change({ kind: "capture", sessionId, untilMs: null });
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
