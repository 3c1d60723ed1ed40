// /admin/api/limits: what callers and their sessions have used of what they may, and letting one begin anew.

import { Type } from "typebox";
import type { CallerLimits } from "../../contract/access.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { partsOfSubject, sessionRange, sessionSubject } from "../../gateway/quotas/subjects.ts";
import type { UsedAmount, UsedBySubject } from "../../gateway/quotas/used-amounts.ts";
import { encodeLimits } from "../auth/encode-key.ts";
import type { KeyView } from "../auth/stored-keys.ts";
import { json, jsonBody, limitQuery, query, refusal } from "../openapi/operation.ts";
import { pageRange, parseLimit } from "../body/parse-limit.ts";
import type { AdminParts } from "./admin-parts.ts";
import { type AdminCall, type AdminRoute, bodyOf } from "./admin-route.ts";
import { nullable } from "./schemas.ts";

const maxNameChars = 300;

const used = Type.Object({
  used: Type.Number({ minimum: 0 }),
  /** Null: it is counted, and not limited. */
  limit: nullable(Type.Number()),
  /** When none of it counts any more; null of what runs. */
  resets_at: nullable(Type.String()),
});
const amounts = Type.Object({
  requests_per_minute: Type.Optional(used),
  tokens_per_minute: Type.Optional(used),
  tokens_per_day: Type.Optional(used),
  /** US dollars. */
  spend_per_day: Type.Optional(used),
  streams: Type.Optional(used),
});
const subjectView = Type.Object({
  /** Under which it is counted: of a key, a user, an address, or of a session of one of them. */
  subject: Type.String(),
  caller: Type.String(),
  /** The first half of the SHA-256 of its name, in hexadecimal. */
  session: nullable(Type.String()),
  key: nullable(Type.Object({ prefix: Type.String(), name: Type.String() })),
  amounts,
});
const limits = Type.Record(Type.String(), Type.Number());
const page = Type.Object({
  data: Type.Array(subjectView),
  /** Give it as `after` to go on. */
  last: nullable(Type.String()),
  has_more: Type.Boolean(),
  /** Of the settings; a key's own go before them. */
  limits: Type.Object({ caller: limits, session: limits }),
});

const resetOrder = Type.Object({
  caller: Type.String({ minLength: 1, maxLength: maxNameChars }),
  /** One of his sessions, as the client names it, and not himself. */
  session_id: Type.Optional(Type.String({ minLength: 1, maxLength: maxNameChars })),
  /** The same by its digest, as the list shows it. */
  session: Type.Optional(Type.String({ pattern: "^[0-9a-f]{32}$" })),
});

export function limitRoutes({
  quotas,
  keys,
  callerLimits,
  sessionLimits = {},
  fellows,
}: AdminParts): readonly AdminRoute[] {
  function encode({ subject, used, replies }: UsedBySubject, known: ReadonlyMap<string, KeyView>) {
    const { caller, session } = partsOfSubject(subject);
    const key = known.get(caller);
    const own: CallerLimits = session === undefined ? { ...callerLimits, ...key?.limits } : sessionLimits;
    const told = used.filter(({ kind, amount }) => amount > 0 || own[kind.limit] !== undefined);
    return {
      subject,
      caller,
      session: session ?? null,
      key: key === undefined ? null : { prefix: key.prefix, name: key.name },
      amounts: {
        ...Object.fromEntries(told.map((one) => [wireNames[one.kind.limit], encodeUsed(one, own)])),
        ...(replies > 0 || own.streams !== undefined
          ? { streams: { used: replies, limit: own.streams ?? null, resets_at: null } }
          : {}),
      },
    };
  }

  async function list(call: AdminCall) {
    const { caller, sessionId, after, limit } = parseQuestion(call);
    const found = await find(caller, sessionId, after, limit + 1);
    const known = new Map((await keys.list()).map((key) => [key.caller, key]));
    const data = found.slice(0, limit).map((one) => encode(one, known));
    return {
      data,
      last: data.at(-1)?.subject ?? null,
      has_more: found.length > limit,
      limits: { caller: encodeLimits(callerLimits), session: encodeLimits(sessionLimits) },
    };
  }

  async function find(
    caller: string | undefined,
    sessionId: string | undefined,
    after: string | undefined,
    limit: number,
  ): Promise<readonly UsedBySubject[]> {
    if (caller === undefined) return quotas.list({ after, limit });
    if (sessionId !== undefined) return quotas.list({ subjects: [sessionSubject(caller, sessionId)], limit });
    const range = sessionRange(caller);
    const own = after === undefined ? await quotas.list({ subjects: [caller], limit }) : [];
    const sessions = await quotas.list({
      ...range,
      ...(after === undefined || after < range.after ? {} : { after }),
      limit,
    });
    return [...own, ...sessions].slice(0, limit);
  }

  return [
    {
      operation: {
        method: "GET",
        path: "/admin/api/limits",
        tag: "admin",
        summary: "What is counted of callers and sessions, and what they may use",
        parameters: {
          caller: query(Type.String(), "Only his, with his sessions"),
          session_id: query(Type.String(), "Only this session of that caller"),
          after: query(Type.String(), "Behind this subject"),
          limit: limitQuery(pageRange),
        },
        answers: { 200: json("By their names", page) },
      },
      answer: async (call) => Response.json(await list(call)),
    },
    {
      operation: {
        method: "POST",
        path: "/admin/api/limits/reset",
        tag: "admin",
        summary: "Forgets what a caller, or one of his sessions, has used; his sessions and what runs stay",
        body: jsonBody(resetOrder, { caller: "key:0123456789abcdef" }),
        answers: {
          200: json("It begins anew", Type.Object({ subject: Type.String(), reset: Type.Literal(true) })),
          404: refusal("Nothing is counted of it"),
        },
      },
      async answer(call) {
        const { caller, session_id: sessionId, session } = await bodyOf(call, resetOrder);
        if (sessionId !== undefined && session !== undefined) {
          throw new GatewayError("invalid-request", 'Give "session_id" or "session": they are the same', {
            param: "session",
          });
        }
        const subject =
          sessionId !== undefined
            ? sessionSubject(caller, sessionId)
            : session === undefined
              ? caller
              : sessionRange(caller).after + session;
        if (!(await quotas.reset(subject))) {
          throw new GatewayError(
            "not-found",
            "Cannot reset these limits: nothing is counted of this caller or session",
          );
        }
        fellows?.pass({ kind: "limits-reset", subject });
        call.changed("what was used of limits is forgotten", { subject });
        return Response.json({ subject, reset: true });
      },
    },
  ];
}

const wireNames: Readonly<Record<UsedAmount["kind"]["limit"], string>> = {
  requestsPerMinute: "requests_per_minute",
  tokensPerMinute: "tokens_per_minute",
  tokensPerDay: "tokens_per_day",
  spendPerDay: "spend_per_day",
};

/** Spending is counted in millionths of a dollar, and told in dollars. */
function encodeUsed({ kind, amount, resetsAtMs }: UsedAmount, own: CallerLimits) {
  return {
    used: kind.limit === "spendPerDay" ? amount / 1e6 : amount,
    limit: own[kind.limit] ?? null,
    resets_at: new Date(resetsAtMs).toISOString(),
  };
}

/** @throws {GatewayError} `invalid-request` */
function parseQuestion(call: AdminCall) {
  const limit = parseLimit(call.query("limit"), "limits", pageRange);
  const named = (name: string): string | undefined => {
    const value = call.query(name);
    if (value !== undefined && value.length > maxNameChars)
      throw wrong(name, `it has at most ${maxNameChars} characters`);
    return value;
  };
  const [caller, sessionId, after] = [named("caller"), named("session_id"), named("after")];
  if (sessionId !== undefined && caller === undefined) throw wrong("session_id", 'it needs "caller" beside it');
  return { caller, sessionId, after, limit };
}

function wrong(param: string, reason: string): GatewayError {
  return new GatewayError("invalid-request", `Cannot list limits by "${param}": ${reason}`, { param });
}
