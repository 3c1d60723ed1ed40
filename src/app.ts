// Where the concrete wings are put together: store, upstream, surfaces, gateway, server. A value, so that a second app can replace it.

import { loadOrCreateApiKey } from "./config/api-key-file.ts";
import { describeConfig } from "./config/describe-config.ts";
import type { Config } from "./config/config-schema.ts";
import { version } from "./config/version.ts";
import type { Clock } from "./contract/clock.ts";
import type { Upstream } from "./contract/upstream.ts";
import { loadMasterKey } from "./credentials/master-key.ts";
import { createSecretBox, type SecretBox } from "./credentials/secret-box.ts";
import type { QwenWebEmulator } from "./emulator/qwen-web-emulator.ts";
import { createGateway, type Gateway } from "./gateway/gateway.ts";
import { createFetchClient, type FetchFunction } from "./outbound/fetch-client.ts";
import type { HttpClient } from "./outbound/http-client.ts";
import { createRequestSlots, type RequestSlots, slotsForReplies } from "./outbound/request-slots.ts";
import { createTcpClient } from "./outbound/tcp-client.ts";
import { isLoopback } from "./server/check-bind.ts";
import { createServer } from "./server/create-server.ts";
import { databasePath, openSqliteStore } from "./store/sqlite-store.ts";
import type { Store } from "./store/store.ts";
import { timeStore } from "./store/timed-store.ts";
import { surfaces } from "./surfaces/index.ts";
import type { LiveLog } from "./telemetry/create-log.ts";
import { createMetrics } from "./telemetry/create-metrics.ts";
import { describeLowLimit, readDescriptorLimit, readDescriptors } from "./telemetry/descriptors.ts";
import type { Log } from "./telemetry/log.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import { watchUpstream } from "./telemetry/watch-upstream.ts";
import type { WebAccounts } from "./upstreams/qwen-web/accounts.ts";
import { createConfiguredAccounts } from "./upstreams/qwen-web/configured-accounts.ts";
import { createQwenWebUpstream } from "./upstreams/qwen-web/upstream.ts";

export interface App {
  start(): Promise<{ readonly url: string }>;
  /** Handles a request in process. */
  handle(request: Request): Promise<Response>;
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
  /** Seals credentials. @defaultValue by MASTER_KEY, or a key file in `config.dataDir` */
  readonly secretBox?: SecretBox;
}

const defaultQwenUrl = "https://chat.qwen.ai";
/** Its firewall stops requests from about 62 000 characters on (probed 2026-09). */
const firewallChars = 60_000;
const defaultMaxFetches = 256;

export async function createApp(config: Config, options: AppOptions): Promise<App> {
  const { log } = options;
  const clock = options.clock ?? Date.now;
  const apiKeys = chooseApiKeys(config, log);
  const path = databasePath(config.dataDir);
  const ownStore = options.store ?? openSqliteStore({ path, clock, sessionTimeoutMs: config.sessionTimeout, log });
  const isDemonstration = (): boolean => config.qwenBaseUrl === defaultQwenUrl && accounts.isAnonymous;
  const fetchFunction = options.fetch ?? createNetwork(isDemonstration, log);
  const sockets = config.transport === "socket" && options.fetch === undefined ? createTcpClient() : undefined;
  const usesPlatform = sockets === undefined && (options.fetch === undefined || options.fetch === fetch);
  const slots = usesPlatform ? createRequestSlots(options.maxFetches ?? defaultMaxFetches) : undefined;
  const platform = createFetchClient(fetchFunction, slots);
  const http: HttpClient =
    sockets === undefined
      ? platform
      : { send: (request) => (isDemonstration() ? platform.send(request) : sockets.send(request)) };
  const box = options.secretBox ?? createSecretBox(() => loadMasterKey(config.masterKey, config.dataDir));
  const accounts = createConfiguredAccounts(config, { store: ownStore, box, http, clock, log: ofUpstream(log) });
  await accounts.load();
  const upstream = watchUpstream(createUpstream(config, accounts, http, clock, log), clock);
  const metrics = createMetrics({
    version,
    accounts: () => (upstream.accounts?.() ?? []).map((account) => ({ upstream: upstream.name, account })),
    upstreamRequests: () => slots,
  });
  const store = timeStore(ownStore, metrics);
  const gateway = createConfiguredGateway(config, upstream, store, slots, metrics, clock, log);
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
    settings: describeConfig(config),
    metrics,
    diagnosis: {
      store,
      storeBytes: () => (options.store === undefined ? sizeOf(path) : undefined),
      upstreams: () => [
        { name: upstream.name, reachability: upstream.reachability(), accounts: upstream.accounts?.() ?? [] },
      ],
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
      // The first request need not wait for the list; a failure is logged and tried again then.
      upstream.listModels(AbortSignal.timeout(config.firstByteTimeoutMs)).catch(() => {});
      return { url };
    },
    handle: (request) => server.handle(request),
    fetch: fetchFunction,
    async stop() {
      clearInterval(sweepTimer);
      await server.stop();
      sockets?.close();
      await accounts.settled();
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

/** What is written stands in the file and, until it is moved there, in the log beside it. */
function sizeOf(path: string): number {
  return Bun.file(path).size + Bun.file(`${path}-wal`).size;
}

function maxRepliesOf(config: Config, slots: RequestSlots | undefined): number | undefined {
  const bounds = [config.maxStreams, slots && slotsForReplies(slots.max)].filter((bound) => bound !== undefined);
  return bounds.length === 0 ? undefined : Math.min(...bounds);
}

function createUpstream(config: Config, accounts: WebAccounts, http: HttpClient, clock: Clock, log: Log): Upstream {
  return createQwenWebUpstream({
    accounts,
    http,
    baseUrl: config.qwenBaseUrl,
    chatTitle: config.qwenChatTitle,
    defaultModel: config.defaultModel,
    chainOn: config.qwenChainOn,
    maxMessageChars: config.qwenMaxMessageChars ?? (config.qwenBaseUrl === defaultQwenUrl ? firewallChars : undefined),
    upload: config.qwenUpload,
    storageUrl: config.qwenUploadUrl,
    recover: config.qwenRecover,
    maxLineBytes: config.maxLineBytes,
    retry: retryOf(config),
    userAgent: `qwen-gateway/${version}`,
    clock,
    log: ofUpstream(log),
  });
}

function ofUpstream(log: Log): Log {
  return log.with({ component: "qwen-web" });
}

/** The network; as long as there is no account to go there with, the built-in emulator. */
function createNetwork(isDemonstration: () => boolean, log: Log): FetchFunction {
  let emulator: Promise<QwenWebEmulator> | undefined;
  return (request, transport) => {
    if (!isDemonstration()) return fetch(request, transport);
    emulator ??= loadEmulator(log);
    return emulator.then((loaded) => loaded.fetch(request));
  };
}

/** Whoever has an account never pays for it. */
async function loadEmulator(log: Log): Promise<QwenWebEmulator> {
  log.info(
    'No Qwen account is configured: the built-in emulator answers. Set QWEN_TOKEN or run "qwen-gateway accounts add"',
  );
  const { createQwenWebEmulator } = await import("./emulator/qwen-web-emulator.ts");
  return createQwenWebEmulator({ maxRecordedRequests: 0 });
}

function createConfiguredGateway(
  config: Config,
  upstream: Upstream,
  store: Store,
  slots: RequestSlots | undefined,
  metrics: Metrics,
  clock: Clock,
  log: Log,
): Gateway {
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
    maxMessages: config.maxMessages,
    admission: { maxStreams: config.maxStreams, maxStreamsPerKey: config.maxStreamsPerKey, slots },
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
