// Where everything is put together: what lasts as long as the process, and over it the service that the settings make, which
// another one can replace.

import { join } from "node:path";
import type { OwnTool } from "./agent/own-tools.ts";
import { createChatVault } from "./app/chat-vault.ts";
import { composeService, type Estate, type Service, type Settings } from "./app/compose-service.ts";
import { createLazyResponses } from "./app/lazy-responses.ts";
import { createRetirement } from "./app/retirement.ts";
import { compareConfigs } from "./config/compare-configs.ts";
import type { Config } from "./config/config-schema.ts";
import type { Environment } from "./config/load-config.ts";
import { version } from "./config/version.ts";
import type { Clock } from "./contract/clock.ts";
import type { SecretBox } from "./credentials/secret-box.ts";
import { createCurrentGateway } from "./gateway/current-gateway.ts";
import { createGatewayLedger } from "./gateway/ledger.ts";
import type { FetchFunction } from "./outbound/fetch-client.ts";
import type { Pipeline } from "./pipeline/step.ts";
import { chatDatabasePath } from "./store/chat-database.ts";
import { inMemory } from "./store/open-database.ts";
import { databasePath, openSqliteStore } from "./store/sqlite-store.ts";
import { createStorageWatch, withoutStorageErrors } from "./store/storage-trouble.ts";
import type { Store } from "./store/store.ts";
import { timeStore } from "./store/timed-store.ts";
import type { LiveLog } from "./telemetry/create-log.ts";
import type { Log } from "./telemetry/log.ts";
import { createMetrics } from "./telemetry/create-metrics.ts";
import { describeLowLimit, readDescriptorLimit } from "./telemetry/descriptors.ts";

export interface StartedApp {
  readonly url: string;
  /** What serves, each in a few words. */
  readonly upstreams: readonly string[];
}

export interface Reloaded {
  /** Environment names of the settings that have another value now. */
  readonly changed: readonly string[];
  /** Of those that keep their value until the next start. */
  readonly needsRestart: readonly string[];
  readonly upstreams: readonly string[];
}

export interface App {
  start(): Promise<StartedApp>;
  /**
   * Reads the settings again and serves by them from the next request on; what runs ends as it began. Calls run one after the
   * other. What came of it is logged.
   * @throws {ConfigError | Error} when they cannot be used: everything is as it was.
   */
  reload(): Promise<Reloaded>;
  /** The settings in force. */
  readonly config: Config;
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
  /** The settings as they are written now. @throws {ConfigError}. @defaultValue those that are in force */
  readonly readSettings?: () => Settings;
  /** Steps of the typed chat. @defaultValue the ones that the settings name */
  readonly pipeline?: Pipeline;
  /** Seals credentials. @defaultValue by MASTER_KEY, or a key file in `config.dataDir` */
  readonly secretBox?: SecretBox;
}

const defaultMaxFetches = 256;

export async function createApp(config: Config, options: AppOptions): Promise<App> {
  const { log } = options;
  let settings: Settings = { config, environment: options.environment ?? {} };
  const readSettings = options.readSettings ?? (() => settings);
  let service: Service;
  const estate = openEstate(config, options, { service: () => service, config: () => settings.config, running });
  const retirement = createRetirement(log);
  let reloading: Promise<unknown> = Promise.resolve();
  let isStopping = false;
  try {
    service = await composeService(settings, estate);
  } catch (error) {
    await estate.store.close();
    throw error;
  }
  service.begin();

  function running(): readonly Service[] {
    return [service, ...retirement.services()];
  }

  async function exchange(): Promise<Reloaded> {
    if (isStopping) throw new Error("Cannot reload the settings: the gateway is stopping");
    const next = readSettings();
    const { config: effective, changed, needsRestart } = compareConfigs(settings.config, next.config);
    const former = service;
    const nextSettings = { config: effective, environment: next.environment };
    const successor = await composeService(nextSettings, estate, former.agent);
    try {
      successor.server.takeOver(former.server);
    } catch (error) {
      await successor.upstreams.close();
      throw error;
    }
    settings = nextSettings;
    service = successor;
    former.rest();
    log.adjust({ level: effective.logLevel, format: effective.logFormat });
    estate.vault.adjust();
    estate.ledger.queues.adopt(successor.upstreams.current());
    successor.begin();
    retirement.add(former, successor);
    return { changed, needsRestart, upstreams: successor.upstreams.describe() };
  }

  return {
    async start() {
      const lowLimit = describeLowLimit(readDescriptorLimit(), config.maxStreams);
      if (lowLimit !== undefined) log.warn(lowLimit);
      const { url } = service.server.start();
      service.agentAccess.announce(url);
      // The first request need not wait for the list; a failure is logged and tried again then.
      service.gateway.listModels(AbortSignal.timeout(config.firstByteTimeoutMs)).catch(() => {});
      return { url, upstreams: service.upstreams.describe() };
    },
    reload() {
      const reloaded = reloading.then(exchange);
      reloading = reloaded.then(
        (outcome) => tellReloaded(outcome, log),
        (error: unknown) => tellRefused(error, log),
      );
      return reloaded;
    },
    get config() {
      return settings.config;
    },
    handle: (request) => service.server.handle(request),
    ownTools: async () => (await service.agent.open()).ownTools,
    get fetch() {
      return service.upstreams.fetch;
    },
    async stop() {
      isStopping = true;
      await reloading;
      service.rest();
      await service.server.stop();
      await retirement.close();
      await service.agent.close();
      await estate.responses.close();
      await estate.vault.close();
      await service.upstreams.close();
      await estate.store.close();
    },
  };
}

function tellReloaded({ changed, needsRestart }: Reloaded, log: Log): void {
  log.info("The settings were read again", { changed: changed.length === 0 ? "none" : changed.join(", ") });
  if (needsRestart.length === 0) return;
  log.warn("These settings stay as they were until the next start", { settings: needsRestart.join(", ") });
}

function tellRefused(error: unknown, log: Log): void {
  const reason = error instanceof Error ? error.message : String(error);
  log.error("Cannot use the settings as they are written now: everything stays as it was", { reason });
}

interface Present {
  service(): Service;
  config(): Config;
  /** With those that end what they began. */
  running(): readonly Service[];
}

function openEstate(config: Config, options: AppOptions, present: Present): Estate {
  const { clock = Date.now } = options;
  const watch = createStorageWatch(options.log);
  const log = withoutStorageErrors(options.log);
  const path = databasePath(config.dataDir);
  const isKept = options.store === undefined;
  const ownStore =
    options.store ??
    openSqliteStore({
      path,
      clock,
      get sessionTimeoutMs() {
        return present.config().sessionTimeout;
      },
      log,
      watch,
    });
  const current = () => present.service().upstreams.current();
  const gateway = createCurrentGateway(
    () => present.service().gateway,
    () => present.running().map((one) => one.gateway),
  );
  const metrics = createMetrics({
    version,
    accounts: () =>
      current().flatMap(({ name, accounts }) => (accounts?.() ?? []).map((account) => ({ upstream: name, account }))),
    upstreamRequests: () => present.service().upstreams.slots,
    queues: () => gateway.queues(),
    upstreams: () =>
      current().map(({ name, reachability }) => ({
        upstream: name,
        state: reachability().state,
        breaker: gateway.circuits.state(name),
      })),
  });
  const vault = createChatVault({
    config: () => present.config(),
    path: isKept ? chatDatabasePath(config.dataDir) : inMemory,
    replayDirectory: isKept ? join(config.dataDir, "replay") : undefined,
    clock,
    log,
    watch,
  });
  return {
    watch,
    store: timeStore(ownStore, metrics),
    metrics,
    ledger: createGatewayLedger(metrics),
    vault,
    responses: createLazyResponses({
      gateway,
      openStore: async () => (await vault.open()).responses,
      openReplays: async () => (await vault.open()).replays,
      get defaultModel() {
        return present.config().defaultModel;
      },
      clock,
      log,
    }),
    gateway,
    openChat: () => present.service().chat.open(),
    storeBytes: () => (isKept ? sizeOf(path) : undefined),
    startedAtMs: clock(),
    stopping: new AbortController(),
    clock,
    log,
    maxFetches: options.maxFetches ?? defaultMaxFetches,
    fetch: options.fetch,
    pipeline: options.pipeline,
    secretBox: options.secretBox,
  };
}

/** What is written stands in the file and, until it is moved there, in the log beside it. */
function sizeOf(path: string): number {
  return Bun.file(path).size + Bun.file(`${path}-wal`).size;
}
