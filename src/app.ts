// Where everything is put together: what lasts as long as the process, and over it the service that the settings make, which
// another one can replace.

import type { OwnTool } from "./agent/own-tools.ts";
import { captureSettings } from "./app/compose-watch.ts";
import { composeService, type Service, type Settings } from "./app/compose-service.ts";
import { type EstateOptions, openEstate } from "./app/open-estate.ts";
import { followFellows, reloadAll } from "./app/follow-fellows.ts";
import { createRetirement } from "./app/retirement.ts";
import type { Capture } from "./capture/capture.ts";
import { compareConfigs, originsInForce } from "./config/compare-configs.ts";
import type { Config } from "./config/config-schema.ts";
import type { Environment, LoadedConfig } from "./config/load-config.ts";
import { secretTexts } from "./config/secret-texts.ts";
import { GatewayError } from "./contract/gateway-error.ts";
import { reasonOf } from "./contract/thrown.ts";
import type { FetchFunction } from "./outbound/fetch-client.ts";
import type { Reloaded } from "./server/admin/admin-parts.ts";
import type { RoutePlace } from "./server/lazy-routes.ts";
import { describeLowLimit, readDescriptorLimit } from "./telemetry/descriptors.ts";
import { type Log, silentLog } from "./telemetry/log.ts";
import type { MetricRow } from "./telemetry/merge-metrics.ts";
import { shareLimits } from "./workers/share-limits.ts";

export interface StartedApp {
  readonly url: string;
  readonly port: number;
  /** What serves, each in a few words. */
  readonly upstreams: readonly string[];
}

export interface App {
  start(): Promise<StartedApp>;
  /**
   * Reads the settings again and serves by them from the next request on; what runs ends as it began. Calls run one after the
   * other, and few may wait. What came of it is logged.
   * @throws {ConfigError | GatewayError | Error} when they cannot be used: everything is as it was.
   */
  reload(): Promise<Reloaded>;
  /** The settings in force. */
  readonly config: Config;
  /** Handles a request in process. */
  handle(request: Request): Promise<Response>;
  /** Every way in, so that what must hold of all of them can be tried on all of them. */
  readonly routes: readonly RoutePlace[];
  /** What the gateway offers as an MCP server, for transports beside HTTP. @throws {GatewayError} */
  ownTools(): Promise<readonly OwnTool[]>;
  /** The way to the upstream that this app uses. */
  readonly fetch: FetchFunction;
  /** The metrics of this process, for whoever puts those of several together. */
  gatherMetrics(): Promise<readonly MetricRow[]>;
  /** What is captured for whoever looks into a fault. */
  readonly capture: Capture;
  /** Lets running replies end within the drain time, then closes the store. */
  stop(): Promise<void>;
}

export interface AppOptions extends EstateOptions {
  /** What the settings of tool servers may name, and what their processes see a part of. @defaultValue nothing */
  readonly environment?: Environment;
  /** Where each setting comes from, for whoever looks after the gateway. @defaultValue from the program that holds it */
  readonly origins?: LoadedConfig["origins"];
  /** The settings as they are written now. @throws {ConfigError}. @defaultValue those that are in force */
  readonly readSettings?: () => Settings;
  /** Told when a reload begins and when it is over, whoever asked for it and whatever came of it. */
  readonly reloads?: { begin(): void; end(): void };
}

/** Each reads all settings: who comes later is served by the next as well. */
const mostWaitingReloads = 8;

export async function createApp(config: Config, options: AppOptions): Promise<App> {
  const { log, fellows } = options;
  // Of several workers the supervisor tells it, once.
  const reloadLog = fellows === undefined ? log : silentLog;
  let settings: Settings = { config, environment: options.environment ?? {}, origins: options.origins };
  const readSettings = options.readSettings ?? (() => settings);
  let service: Service;
  const reloadHere = (): Promise<Reloaded> => (fellows === undefined ? reload() : reloadAll(fellows));
  const present = { service: () => service, config: () => settings.config, running, reload: reloadHere };
  const estate = await openEstate(config, options, present);
  const retirement = createRetirement(log);
  let reloading: Promise<unknown> = Promise.resolve();
  let waitingReloads = 0;
  let isStopping = false;
  try {
    service = await composeService(settings, estate);
    log.learnSecrets(service.apiKeys);
    // Not before: it blacks out the keys of the service.
    await estate.capture.start();
  } catch (error) {
    // Another's store is left to its owner.
    await estate.closeCallers();
    if (options.store === undefined) await estate.store.close();
    throw error;
  }
  service.begin();
  if (fellows !== undefined) followFellows(fellows, estate);

  function running(): readonly Service[] {
    return [service, ...retirement.services()];
  }

  async function exchange(): Promise<Reloaded> {
    if (isStopping) {
      throw new GatewayError("overloaded", "Cannot reload the settings: the gateway is stopping", {
        retryAfterMs: 1000,
      });
    }
    const next = readSettings();
    const { config: effective, changed, needsRestart } = compareConfigs(settings.config, next.config);
    const former = service;
    log.learnSecrets(secretTexts(effective));
    const origins = originsInForce(settings.origins, next.origins);
    const nextSettings: Settings = { config: effective, environment: next.environment, origins };
    // An account that has just been set aside would serve again until its state is looked at a second time.
    await former.upstreams.noted();
    const successor = await composeService(nextSettings, estate, { agent: former.agent, tracing: former.tracing });
    try {
      successor.server.takeOver(former.server);
    } catch (error) {
      await successor.upstreams.close();
      if (successor.tracing !== former.tracing) await successor.tracing.tracing?.close();
      throw error;
    }
    settings = nextSettings;
    service = successor;
    former.rest();
    log.adjust({ level: effective.logLevel, format: effective.logFormat });
    estate.vault.adjust();
    estate.history.adjust(effective);
    log.learnSecrets(service.apiKeys);
    estate.capture.learnSecrets();
    estate.ledger.queues.adopt(successor.upstreams.current());
    successor.begin();
    retirement.add(former, successor);
    await estate.capture.adjust(captureSettings(fellows === undefined ? effective : shareLimits(effective, fellows)));
    return { changed, needsRestart, upstreams: successor.upstreams.describe() };
  }

  function reload(): Promise<Reloaded> {
    if (waitingReloads >= mostWaitingReloads) {
      const reason = `Cannot reload the settings: ${mostWaitingReloads} reloads wait already`;
      return Promise.reject(new GatewayError("overloaded", reason, { retryAfterMs: 1000 }));
    }
    waitingReloads++;
    const reloaded = reloading.then(() => {
      if (!isStopping) options.reloads?.begin();
      return exchange();
    });
    reloading = reloaded
      .then(
        (outcome) => tellReloaded(outcome, reloadLog),
        (error: unknown) => tellRefused(error, reloadLog),
      )
      .finally(() => {
        waitingReloads--;
        if (!isStopping) options.reloads?.end();
      });
    return reloaded;
  }

  return {
    async start() {
      // Of several workers one says it.
      const isSpeaker = fellows === undefined || fellows.number === 1;
      const lowLimit = isSpeaker ? describeLowLimit(readDescriptorLimit(), config.maxStreams) : undefined;
      if (lowLimit !== undefined) log.warn(lowLimit);
      const { url, port } = service.server.start();
      if (isSpeaker) service.agentAccess.announce(url);
      // The first request need not wait for the list; a failure is logged and tried again then.
      service.gateway.listModels(AbortSignal.timeout(config.firstByteTimeoutMs)).catch(() => {});
      return { url, port, upstreams: service.upstreams.describe() };
    },
    reload,
    get config() {
      return settings.config;
    },
    handle: (request) => service.server.handle(request),
    get routes() {
      return service.server.routes;
    },
    ownTools: async () => (await service.agent.open()).ownTools,
    get fetch() {
      return service.upstreams.fetch;
    },
    gatherMetrics: () => estate.metrics.gather(),
    capture: estate.capture,
    async stop() {
      isStopping = true;
      await reloading;
      service.rest();
      await estate.backups.close();
      await service.server.stop();
      await retirement.close();
      await service.agent.close();
      await estate.responses.close();
      await estate.files.close();
      await estate.history.close();
      await estate.vault.close();
      await service.upstreams.close();
      await estate.closeCallers();
      await Promise.all([estate.capture.close(), service.tracing.tracing?.close()]);
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
  const reason = reasonOf(error);
  log.error("Cannot use the settings as they are written now: everything stays as it was", { reason });
}
