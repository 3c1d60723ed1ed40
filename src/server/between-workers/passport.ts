// What a worker tells another one about a request that it passes on: who asks and what he may use, so that nobody is asked
// for a key twice. Believed at the inner door alone, whose socket only this user can reach.

import type { Access } from "../../contract/access.ts";
import type { Trip } from "../trip.ts";

export interface Passport extends Pick<Trip, "requestId" | "caller" | "clientAddress"> {
  readonly access?: Access;
}

const passportHeader = "x-gateway-passport";

/** Of one hop, of the client's way in, and what the caller has proved already. */
const withheld = [
  "api-key",
  "authorization",
  "connection",
  "content-length",
  "cookie",
  "expect",
  "host",
  "keep-alive",
  "proxy-authorization",
  "te",
  "transfer-encoding",
  "upgrade",
  "x-api-key",
  passportHeader,
] as const;

/** The headers of a request for another worker. */
export function headersFor({ request, requestId, caller, access, clientAddress }: Trip): Headers {
  const headers = new Headers(request.headers);
  for (const name of withheld) headers.delete(name);
  const passport = { requestId, caller, access, clientAddress };
  // Names of callers may hold any letter; a header may not.
  headers.set(passportHeader, encodeURIComponent(JSON.stringify(passport)));
  headers.set("accept-encoding", "identity");
  return headers;
}

/** @throws where there is none: whoever else has found the socket is answered nothing */
export function passportOf({ headers }: Request): Passport {
  const text = headers.get(passportHeader);
  if (text === null) throw new Error("a request came through the inner door without a passport");
  // Written by the function above, in another process of this program.
  const { requestId, caller, access, clientAddress } = JSON.parse(decodeURIComponent(text)) as Passport;
  return { requestId, caller, clientAddress, ...(access === undefined ? {} : { access }) };
}
