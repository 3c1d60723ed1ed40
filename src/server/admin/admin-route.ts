// What the routes below /admin/api share: their form, their parameters, JSON bodies that no form of a web page can send, and
// the line that the log keeps of every change.

import type { Static, TSchema } from "typebox";
import { GatewayError } from "../../contract/gateway-error.ts";
import { parseRequestBody } from "../../conversation/parse-body.ts";
import { createBodyCheck } from "../../surfaces/check-body.ts";
import type { Log } from "../../telemetry/log.ts";
import { type Operation, routePath } from "../openapi/operation.ts";
import { readBody } from "../body/read-body.ts";
import { queryOf, type ServerRoute, type Trip } from "../trip.ts";

export interface AdminCall {
  readonly trip: Trip;
  /** Of the path, decoded. */
  param(name: string): string;
  /** Of the query; "" counts as absent. */
  query(name: string): string | undefined;
  /** Checked by the schema of the operation; undefined where it has none. */
  readonly body: unknown;
  /** A change was made. @param fields without secrets */
  changed(what: string, fields: Readonly<Record<string, string | number | boolean | undefined>>): void;
}

export interface AdminRoute {
  readonly operation: Operation;
  answer(call: AdminCall): Response | Promise<Response>;
}

/** A HAR file is the largest body there is. */
const maxBodyBytes = 8 * 1024 * 1024;

/** @param log hears of changes */
export function adminServerRoutes(routes: readonly AdminRoute[], log: Log): ServerRoute[] {
  return routes.map((route) => toServerRoute(route, log));
}

function toServerRoute({ operation, answer }: AdminRoute, log: Log): ServerRoute {
  const { method, path } = operation;
  const schema = operation.body?.content["application/json"];
  const check = schema === undefined ? undefined : createBodyCheck(schema);
  return {
    method,
    path: routePath(path),
    answer: async (trip) => {
      // A form, a link or an image of a web page cannot say so without being asked about it first.
      if (method === "POST") requireJson(trip.request);
      // Also where nothing of it is wanted: what nobody can read is no consent to a change.
      const body = check === undefined ? undefined : await readJson(trip, check);
      const asked = queryOf(trip.request);
      const response = await answer({
        trip,
        param: (name) => paramOf(trip, path, name),
        query: (name) => asked.get(name) || undefined,
        body,
        changed: (what, fields) =>
          log.info(`admin: ${what}`, {
            ...fields,
            by: trip.caller,
            requestId: trip.requestId,
            client: trip.clientAddress,
          }),
      });
      response.headers.set("cache-control", "no-store");
      return response;
    },
  };
}

/** @throws {GatewayError} `invalid-request` */
function requireJson({ headers }: Request): void {
  const type = headers.get("content-type") ?? "";
  if (/^application\/json\s*(?:;|$)/i.test(type)) return;
  throw new GatewayError("invalid-request", 'Cannot take this request: it must say "Content-Type: application/json"', {
    param: "Content-Type",
  });
}

/** @throws {GatewayError} `invalid-request` that names the field, `too-large` */
async function readJson(trip: Trip, check: (body: unknown) => unknown): Promise<unknown> {
  const bytes = await readBody(trip.request, maxBodyBytes);
  return check(bytes.length === 0 ? {} : parseRequestBody(bytes));
}

/** @param path as the operation writes it. @throws {GatewayError} `not-found` for an escape that means nothing */
function paramOf({ path: raw }: Trip, path: string, name: string): string {
  const place = path.split("/").indexOf(`{${name}}`);
  try {
    return decodeURIComponent(raw.split("/")[place] ?? "");
  } catch {
    throw new GatewayError("not-found", "Cannot find this: the address holds a malformed escape");
  }
}

/** The body as the type of its schema. */
export function bodyOf<S extends TSchema>(call: AdminCall, _schema: S): Static<S> {
  // Checked against the same schema by the route.
  return call.body as Static<S>;
}
