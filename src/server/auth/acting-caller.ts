// Who may act where there are no keys: whoever has the token of the agent, or, where that is said to be open, whoever sits
// at this machine.

import { GatewayError } from "../../contract/gateway-error.ts";
import { createFindByKey, presentedKeys } from "./api-keys.ts";
import { createOriginGuard, type OriginGuardOptions } from "../access/origin-guard.ts";
import { localCaller } from "../trip.ts";

/**
 * What the routes that act want on a gateway without keys. With keys they want one of these, whatever stands here.
 * - `"off"`: there is no token, so that nobody comes in.
 * - `"open"`: nothing, of programs and pages of this machine.
 * - a function: the token that it gives, when somebody first asks to act.
 */
export type AgentAccess = "off" | "open" | (() => string);

/** @throws {GatewayError} `unauthenticated`, `forbidden` */
export function createIdentifyActingCaller(
  agent: AgentAccess,
  options: OriginGuardOptions,
): (headers: Headers) => string {
  if (agent === "open") return createOpenCaller(options);
  let findCaller: ((key: string) => string | undefined) | undefined;
  return (headers) => {
    const presented = presentedKeys(headers);
    if (agent === "off") throw new GatewayError("unauthenticated", nobody);
    // Also for who comes without one: the answer tells where it stands, so it has to be made by then.
    findCaller ??= createFindByKey([agent()], () => localCaller);
    if (presented.length === 0) throw new GatewayError("unauthenticated", withoutToken);
    for (const key of presented) {
      const caller = findCaller(key);
      if (caller !== undefined) return caller;
    }
    throw new GatewayError("unauthenticated", "Cannot serve this request: it is not the token of the agent");
  };
}

const nobody =
  "Cannot serve this request without a key: set API_KEY, or AGENT_OPEN=true on a loopback address; " +
  "a gateway without keys makes a token of its own at its first start";
const withoutToken =
  'Cannot serve this request without the token of the agent: send it as "Authorization: Bearer <token>"; ' +
  'the gateway printed it when it made it, and keeps it in the file "agent-token" of its data directory';

/** Stricter than elsewhere: names and origins that were allowed for the chat may not act. */
function createOpenCaller(options: OriginGuardOptions): (headers: Headers) => string {
  const guardOrigin = createOriginGuard({ ...options, allowedHosts: [], insecure: false }, () => false);
  return (headers) => {
    guardOrigin(headers);
    // Even with an origin of ours: another site had it sent.
    if (headers.get("sec-fetch-site") === "cross-site") {
      throw new GatewayError("forbidden", "Cannot act for a web page of another site without a key: set API_KEY");
    }
    return localCaller;
  };
}
