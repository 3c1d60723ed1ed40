// Where the concrete wings are put together: store, upstream, surfaces, gateway, server. A value, so that a second app can replace it.

import { join } from "node:path";
import { loadOrCreateApiKey } from "./config/api-key-file.ts";
import type { Config } from "./config/config-schema.ts";
import { version } from "./config/version.ts";
import type { Clock } from "./contract/clock.ts";
import type { Upstream } from "./contract/upstream.ts";
import type { Account } from "./credentials/account.ts";
import { createQwenWebEmulator } from "./emulator/qwen-web-emulator.ts";
import { createGateway, type Gateway } from "./gateway/gateway.ts";
import { createFetchClient, type FetchFunction } from "./outbound/fetch-client.ts";
import { isLoopback } from "./server/check-bind.ts";
import { createServer } from "./server/create-server.ts";
import { openSqliteStore } from "./store/sqlite-store.ts";
import type { Store } from "./store/store.ts";
import { surfaces } from "./surfaces/index.ts";
import type { LiveLog } from "./telemetry/create-log.ts";
import type { Log } from "./telemetry/log.ts";
import { parseAccount } from "./upstreams/qwen-web/parse-account.ts";
import { createQwenWebUpstream } from "./upstreams/qwen-web/upstream.ts";

export interface App {
  start(): Promise<{ readonly url: string }>;
  /** Handles a request in process. */
  handle(request: Request): Promise<Response>;
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
}

const defaultQwenUrl = "https://chat.qwen.ai";

export async function createApp(config: Config, options: AppOptions): Promise<App> {
  const { log } = options;
  const clock = options.clock ?? Date.now;
  const apiKeys = chooseApiKeys(config, log);
  const store =
    options.store ??
    openSqliteStore({
      path: join(config.dataDir, "qwen-gateway.sqlite"),
      clock,
      sessionTimeoutMs: config.sessionTimeout,
      log,
    });
  const upstream = createUpstream(config, options, clock);
  const gateway = createConfiguredGateway(config, upstream, store, clock, log);
  const sweepTimer = setInterval(() => void gateway.sweepSessions(), config.sessionCleanupInterval);
  sweepTimer.unref();
  const server = createServer({
    hostname: config.host,
    port: config.port,
    apiKeys,
    insecure: config.insecure,
    allowedHosts: config.allowedHosts,
    corsOrigins: config.corsOrigin,
    trustedProxies: config.trustedProxies,
    maxBodyBytes: config.maxBodyBytes,
    drainTimeoutMs: config.drainTimeoutMs,
    gateway,
    surfaces,
    store,
    log,
    logFeed: log,
    clock,
    version,
    upstreamNames: [upstream.name],
    isReady: () => true,
  });

  return {
    async start() {
      const { url } = server.start();
      // The first request need not wait for the list; a failure is logged and tried again then.
      upstream.listModels(AbortSignal.timeout(config.firstByteTimeoutMs)).catch(() => {});
      return { url };
    },
    handle: (request) => server.handle(request),
    async stop() {
      clearInterval(sweepTimer);
      await server.stop();
      await store.close();
    },
  };
}

/** A container that was given no key makes one; everywhere else missing keys mean: loopback only. */
function chooseApiKeys(config: Config, log: Log): readonly string[] {
  if (config.apiKey.length > 0 || !config.generateApiKey || isLoopback(config.host)) return config.apiKey;
  const { key, created } = loadOrCreateApiKey(config.dataDir);
  if (created) {
    // The one place where a key is shown: written past the log, which redacts secrets.
    process.stdout.write(`API key of this gateway, shown once: ${key}\n`);
  } else {
    log.info("The API key generated earlier is required", { dataDir: config.dataDir });
  }
  return [key];
}

function createUpstream(config: Config, options: AppOptions, clock: Clock): Upstream {
  const fetchFunction = options.fetch ?? chooseFetch(config, options.log);
  return createQwenWebUpstream({
    accounts: [accountOf(config)],
    http: createFetchClient(fetchFunction),
    baseUrl: config.qwenBaseUrl,
    chatTitle: config.qwenChatTitle,
    defaultModel: config.defaultModel,
    chainOn: config.qwenChainOn,
    maxMessageChars: config.qwenMaxMessageChars,
    maxLineBytes: config.maxLineBytes,
    retry: retryOf(config),
    userAgent: `qwen-gateway/${version}`,
    clock,
    log: options.log.with({ component: "qwen-web" }),
  });
}

function accountOf(config: Config): Account {
  const { qwenToken: token, qwenCookies: cookies, qwenHeaders: headers } = config;
  return parseAccount({ token, cookies, ...(headers === undefined ? {} : { headers }) });
}

/** The network where an account or an address is configured, else the built-in emulator. */
export function chooseFetch(config: Config, log: Log): FetchFunction {
  const isConfigured =
    config.qwenToken !== undefined || config.qwenCookies !== undefined || config.qwenBaseUrl !== defaultQwenUrl;
  return isConfigured ? fetch : createDemonstration(log);
}

function createDemonstration(log: Log): FetchFunction {
  log.info("No Qwen account is configured: the built-in emulator answers. Set QWEN_TOKEN to use your own account");
  const emulator = createQwenWebEmulator({ maxRecordedRequests: 0 });
  return (request) => emulator.fetch(request);
}

function createConfiguredGateway(config: Config, upstream: Upstream, store: Store, clock: Clock, log: Log): Gateway {
  return createGateway({
    upstream,
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
    clock,
    log,
  });
}

function retryOf(config: Config): { maxAttempts: number; baseDelayMs: number; maxDelayMs: number } {
  return {
    maxAttempts: config.retryMaxAttempts,
    baseDelayMs: config.retryBaseDelayMs,
    maxDelayMs: config.retryMaxDelayMs,
  };
}
