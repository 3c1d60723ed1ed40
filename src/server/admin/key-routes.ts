// /admin/api/keys: API keys made, listed, revoked and forgotten, as the commands `keys ...` do it.

import { type Static, Type } from "typebox";
import { accessSurfaces, type CallerLimits } from "../../contract/access.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { encodeKey } from "../auth/encode-key.ts";
import { lifetimeForm, lifetimeOf, lifetimeRule } from "../auth/lifetime.ts";
import { mostNames } from "../auth/stored-keys.ts";
import { anyObject, json, jsonBody, type Operation } from "../openapi/operation.ts";
import { localCaller } from "../trip.ts";
import type { AdminParts } from "./admin-parts.ts";
import { type AdminRoute, bodyOf } from "./admin-route.ts";
import { count, nullable } from "./schemas.ts";

const pattern = Type.String({
  pattern: "^[!-~]{1,200}$",
  description: "1 to 200 letters of ASCII without white space",
});
const names = Type.Array(pattern, { minItems: 1, maxItems: mostNames });
const amount = Type.Optional(Type.Integer({ minimum: 1, maximum: 999_999_999_999 }));

const newKey = Type.Object(
  {
    /** 1 to 64 letters, digits, spaces and `. _ @ + -`. */
    name: Type.String({ minLength: 1, maxLength: 64 }),
    /** Patterns with * for anything; absent: all. The same of the two below. */
    models: Type.Optional(names),
    surfaces: Type.Optional(
      Type.Array(Type.Enum([...accessSurfaces]), { minItems: 1, maxItems: accessSurfaces.length }),
    ),
    upstreams: Type.Optional(names),
    admin: Type.Optional(Type.Boolean()),
    expires_in: Type.Optional(Type.String({ pattern: lifetimeForm, description: lifetimeRule })),
    limits: Type.Optional(
      Type.Object(
        {
          requests_per_minute: amount,
          tokens_per_minute: amount,
          tokens_per_day: amount,
          /** US dollars. */
          spend_per_day: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 999_999_999 })),
          streams: amount,
        },
        { additionalProperties: false },
      ),
    ),
  },
  // A limit with a typing error would be none.
  { additionalProperties: false },
);

const keyView = Type.Object({
  /** Its beginning, by which it is recognised. */
  prefix: Type.String(),
  name: Type.String(),
  caller: Type.String(),
  state: Type.Enum(["active", "expired", "revoked"]),
  scopes: Type.Object({
    models: Type.Optional(Type.Array(Type.String())),
    surfaces: Type.Optional(Type.Array(Type.String())),
    upstreams: Type.Optional(Type.Array(Type.String())),
    admin: Type.Boolean(),
  }),
  limits: Type.Object({
    requests_per_minute: Type.Optional(count),
    tokens_per_minute: Type.Optional(count),
    tokens_per_day: Type.Optional(count),
    spend_per_day: Type.Optional(Type.Number()),
    streams: Type.Optional(count),
  }),
  created_at: Type.String(),
  expires_at: nullable(Type.String()),
  revoked_at: nullable(Type.String()),
});

const created = Type.Object({
  /** The key itself: kept nowhere, and told this one time. */
  key: Type.String(),
  ...keyView.properties,
  advice: Type.Array(Type.String()),
});

const closes =
  "From now on requests need a key, and /admin needs ADMIN_KEY or a key with the scope admin, which this one has not: " +
  'the command "keys create NAME --admin" makes one';

export function keyRoutes({ keys, refreshKeys }: AdminParts): readonly AdminRoute[] {
  return [
    {
      operation: {
        method: "GET",
        path: "/admin/api/keys",
        tag: "admin",
        summary: "The stored API keys, of which none is shown",
        answers: {
          200: json("Oldest first, revoked and expired ones included", Type.Object({ data: Type.Array(keyView) })),
        },
      },
      answer: async () => Response.json({ data: (await keys.list()).map(encodeKey) }),
    },
    {
      operation: {
        method: "POST",
        path: "/admin/api/keys",
        tag: "admin",
        summary: "Makes an API key and tells it, this one time",
        body: jsonBody(newKey, { name: "ann", models: ["qwen3*"], expires_in: "30d", limits: { streams: 4 } }),
        answers: { 200: json("The key, and what it is good for", created) },
      },
      async answer(call) {
        const { name, expires_in: lifetime, limits, ...scopes } = await bodyOf(call, newKey);
        const { key, view } = await keys.create({
          ...scopes,
          name,
          limits: limitsOf(limits),
          lifetimeMs: lifetime === undefined ? undefined : parseLifetime(lifetime),
        });
        // Not only when somebody looks next: whoever has made it takes it for in force.
        await refreshKeys();
        call.changed("an API key was made", { key: view.prefix, name, admin: view.scopes.admin });
        const advice = call.trip.caller === localCaller && !view.scopes.admin ? [closes] : [];
        return Response.json({ key, ...encodeKey(view), advice });
      },
    },
    {
      operation: {
        method: "POST",
        path: "/admin/api/keys/{key}/revoke",
        tag: "admin",
        summary: "Takes a key back, named by its prefix or its name: the next request with it is refused",
        body: jsonBody(anyObject, {}),
        answers: { 200: json("How it is now", keyView) },
      },
      async answer(call) {
        const view = await knownKey(() => keys.revoke(call.param("key")));
        call.changed("an API key was revoked", { key: view.prefix, name: view.name });
        return Response.json(encodeKey(view));
      },
    },
    {
      operation: forget,
      async answer(call) {
        const view = await knownKey(() => keys.remove(call.param("key")));
        call.changed("an API key was forgotten", { key: view.prefix, name: view.name });
        return Response.json({ prefix: view.prefix, deleted: true });
      },
    },
  ];
}

const forget: Operation = {
  method: "DELETE",
  path: "/admin/api/keys/{key}",
  tag: "admin",
  summary: "Forgets a key that was revoked or has expired, named by its prefix or its name",
  answers: { 200: json("It is gone", Type.Object({ prefix: Type.String(), deleted: Type.Literal(true) })) },
};

function limitsOf(limits: Static<typeof newKey>["limits"] = {}): CallerLimits {
  const wanted = {
    requestsPerMinute: limits.requests_per_minute,
    tokensPerMinute: limits.tokens_per_minute,
    tokensPerDay: limits.tokens_per_day,
    spendPerDay: limits.spend_per_day,
    streams: limits.streams,
  };
  return Object.fromEntries(Object.entries(wanted).filter(([, amount]) => amount !== undefined));
}

/** @throws {GatewayError} `invalid-request` */
function parseLifetime(text: string): number {
  const lifetimeMs = lifetimeOf(text);
  if (lifetimeMs !== undefined) return lifetimeMs;
  throw new GatewayError("invalid-request", `Cannot use "expires_in" of this key: it must be ${lifetimeRule}`, {
    param: "expires_in",
  });
}

/** What is not found is not repeated: it may have been a key. @throws {GatewayError} `not-found`, and others as they are */
async function knownKey<View>(ask: () => Promise<View>): Promise<View> {
  try {
    return await ask();
  } catch (cause) {
    if (!(cause instanceof GatewayError) || cause.kind !== "not-found") throw cause;
    throw new GatewayError("not-found", "Cannot find this key: GET /admin/api/keys lists prefixes and names", {
      cause,
    });
  }
}
