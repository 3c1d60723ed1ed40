// The routes of responses: asking for one, and reading, listing and deleting what is kept of them.

import { GatewayError } from "../../contract/gateway-error.ts";
import type { Json, JsonObject } from "../../contract/json.ts";
import type { IncomingExchange } from "../../gateway/exchange-request.ts";
import { eventStreamHeaders } from "../../sse/event-stream-headers.ts";
import { responsesPath } from "../../surfaces/openai-responses/surface.ts";
import type { Edge } from "../create-server.ts";
import { exactAnswer } from "./exact-answer.ts";
import { encodePage, parsePage } from "./item-pages.ts";
import { readBody } from "../body/read-body.ts";
import type { Responses } from "./responses.ts";
import { goesToSocket, pathRest, queryOf, type ServerRoute, type Trip } from "../trip.ts";

export interface ResponseRoutesOptions extends Pick<Edge, "maxBodyBytes" | "keepOpen"> {
  readonly responses: Responses;
}

const inputItemsEnd = "/input_items";
const cancelEnd = "/cancel";
const countName = "input_tokens";
const compactName = "compact";

export function responseRoutes({ responses, maxBodyBytes, keepOpen }: ResponseRoutesOptions): ServerRoute[] {
  const countInput = async ({ request, caller }: Trip): Promise<Response> => {
    const tokens = await responses.countInput(caller, await readBody(request, maxBodyBytes));
    return Response.json({ object: "response.input_tokens", input_tokens: tokens });
  };
  const incomingOf = async ({ request, caller, access, requestId }: Trip): Promise<IncomingExchange> => {
    const body = await readBody(request, maxBodyBytes);
    // Not before: a body that never ends is cut by the idle timeout.
    const onAbandoned = keepOpen(request);
    const { headers, signal } = request;
    return { body, headers, signal, caller, access, requestId, onAbandoned };
  };
  return [
    {
      method: "POST",
      path: responsesPath,
      answer: async (trip) => responses.answer({ ...(await incomingOf(trip)), toSocket: goesToSocket(trip) }),
    },
    {
      method: "POST",
      path: `${responsesPath}/*`,
      answer: async (trip) => {
        const rest = restOf(trip);
        if (rest === countName) return countInput(trip);
        if (rest === compactName) return responses.compact(await incomingOf(trip));
        if (!rest.endsWith(cancelEnd)) throw nothingHere();
        return exactAnswer(await responses.cancel(trip.caller, rest.slice(0, -cancelEnd.length), trip.request.signal));
      },
    },
    {
      method: "GET",
      path: `${responsesPath}/*`,
      answer: async (trip) => {
        const rest = restOf(trip);
        const query = queryOf(trip.request);
        if (rest.endsWith(inputItemsEnd)) {
          const { input } = await responses.find(trip.caller, rest.slice(0, -inputItemsEnd.length));
          return exactAnswer(listOf(input, query));
        }
        const afterId = afterIdOf(query.get("starting_after"));
        if (isStreamAsked(query.get("stream"))) {
          // The router reads a body to its end to tell HEAD its length, and this one may be long in coming.
          if (trip.request.method === "HEAD") return new Response(null, { headers: eventStreamHeaders });
          return responses.readOn(trip.caller, rest, afterId, { onCut: keepOpen(trip.request) });
        }
        return exactAnswer((await responses.find(trip.caller, rest)).response);
      },
    },
    {
      method: "DELETE",
      path: `${responsesPath}/*`,
      answer: async (trip) => {
        const id = restOf(trip);
        await responses.forget(trip.caller, id);
        return Response.json({ id, object: "response", deleted: true });
      },
    },
  ];
}

/** Malformed escapes name nothing that is kept. */
function restOf(trip: Trip): string {
  return pathRest(trip, `${responsesPath}/`) ?? "";
}

function nothingHere(): GatewayError {
  return new GatewayError(
    "not-found",
    "Cannot POST this address: there is nothing here but /v1/responses/:id/cancel, /v1/responses/compact and /v1/responses/input_tokens",
  );
}

/** @throws {GatewayError} `invalid-request` */
function isStreamAsked(stream: string | null): boolean {
  if (stream === null || stream === "false") return false;
  if (stream === "true") return true;
  throw new GatewayError("invalid-request", 'Cannot read this response: "stream" must be true or false', {
    param: "stream",
  });
}

/** Events are numbered from 0, frames from 1. @throws {GatewayError} `invalid-request` */
function afterIdOf(startingAfter: string | null): number {
  if (startingAfter === null) return 0;
  if (/^\d{1,15}$/.test(startingAfter)) return Number(startingAfter) + 1;
  throw new GatewayError(
    "invalid-request",
    'Cannot resume the stream: "starting_after" must be the number of an event',
    {
      param: "starting_after",
    },
  );
}

/** @throws {GatewayError} `invalid-request` */
function listOf(input: readonly JsonObject[], query: URLSearchParams): Json {
  const { order, after, limit } = parsePage(query);
  const ordered = order === "asc" ? input : input.toReversed();
  const start = after === undefined ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0)
    throw new GatewayError("invalid-request", 'Cannot list input items: "after" names none of them', {
      param: "after",
    });
  const items = ordered.slice(start, start + limit);
  return encodePage({ items, hasMore: start + items.length < ordered.length });
}
