// The HTTP edge put together: routes, guards, the socket, and shutting down. Protocols are the surfaces' business.

import type { LogFeed } from "../admin/log-stream.ts";
import type { RecorderSwitch } from "../capture/recorder.ts";
import type { Clock } from "../contract/clock.ts";
import { forwardEndpoints } from "../contract/forward.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import type { Json } from "../contract/json.ts";
import { settledWithin } from "../contract/settled-within.ts";
import type { Surface } from "../contract/surface.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { eventStreamHeaders } from "../sse/event-stream-headers.ts";
import type { ScrapedMetrics } from "../telemetry/create-metrics.ts";
import type { Log } from "../telemetry/log.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { Fellows } from "../workers/fellows.ts";
import { type AdmitOptions, createAdmit } from "./access/admit.ts";
import { createAnswerError } from "./answer-error.ts";
import type { AgentAccess } from "./auth/acting-caller.ts";
import type { VerifyJwt } from "./auth/jwt.ts";
import type { KeyRing } from "./auth/key-ring.ts";
import { checkBind } from "./access/check-bind.ts";
import { createClientAddress } from "./access/client-address.ts";
import { createCors } from "./access/cors.ts";
import { createApp } from "./create-app.ts";
import { createDiagnose, type DiagnosisSource } from "./health/diagnosis.ts";
import { forwardRoutes } from "./forward-routes.ts";
import { describeHealth } from "./health/health-details.ts";
import { healthRoutes, isHealthPath } from "./health/health-routes.ts";
import { type Connections, createConnections } from "./connections.ts";
import { createEndOf } from "./access/lasting-access.ts";
import { lazyRoutes, type RoutePlace } from "./lazy-routes.ts";
import {
  type Answer,
  exchangeAnswer,
  exchangeInside,
  type HttpServer,
  listen,
  listenInside,
  urlOf,
  usualIdleTimeoutSeconds,
} from "./listen.ts";
import { metricsRoute } from "./health/metrics-route.ts";
import { modelRoutes } from "./model-routes.ts";
import { isPagePath } from "./pages/page-file.ts";
import { pageRoutes, statusPageRoutes } from "./pages/page-route.ts";
import { createOpenRelays, type OpenRelays } from "./between-workers/open-relays.ts";
import { passportOf } from "./between-workers/passport.ts";
import { createRelay } from "./between-workers/relay.ts";
import { type SessionSource, sessionRoutes } from "./session-routes.ts";
import { noSpeech, type Speech, speechRoute } from "./speech-route.ts";
import { surfaceRoutes } from "./surface-routes.ts";
import type { ServerRoute, Trip } from "./trip.ts";
import { createTrips } from "./trips.ts";

export interface ServerOptions {
  /** Address to listen on. */
  readonly hostname: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Of connections; see `ListenOptions`. @defaultValue 120 */
  readonly idleTimeoutSeconds?: number;
  /** Empty, and no `verifyJwt`: no key is asked for, and `Host` and `Origin` are checked instead. */
  readonly apiKeys: readonly string[];
  /** Checks tokens of users, which then count beside keys; without it there are none. */
  readonly verifyJwt?: VerifyJwt | undefined;
  /** Keys of those who look after the gateway. @defaultValue none; see auth/admin-access.ts */
  readonly adminKeys?: readonly string[];
  /** Keys that are kept in the store. @defaultValue there are none */
  readonly keyRing?: KeyRing | undefined;
  /** Limits of callers; see `CallerAccessOptions`. @defaultValue none */
  readonly quotas?: AdmitOptions["quotas"];
  readonly callerLimits?: AdmitOptions["callerLimits"];
  readonly sessionLimits?: AdmitOptions["sessionLimits"];
  /** What the routes that act want where there are neither keys nor tokens. @defaultValue "off" */
  readonly agent?: AgentAccess | undefined;
  /** The same of `/mcp`. @defaultValue as `agent` */
  readonly mcp?: AgentAccess | undefined;
  /** The place for rate limits of the routes that act; see `AdmitOptions`. @defaultValue no limit */
  readonly limitActing?: AdmitOptions["limitActing"];
  /** Allows an address that others can reach although there are no keys. */
  readonly insecure: boolean;
  /** Host names that are ours, besides the loopback ones and `hostname`. */
  readonly allowedHosts: readonly string[];
  /** Origins whose pages may call, or `*`. Empty: CORS is off. */
  readonly corsOrigins: readonly string[];
  /** Addresses and networks whose X-Forwarded-For counts. */
  readonly trustedProxies: readonly string[];
  /** Largest request body, in bytes. Beyond it: 413. */
  readonly maxBodyBytes: number;
  /** How long running replies may take to end when the server stops, in milliseconds. */
  readonly drainTimeoutMs: number;
  readonly gateway: Gateway;
  readonly surfaces: readonly Surface[];
  /** Of the sessions. */
  readonly store: SessionSource["store"];
  /** Whether the page shows a microphone. @defaultValue it does not */
  readonly speech?: Speech;
  readonly log: Log;
  readonly logFeed: LogFeed;
  /** Between two comments of the live log. @defaultValue 15_000 */
  readonly keepAliveMs?: number;
  /** Hears what comes in and goes out while it is switched on. @defaultValue nothing is captured */
  readonly capture?: RecorderSwitch | undefined;
  /** @defaultValue no traces are sent */
  readonly tracing?: Pick<Tracing, "begin" | "answered"> | undefined;
  readonly clock: Clock;
  readonly version: string;
  /**
   * Rooms with routes of their own, which are loaded when they are first asked for. One that has the route of a surface
   * takes its place, since it knows more than the surface does. @defaultValue none
   */
  readonly rooms?: readonly ServedRoom[];
  /** @defaultValue the gateway's own: there is no memory beside its turns */
  readonly deleteSession?: (caller: string, sessionId: string) => Promise<boolean>;
  /** Told by `/health`. */
  readonly upstreamNames?: () => readonly string[];
  /** What readiness and detailed health are made of. */
  readonly diagnosis: DiagnosisSource;
  /** The settings in force, without secrets, for detailed health. */
  readonly settings?: Json;
  /** Served by `/metrics`. */
  readonly metrics: ScrapedMetrics;
  /** When the process began to serve. @defaultValue now */
  readonly startedAtMs?: number;
  /** Of servers that follow one another. @defaultValue its own */
  readonly stopping?: AbortController;
  /** The other workers that listen on the same port. @defaultValue this process serves alone */
  readonly fellows?: Fellows | undefined;
  /** What is passed on to them; see `RelayOptions`. @defaultValue 300_000 and 60_000 */
  readonly agentTimeoutMs?: number;
  readonly clientStallMs?: number;
  /** What is passed on, of servers that follow one another. @defaultValue its own */
  readonly openRelays?: OpenRelays;
}

/** What routes need of the edge. */
export interface Edge {
  /** Largest request body, in bytes. */
  readonly maxBodyBytes: number;
  /** Keeps this request's connection from the idle timeout until it is answered. @returns what closes it when nothing moves any more */
  keepOpen(request: Request): () => void;
  /** Aborted when the server stops, with a `GatewayError`. Servers that follow one another share it: whatever listens to it for good is kept for good. */
  readonly stopping: AbortSignal;
  /**
   * For streams that have no end of their own. Aborted when their reader leaves or may come in no more, when the server stops, and
   * when another one takes over.
   */
  endOf(trip: Trip): AbortSignal;
}

/** Where requests come in. */
interface Sockets {
  readonly http: HttpServer | undefined;
  /** The inner door: other workers come in here. */
  readonly inner: HttpServer | undefined;
}

interface HandedOver extends Sockets {
  readonly connections: Connections | undefined;
}

type Answers = { readonly [Socket in keyof Sockets]: Answer };

export interface ServedRoom {
  /** Every route that `load` gives. */
  readonly places: readonly RoutePlace[];
  load(edge: Edge): Promise<readonly ServerRoute[]>;
}

export interface GatewayServer {
  /** Every way in, as the router has it. */
  readonly routes: readonly RoutePlace[];
  /** @throws {Error} when the address must not, or cannot, be listened on. */
  start(): { url: string; port: number };
  /**
   * Answers on the socket of another server from now on. What that one has begun to answer goes on, its streams without an
   * end of their own aside: their clients come back.
   * @throws {Error} as `start` does; the other server then goes on.
   */
  takeOver(from: GatewayServer): void;
  /** The sockets and what is known of their connections, for the server that takes over. */
  handOver(answers: Answers): HandedOver;
  /** Handles a request in process, for tests and library use. */
  handle(request: Request): Promise<Response>;
  /** Takes nothing new, lets replies end within `drainTimeoutMs`, ends the rest. Safe to call more than once. */
  stop(): Promise<void>;
}

/** How long clients may take to read what they have been sent when the drain is over. */
const farewellMs = 1000;
const usualRelayTimes = { agentTimeoutMs: 300_000, clientStallMs: 60_000 };

export function createServer(options: ServerOptions): GatewayServer {
  const { gateway, clock } = options;
  const log = options.log.with({ component: "server" });
  const { stopping = new AbortController() } = options;
  const isStopping = () => stopping.signal.aborted;
  const replaced = new AbortController();
  const cors = createCors(options.corsOrigins);
  const trips = createTrips(clock, cors, createClientAddress(options.trustedProxies));
  const { fellows, openRelays = createOpenRelays() } = options;
  const relay = fellows && createRelay({ ...usualRelayTimes, ...options, open: openRelays, fellows, keepOpen });
  let server: HttpServer | undefined;
  let inner: HttpServer | undefined;
  let stopped: Promise<void> | undefined;
  /** Of the socket, and not of this server: else its timer would keep one that has been replaced. */
  let connections: Connections | undefined;

  const { admit, stillAdmits } = createAdmit(options, cors, isStopping);
  const own = createRoutes(options, {
    stopping: stopping.signal,
    endOf: createEndOf(AbortSignal.any([stopping.signal, replaced.signal]), stillAdmits),
    keepOpen,
  });
  const routes = relay === undefined ? own : own.map((route) => relay.around(route));
  const app = createApp({
    routes,
    answerError: createAnswerError(options.surfaces, log, options.metrics),
    admit: fellows === undefined ? admit : (trip) => (trip.isRelayed === true ? undefined : admit(trip)),
    tripOf: trips.of,
  });

  /** A quiet stream is no idle connection; one whose client does not read is nothing else. */
  function keepOpen(request: Request): () => void {
    // Whoever passes it on has the connection that matters, and closes it.
    if (trips.of(request).isRelayed === true) return () => {};
    return connections?.hold(request) ?? (() => {});
  }

  async function answer(received: Request): Promise<Response> {
    const request = withHttpAddress(received);
    const trip = trips.open(request, server?.requestIP(received)?.address);
    connections?.asked();
    const recorder = options.capture?.recorder;
    const isCaptured = recorder !== undefined && isExchange(trip);
    if (isCaptured) {
      trip.isCaptured = true;
      recorder.begin(trip);
    }
    if (options.tracing !== undefined && isExchange(trip)) options.tracing.begin(trip);
    const response = await app(request);
    response.headers.set("x-request-id", trip.requestId);
    // Anthropic's clients look for it under this name.
    response.headers.set("request-id", trip.requestId);
    // What an account has said, or who may come in, is nothing for a cache between here and the client.
    if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
    if (trip.answerHeaders !== undefined) setAll(response.headers, trip.answerHeaders);
    const durationMs = clock() - trip.startedAtMs;
    addServerTiming(response.headers, durationMs);
    options.metrics.answered(response.status);
    options.tracing?.answered(trip.requestId, response.status);
    logAnswer(trip, response, durationMs);
    return isCaptured ? recorder.answer(trip, response, isForwarded(trip.path)) : response;
  }

  /** Of a request that another worker passes on: that one counts it, logs it and says whose it is. */
  async function answerInside(received: Request): Promise<Response> {
    const trip = trips.adopt(received, passportOf(received));
    const response = await app(received);
    if (trip.answerHeaders !== undefined) setAll(response.headers, trip.answerHeaders);
    return response;
  }

  function logAnswer(trip: Trip, response: Response, durationMs: number): void {
    log.debug("request", {
      method: trip.request.method,
      path: trip.path,
      status: response.status,
      durationMs,
      requestId: trip.requestId,
      client: trip.clientAddress,
    });
  }

  async function drain(): Promise<void> {
    // Runs of the agent are told so by their signal.
    stopping.abort(new GatewayError("overloaded", "the gateway ends"));
    // Resolves with the last connection, but refuses new ones from now on: not awaited yet.
    const closed = server?.stop(false);
    try {
      await Promise.all([gateway.drain(options.drainTimeoutMs), openRelays.drain(options.drainTimeoutMs)]);
      // Other workers may still read here what ends with the drain.
      await settledWithin(Promise.all([closed, inner?.stop(false)]), farewellMs);
    } finally {
      await Promise.all([server?.stop(true), inner?.stop(true)]);
    }
  }

  return {
    routes: routes.map(({ method, path }) => ({ method, path })),
    start() {
      checkBind(options);
      server = listen({ ...options, sharesPort: fellows !== undefined }, answer);
      connections = createConnections(server, options.idleTimeoutSeconds ?? usualIdleTimeoutSeconds, log);
      if (fellows !== undefined) inner = listenInside(fellows.socketPath, answerInside);
      const port = server.port ?? options.port;
      return { url: urlOf({ hostname: options.hostname, port }), port };
    },
    takeOver(from) {
      checkBind(options);
      ({ http: server, inner, connections } = from.handOver({ http: answer, inner: answerInside }));
    },
    handOver(next) {
      if (server !== undefined) exchangeAnswer(server, { ...options, sharesPort: fellows !== undefined }, next.http);
      if (inner !== undefined && fellows !== undefined) exchangeInside(inner, fellows.socketPath, next.inner);
      replaced.abort();
      connections?.look();
      return { http: server, inner, connections };
    },
    handle: answer,
    stop() {
      stopped ??= drain();
      return stopped;
    },
  };
}

/** The lines of all workers. */
async function feedOfAll({ logFeed, fellows }: ServerOptions, trip: Trip): Promise<LogFeed> {
  if (fellows === undefined) return logFeed;
  const { createJointFeed } = await import("./between-workers/joint-feed.ts");
  return createJointFeed(logFeed, fellows, trip);
}

/** What an exchange knows of its own time stands there already. */
function addServerTiming(headers: Headers, totalMs: number): void {
  const known = headers.get("server-timing");
  headers.set("server-timing", known === null ? `total;dur=${totalMs}` : `${known}, total;dur=${totalMs}`);
}

/** Not what looks after the gateway itself. */
function isExchange({ path }: Trip): boolean {
  return !(isHealthPath(path) || isPagePath(path) || path === "/metrics" || path.startsWith("/admin/"));
}

function isForwarded(path: string): boolean {
  return forwardEndpoints.some((endpoint) => path === `/v1/${endpoint}`);
}

function setAll(headers: Headers, values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) headers.set(name, value);
}

/**
 * The router cuts the path behind `http://host`. Requests in process may say `https`, and HTTP/1.0 without a Host gives
 * the bare path.
 */
function withHttpAddress(request: Request): Request {
  const { url } = request;
  if (url.startsWith("http://")) return request;
  const address = url.startsWith("/") ? `http://localhost${url}` : url.replace(/^https:/, "http:");
  return new Request(address, request);
}

function createRoutes(options: ServerOptions, state: Omit<Edge, "maxBodyBytes">): ServerRoute[] {
  const { stopping, endOf, keepOpen } = state;
  const { gateway, logFeed, maxBodyBytes, diagnosis, speech = noSpeech } = options;
  const deleteSession = options.deleteSession ?? ((caller, sessionId) => gateway.deleteSession(caller, sessionId));
  const diagnose = createDiagnose(diagnosis);
  const rooms = options.rooms ?? [];
  const isTaken = (route: RoutePlace) =>
    rooms.some(({ places }) => places.some(({ method, path }) => method === route.method && path === route.path));
  return [
    ...healthRoutes({
      version: options.version,
      upstreamNames: options.upstreamNames ?? (() => []),
      clock: options.clock,
      startedAtMs: options.startedAtMs ?? options.clock(),
      worker: options.fellows?.number,
      openReplies: () => gateway.openReplies(),
      diagnose: () => diagnose({ isStopping: stopping.aborted, openReplies: gateway.openReplies() }),
      details: () => describeHealth(diagnosis, options.settings ?? null),
    }),
    metricsRoute(options.fellows ?? options.metrics),
    ...pageRoutes(undefined, () => speech.isPossible()),
    ...statusPageRoutes(),
    speechRoute(speech),
    ...modelRoutes(gateway),
    ...sessionRoutes({ store: options.store, deleteSession }),
    ...options.surfaces
      .flatMap((surface) => surfaceRoutes(surface, { gateway, maxBodyBytes, keepOpen }))
      .filter((route) => !isTaken(route)),
    ...forwardRoutes({ gateway, maxBodyBytes, keepOpen }),
    ...rooms.flatMap(({ places, load }) => lazyRoutes(places, () => load({ maxBodyBytes, ...state }))),
    {
      method: "GET",
      path: "/admin/api/log",
      answer: async (trip) => {
        const { request, isRelayed } = trip;
        const { answerLogStream } = await import("../admin/log-stream.ts");
        // The router reads a body to its end to tell HEAD its length, and this one has none.
        if (request.method === "HEAD") return new Response(null, { headers: eventStreamHeaders });
        keepOpen(request);
        const feed = isRelayed === true ? logFeed : await feedOfAll(options, trip);
        return answerLogStream(feed, endOf(trip), options.keepAliveMs);
      },
    },
  ];
}
