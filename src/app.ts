// Where the concrete wings are put together: store, upstream, surfaces, gateway, server. A value, so that a second app can replace it.

import { join } from "node:path";
import { chooseAgentAccess } from "./app/agent-access.ts";
import { readAgentRules } from "./app/agent-rules.ts";
import { composeCallers } from "./app/compose-callers.ts";
import { composeUpstreams } from "./app/compose-upstreams.ts";
import type { OwnTool } from "./agent/own-tools.ts";
import { createLazyAgent } from "./app/lazy-agent.ts";
import { createLazyChat } from "./app/lazy-chat.ts";
import { createLazyResponses } from "./app/lazy-responses.ts";
import { createSpeech } from "./app/speech.ts";
import { loadOrCreateApiKey } from "./config/api-key-file.ts";
import type { Environment } from "./config/load-config.ts";
import { loadToolServers } from "./config/mcp-servers.ts";
import { describeConfig } from "./config/describe-config.ts";
import type { Config } from "./config/config-schema.ts";
import { version } from "./config/version.ts";
import type { Clock } from "./contract/clock.ts";
import type { Upstream } from "./contract/upstream.ts";
import { loadMasterKey } from "./credentials/master-key.ts";
import { createSecretBox, type SecretBox } from "./credentials/secret-box.ts";
import { createGateway, type Gateway } from "./gateway/gateway.ts";
import { createHealthChecks } from "./gateway/health-checks.ts";
import type { Quotas } from "./gateway/quotas/quotas.ts";
import type { FetchFunction } from "./outbound/fetch-client.ts";
import { type RequestSlots, slotsForReplies } from "./outbound/request-slots.ts";
import type { AdmitOptions } from "./server/admit.ts";
import type { JwtOptions, VerifyJwt } from "./server/auth/jwt.ts";
import { takesJwt } from "./server/auth/jwt-settings.ts";
import { isLoopback } from "./server/check-bind.ts";
import { createServer } from "./server/create-server.ts";
import type { Pipeline } from "./pipeline/step.ts";
import { chatDatabasePath } from "./store/chat-database.ts";
import { inMemory } from "./store/open-database.ts";
import { databasePath, openSqliteStore } from "./store/sqlite-store.ts";
import type { Store } from "./store/store.ts";
import { timeStore } from "./store/timed-store.ts";
import { surfaces } from "./surfaces/index.ts";
import type { LiveLog } from "./telemetry/create-log.ts";
import { createMetrics } from "./telemetry/create-metrics.ts";
import { describeLowLimit, readDescriptorLimit, readDescriptors } from "./telemetry/descriptors.ts";
import type { Log } from "./telemetry/log.ts";
import type { Metrics } from "./telemetry/metrics.ts";

export interface StartedApp {
  readonly url: string;
  /** What serves, each in a few words. */
  readonly upstreams: readonly string[];
}

export interface App {
  start(): Promise<StartedApp>;
  /** Handles a request in process. */
  handle(request: Request): Promise<Response>;
  /** What the gateway offers as an MCP server, for transports beside HTTP. @throws {GatewayError} */
  ownTools(): Promise<readonly OwnTool[]>;
  /** The way to the upstream that this app uses. */
  readonly fetch: FetchFunction;
  /** Lets running replies end within the drain time, then closes the store. */
  stop(): Promise<void>;
}

export interface AppOptions {
  readonly log: LiveLog;
  readonly clock?: Clock;
  /** Stands in for the network: every request to an upstream goes through it. */
  readonly fetch?: FetchFunction;
  /** @defaultValue SQLite in `config.dataDir` */
  readonly store?: Store;
  /** Requests that the platform's fetch runs at a time; it queues what is beyond. @defaultValue 256, its own default */
  readonly maxFetches?: number;
  /** What the settings of tool servers may name, and what their processes see a part of. @defaultValue nothing */
  readonly environment?: Environment;
  /** Steps of the typed chat. @defaultValue the ones that the settings name */
  readonly pipeline?: Pipeline;
  /** Rate limits of what acts; see `AdmitOptions`. @defaultValue none */
  readonly limitActing?: AdmitOptions["limitActing"];
  /** Seals credentials. @defaultValue by MASTER_KEY, or a key file in `config.dataDir` */
  readonly secretBox?: SecretBox;
}

const defaultMaxFetches = 256;

export async function createApp(config: Config, options: AppOptions): Promise<App> {
  const { log } = options;
  const clock = options.clock ?? Date.now;
  const verifyJwt = await createConfiguredJwt(config, { fetch: options.fetch ?? globalThis.fetch, clock, log });
  const apiKeys = chooseApiKeys(config, log);
  const path = databasePath(config.dataDir);
  const ownStore = options.store ?? openSqliteStore({ path, clock, sessionTimeoutMs: config.sessionTimeout, log });
  const callers = await composeCallers(config, { store: ownStore, clock, log });
  const { keyRing, quotas, callerLimits, sessionLimits } = callers;
  const agentAccess = chooseAgentAccess(config, { apiKeys, verifyJwt, keyRing }, log);
  const box = options.secretBox ?? createSecretBox(() => loadMasterKey(config.masterKey, config.dataDir));
  const { fetch, maxFetches = defaultMaxFetches } = options;
  const upstreams = await composeUpstreams(config, { store: ownStore, box, clock, log, fetch, maxFetches });
  const { slots } = upstreams;
  const metrics = createMetrics({
    version,
    accounts: () =>
      upstreams
        .current()
        .flatMap(({ name, accounts }) => (accounts?.() ?? []).map((account) => ({ upstream: name, account }))),
    upstreamRequests: () => slots,
    queues: () => gateway.queues(),
    upstreams: () =>
      upstreams.current().map(({ name, reachability }) => ({
        upstream: name,
        state: reachability().state,
        breaker: gateway.circuits.state(name),
      })),
  });
  const store = timeStore(ownStore, metrics);
  const gateway = createConfiguredGateway(config, upstreams.current, store, slots, quotas, metrics, clock, log);
  const healthChecks = createHealthChecks({
    upstreams: upstreams.current,
    circuits: gateway.circuits,
    running: (name) => gateway.queues().find(({ upstream }) => upstream === name)?.running ?? 0,
    intervalMs: config.healthCheckIntervalMs,
    timeoutMs: config.healthCheckTimeoutMs,
    clock,
    log,
  });
  healthChecks.start();
  const isKept = options.store === undefined;
  const chat = createLazyChat(
    {
      config,
      gateway,
      turns: store,
      upstreams: upstreams.current,
      pipeline: options.pipeline,
      path: isKept ? chatDatabasePath(config.dataDir) : inMemory,
      replayDirectory: isKept ? join(config.dataDir, "replay") : undefined,
      clock,
      log,
    },
    (caller, sessionId) => gateway.deleteSession(caller, sessionId),
  );
  const agent = createLazyAgent({
    config,
    servers: loadToolServers(config, options.environment ?? {}),
    rules: readAgentRules(config.agentRules, apiKeys, keyRing),
    gateway,
    openChat: () => chat.open(),
    accounts: ownStore,
    box,
    environment: options.environment ?? {},
    clock,
    log,
  });
  const responses = createLazyResponses({
    gateway,
    openStore: async () => (await chat.open()).responses,
    openReplays: async () => (await chat.open()).replays,
    defaultModel: config.defaultModel,
    clock,
    log,
  });
  const sweepTimer = setInterval(() => {
    void gateway.sweepSessions();
    void quotas.sweep();
    void chat.sweep();
  }, config.sessionCleanupInterval);
  sweepTimer.unref();
  const server = createServer({
    hostname: config.host,
    port: config.port,
    apiKeys,
    verifyJwt,
    keyRing,
    quotas,
    callerLimits,
    sessionLimits,
    agent: agentAccess.agent,
    mcp: agentAccess.mcp,
    limitActing: options.limitActing,
    insecure: config.insecure,
    allowedHosts: config.allowedHosts,
    corsOrigins: config.corsOrigin,
    trustedProxies: config.trustedProxies,
    maxBodyBytes: config.maxBodyBytes,
    drainTimeoutMs: config.drainTimeoutMs,
    gateway,
    surfaces,
    store,
    rooms: [chat, agent, responses],
    speech: createSpeech(upstreams.current, config.transcriptionModel),
    deleteSession: (caller, sessionId) => chat.deleteSession(caller, sessionId),
    log,
    logFeed: log,
    clock,
    version,
    upstreamNames: () => upstreams.current().map(({ name }) => name),
    settings: describeConfig(config),
    metrics,
    diagnosis: {
      store,
      storeBytes: () => (isKept ? sizeOf(path) : undefined),
      upstreams: () =>
        upstreams.current().map(({ name, reachability, accounts }) => ({
          name,
          reachability: reachability(),
          breaker: gateway.circuits.state(name),
          accounts: accounts?.() ?? [],
        })),
      upstreamRequests: () => slots,
      descriptors: readDescriptors,
      maxReplies: maxRepliesOf(config, slots),
    },
  });

  return {
    async start() {
      const lowLimit = describeLowLimit(readDescriptorLimit(), config.maxStreams);
      if (lowLimit !== undefined) log.warn(lowLimit);
      const { url } = server.start();
      agentAccess.announce(url);
      // The first request need not wait for the list; a failure is logged and tried again then.
      gateway.listModels(AbortSignal.timeout(config.firstByteTimeoutMs)).catch(() => {});
      return { url, upstreams: upstreams.describe() };
    },
    handle: (request) => server.handle(request),
    ownTools: async () => (await agent.open()).ownTools,
    fetch: upstreams.fetch,
    async stop() {
      clearInterval(sweepTimer);
      healthChecks.stop();
      await server.stop();
      await agent.close();
      await responses.close();
      await chat.close();
      await upstreams.close();
      await callers.close();
      await store.close();
    },
  };
}

/** Loaded only where tokens are taken: what knows keys is large. */
async function createConfiguredJwt(config: Config, options: JwtOptions): Promise<VerifyJwt | undefined> {
  if (!takesJwt(config)) return undefined;
  const { createJwtVerifier } = await import("./server/auth/jwt.ts");
  return createJwtVerifier(config, options);
}

/** A container that was given no key makes one; everywhere else missing keys mean: loopback only. */
function chooseApiKeys(config: Config, log: Log): readonly string[] {
  const isProtected = config.apiKey.length > 0 || takesJwt(config) || isLoopback(config.host);
  if (isProtected || !config.generateApiKey) return config.apiKey;
  const { key, created } = loadOrCreateApiKey(config.dataDir);
  if (created) {
    // The one place where a key is shown: written past the log, which redacts secrets.
    process.stdout.write(`API key of this gateway, shown once: ${key}\n`);
  } else {
    log.info("The API key generated earlier is required", { dataDir: config.dataDir });
  }
  return [key];
}

/** What is written stands in the file and, until it is moved there, in the log beside it. */
function sizeOf(path: string): number {
  return Bun.file(path).size + Bun.file(`${path}-wal`).size;
}

function maxRepliesOf(config: Config, slots: RequestSlots | undefined): number | undefined {
  const bounds = [config.maxStreams, slots && slotsForReplies(slots.max)].filter((bound) => bound !== undefined);
  return bounds.length === 0 ? undefined : Math.min(...bounds);
}

function createConfiguredGateway(
  config: Config,
  upstreams: () => readonly Upstream[],
  store: Store,
  slots: RequestSlots | undefined,
  quotas: Quotas,
  metrics: Metrics,
  clock: Clock,
  log: Log,
): Gateway {
  return createGateway({
    upstreams,
    modelRoutes: config.modelRoutes ?? {},
    breakerOpenMs: config.breakerOpenMs,
    store,
    defaultModel: config.defaultModel,
    sessionMatch: config.sessionMatch,
    deleteChats: config.qwenDeleteChats,
    stream: config.stream,
    streamUsage: config.streamUsage,
    liveness: {
      firstByteMs: config.firstByteTimeoutMs,
      stallMs: config.stallTimeoutMs,
      replyMs: config.replyTimeoutMs,
      heartbeatMs: config.sseKeepaliveMs,
      clientStallMs: config.clientStallMs,
    },
    holdHeadersMs: config.holdHeadersMs,
    retry: retryOf(config),
    retryBudgetMs: config.retryBudgetMs,
    debugStreaming: config.debugStreaming,
    contextTrim: config.contextTrim,
    maxMessages: config.maxMessages,
    admission: { maxStreams: config.maxStreams, slots },
    quotas,
    clock,
    log,
    metrics,
  });
}

function retryOf(config: Config): { maxAttempts: number; baseDelayMs: number; maxDelayMs: number } {
  return {
    maxAttempts: config.retryMaxAttempts,
    baseDelayMs: config.retryBaseDelayMs,
    maxDelayMs: config.retryMaxDelayMs,
  };
}
