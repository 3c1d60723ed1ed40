// What every request passes before it is routed: the size of its head, preflight, origin, key or token, shutdown, scopes and limits.

import type { Identity } from "../../contract/access.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { createIdentifyCaller, localIdentity } from "../auth/api-keys.ts";
import { type AgentAccess, createIdentifyActingCaller } from "../auth/acting-caller.ts";
import { isActingPath, isMcpPath } from "../auth/acting-path.ts";
import { type AdminAccessOptions, createAdminAccess, isAdminPath, isWatchPath } from "../auth/admin-access.ts";
import { type CallerAccessOptions, createCallerAccess } from "./caller-access.ts";
import { isKeyless } from "./check-bind.ts";
import type { Cors } from "./cors.ts";
import { checkHead } from "./head-limit.ts";
import { isHealthPath } from "../health/health-routes.ts";
import { createOriginGuard } from "./origin-guard.ts";
import { isPageRequest } from "../pages/page-file.ts";
import type { Trip } from "../trip.ts";

/**
 * @returns an answer that ends the trip; later only where a token has to be checked
 * @throws {GatewayError} when the request may not come in, also by rejecting
 */
export type Admit = (trip: Trip) => Response | undefined | Promise<undefined>;

export interface Admission {
  readonly admit: Admit;
  /** Whether one that has come in might still: its key was not revoked, its token has not expired. Counts nothing. */
  stillAdmits(trip: Trip): Promise<boolean>;
}

export interface AdmitOptions extends AdminAccessOptions, CallerAccessOptions {
  /** What the routes that act want where there are no keys. @defaultValue "off" */
  readonly agent?: AgentAccess | undefined;
  /** The same of the gateway as an MCP server. @defaultValue as `agent` */
  readonly mcp?: AgentAccess | undefined;
  /**
   * Asked about each request to a route that acts, once its caller is known and before anything has been touched.
   * @throws {GatewayError} such as `rate-limited`
   * @defaultValue no limit
   */
  readonly limitActing?: ((trip: Pick<Trip, "caller" | "path">) => void) | undefined;
}

export function createAdmit(options: AdmitOptions, cors: Cors, isStopping: () => boolean): Admission {
  const guardOrigin = createOriginGuard(options, cors.allows);
  const identifyCaller = createIdentifyCaller(options);
  const admins = createAdminAccess(options);
  const { agent = "off", mcp = agent } = options;
  const identifyAgent = createIdentifyActingCaller(agent, options);
  const identifyMcp = createIdentifyActingCaller(mcp, options);
  const access = createCallerAccess(options);

  /** Stored keys may come up while the gateway runs. */
  function identify({ request, path }: Trip, isActing: boolean): Identity | Promise<Identity> {
    if (!isActing || !isKeyless(options)) return identifyCaller(request.headers);
    (isMcpPath(path) ? identifyMcp : identifyAgent)(request.headers);
    return localIdentity;
  }

  function enter(trip: Trip, identity: Identity, isActing: boolean): Promise<undefined> | undefined {
    trip.caller = identity.caller;
    if (isStopping()) {
      trip.answerHeaders = { ...trip.answerHeaders, connection: "close" };
      throw new GatewayError("overloaded", "Cannot take new requests: the gateway is stopping", { retryAfterMs: 1000 });
    }
    if (isActing) options.limitActing?.(trip);
    return access.enter(trip, identity);
  }

  /** Whoever is nobody here is told so first; whoever is somebody without the scope, that this is not for him. */
  function identifyByScope(trip: Trip): Identity | Promise<Identity> {
    const judge = (identity: Identity): Identity => {
      if (identity.scopes?.admin !== true) throw admins.refuse(trip);
      return identity;
    };
    const identity = identifyCaller(trip.request.headers);
    return identity instanceof Promise ? identity.then(judge) : judge(identity);
  }

  function identifyAnyone(trip: Trip, isActing: boolean): Identity | Promise<Identity> {
    const isForAdmins = isAdminPath(trip.path);
    const administrator = isForAdmins || isWatchPath(trip.path) ? admins.identify(trip) : undefined;
    if (administrator !== undefined) return { caller: administrator };
    return isForAdmins ? identifyByScope(trip) : identify(trip, isActing);
  }

  function admit(trip: Trip): ReturnType<Admit> {
    const { request } = trip;
    checkHead(request);
    const preflightHeaders = cors.preflightHeaders(request);
    if (preflightHeaders !== undefined) return new Response(null, { status: 204, headers: preflightHeaders });
    guardOrigin(request.headers);
    // A page is served without a key, because it is what asks for one.
    if (isHealthPath(trip.path) || isPageRequest(trip)) return undefined;
    const isActing = isActingPath(trip.path);
    const identity = identifyAnyone(trip, isActing);
    // Not awaited where nothing has to be: many requests come with a key of the settings.
    if (!(identity instanceof Promise)) return enter(trip, identity, isActing);
    return identity.then((identified) => enter(trip, identified, isActing));
  }

  return {
    admit,
    async stillAdmits(trip) {
      try {
        await identifyAnyone(trip, isActingPath(trip.path));
        return true;
      } catch (error) {
        // Whatever cannot be known right now is no refusal.
        return !(error instanceof GatewayError && (error.kind === "unauthenticated" || error.kind === "forbidden"));
      }
    },
  };
}
