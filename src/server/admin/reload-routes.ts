// POST /admin/api/reload: the settings read again, as by SIGHUP, and what came of it. The service that answers is retired
// meanwhile: its socket stays, and so does this request.

import { Type } from "typebox";
import { ConfigError } from "../../config/config-error.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { anyObject, json, jsonBody } from "../openapi/operation.ts";
import type { AdminParts, Reloaded } from "./admin-parts.ts";
import type { AdminRoute } from "./admin-route.ts";

const reloaded = Type.Object({
  /** By their names in the environment. */
  changed: Type.Array(Type.String()),
  /** Those that stay as they were until the next start. */
  needs_restart: Type.Array(Type.String()),
  /** What serves now, each in a few words. */
  upstreams: Type.Array(Type.String()),
});

export function reloadRoutes({ reload }: AdminParts): readonly AdminRoute[] {
  return [
    {
      operation: {
        method: "POST",
        path: "/admin/api/reload",
        tag: "admin",
        summary: "Reads the settings again; where they cannot be used says why, and everything stays as it was",
        body: jsonBody(anyObject, {}),
        answers: { 200: json("What was applied, and what needs a restart", reloaded) },
      },
      async answer(call) {
        const { changed, needsRestart, upstreams } = await ask(reload);
        call.changed("the settings were reloaded", {
          settings: changed.length === 0 ? "none" : changed.join(", "),
          needsRestart: needsRestart.length === 0 ? undefined : needsRestart.join(", "),
        });
        return Response.json({ changed, needs_restart: needsRestart, upstreams });
      },
    },
  ];
}

/** @throws {GatewayError} `invalid-request` with each setting that cannot be used; others as they are */
async function ask(reload: () => Promise<Reloaded>): Promise<Reloaded> {
  try {
    return await reload();
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    if (!(cause instanceof ConfigError)) {
      throw new GatewayError(
        "internal",
        "Cannot reload the settings, and everything stays as it was: the log says why",
        {
          cause,
        },
      );
    }
    throw new GatewayError(
      "invalid-request",
      `Cannot use the settings as they are written now, and everything stays as it was: ${cause.problems.join("; ")}`,
      { cause },
    );
  }
}
