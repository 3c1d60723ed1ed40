// Requests whose work stands in another worker: what runs is passed on to its owner, the agent to the one that has it, and the
// answer comes back as it is made. A route is written once; it answers where it can.

import { longestTimerMs } from "../../config/setting-kinds.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { RunsElsewhere } from "../../store/runs-elsewhere.ts";
import type { Fellow, Fellows } from "../../workers/fellows.ts";
import { isActingPath } from "../auth/acting-path.ts";
import type { OpenRelays } from "./open-relays.ts";
import { headersFor } from "./passport.ts";
import { readBody } from "../body/read-body.ts";
import type { ServerRoute, Trip } from "../trip.ts";

export interface Relay {
  /** The same route, which passes on what it cannot do here. */
  around(route: ServerRoute): ServerRoute;
}

export interface RelayOptions {
  readonly fellows: Pick<Fellows, "keeper" | "find">;
  /** What is passed on counts there. */
  readonly open: OpenRelays;
  /** Largest request body, in bytes. */
  readonly maxBodyBytes: number;
  keepOpen(request: Request): () => void;
  /** Longest wait for the head of an answer that stands ready. @defaultValue 10_000 */
  readonly headTimeoutMs?: number;
  /** How long a client may leave unread what was passed on. */
  readonly clientStallMs: number;
  /** The same of the agent, which answers as a whole when its work is done. */
  readonly agentTimeoutMs: number;
}

/** Beside the agent's own limit, which ends its work. */
const agentMarginMs = 30_000;
/** Of one connection: what the two ends say of it is nothing for the client. */
const hopHeaders = ["connection", "keep-alive", "transfer-encoding", "date", "x-request-id"] as const;

export function createRelay(options: RelayOptions): Relay {
  const { fellows, headTimeoutMs = 10_000, keepOpen } = options;

  /** @throws {Unreachable} before anything of an answer came */
  async function passOn(trip: Trip, fellow: Fellow, timeoutMs: number): Promise<Response> {
    const { request } = trip;
    const end = options.open.begin();
    const late = new AbortController();
    // A timer that is given more runs out at once.
    const timer = setTimeout(() => late.abort(), Math.min(timeoutMs, longestTimerMs));
    try {
      const content = hasBody(request) ? await readBody(request, options.maxBodyBytes) : undefined;
      const onCut = keepOpen(request);
      const answer = await fellow
        .send(request.url.slice(request.url.indexOf(trip.path, "http://".length)), {
          method: request.method,
          headers: headersFor(trip),
          body: content,
          signal: AbortSignal.any([request.signal, late.signal]),
        })
        .catch((cause: unknown) => {
          throw new Unreachable(cause);
        });
      clearTimeout(timer);
      const headers = headersOf(answer);
      if (answer.body === null) {
        end();
        return new Response(null, { status: answer.status, headers });
      }
      const body = follow(answer.body, { end, onCut, stallMs: options.clientStallMs });
      return new Response(body, { status: answer.status, headers });
    } catch (error) {
      clearTimeout(timer);
      end();
      throw error;
    }
  }

  async function toKeeper(trip: Trip, keeper: Fellow): Promise<Response> {
    try {
      return await passOn(trip, keeper, options.agentTimeoutMs + agentMarginMs);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      throw new GatewayError("overloaded", "Cannot reach the agent now: its worker is starting again", {
        cause: error,
        retryable: true,
        retryAfterMs: 1000,
      });
    }
  }

  async function toOwner(trip: Trip, elsewhere: RunsElsewhere, answer: ServerRoute["answer"]): Promise<Response> {
    const owner = fellows.find(elsewhere.owner);
    // Gone a moment ago, perhaps: then the store says so by now, and the route knows what to tell of one that was killed.
    if (owner === undefined) return await answer(trip);
    try {
      return await passOn(trip, owner, headTimeoutMs);
    } catch (error) {
      if (error instanceof Unreachable) return await answer(trip);
      throw error;
    }
  }

  return {
    around(route) {
      const { path, answer } = route;
      const isOfAgent = isActingPath(path);
      return {
        ...route,
        async answer(trip) {
          if (trip.isRelayed === true) return answer(trip);
          const keeper = isOfAgent ? fellows.keeper() : undefined;
          if (keeper !== undefined) return toKeeper(trip, keeper);
          try {
            return await answer(trip);
          } catch (error) {
            if (!(error instanceof RunsElsewhere)) throw error;
            return toOwner(trip, error, answer);
          }
        },
      };
    },
  };
}

function headersOf(answer: Response): Headers {
  const headers = new Headers(answer.headers);
  for (const name of hopHeaders) headers.delete(name);
  // Of the client's own connection, as for streams that run here.
  if (headers.get("content-type")?.startsWith("text/event-stream") === true) headers.set("connection", "keep-alive");
  return headers;
}

/** Nothing of an answer came. */
class Unreachable extends Error {
  constructor(cause: unknown) {
    super("another worker cannot be reached", { cause });
  }
}

function hasBody({ method }: Request): boolean {
  return method !== "GET" && method !== "HEAD";
}

interface Following {
  /** Nothing is passed on any more. */
  end(): void;
  /** Closes the client's connection. */
  onCut(): void;
  readonly stallMs: number;
}

/**
 * As fast as the client reads, and no longer than it does. One that breaks off breaks off for the client as well: a clean end
 * would look like all of it.
 */
function follow(
  body: ReadableStream<Uint8Array>,
  { end, onCut, stallMs }: Following,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  let stall: ReturnType<typeof setTimeout> | undefined;

  function cut(controller: ReadableStreamDefaultController, error: unknown): void {
    end();
    onCut();
    controller.error(error);
  }

  return new ReadableStream({
    async pull(controller) {
      clearTimeout(stall);
      try {
        const { done, value } = await reader.read();
        if (done) {
          end();
          return controller.close();
        }
        controller.enqueue(value as Uint8Array<ArrayBuffer>);
        // Until it is asked for more. Its owner cuts who does not read as well, and nobody here would hear of it.
        stall = setTimeout(() => {
          cut(controller, new Error("the client does not read"));
          reader.cancel().catch(() => {});
        }, stallMs);
      } catch (error) {
        cut(controller, error);
      }
    },
    cancel(reason) {
      clearTimeout(stall);
      end();
      return reader.cancel(reason);
    },
  });
}
