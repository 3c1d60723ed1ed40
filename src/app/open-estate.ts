// What lasts as long as the process, whatever the settings are: the store, what is counted, and what clients come back to.

import { join } from "node:path";
import type { Config } from "../config/config-schema.ts";
import { accountSecretTexts, secretTexts } from "../config/secret-texts.ts";
import { version } from "../config/version.ts";
import type { Clock } from "../contract/clock.ts";
import type { SecretBox } from "../credentials/secret-box.ts";
import { createCurrentGateway } from "../gateway/current-gateway.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { createGatewayLedger, type OtherWorkers } from "../gateway/ledger.ts";
import type { FetchFunction } from "../outbound/fetch-client.ts";
import type { KeptOf } from "../history/ended-exchange.ts";
import type { AdmitOptions } from "../server/access/admit.ts";
import { createOpenRelays } from "../server/between-workers/open-relays.ts";
import type { Pipeline } from "../pipeline/step.ts";
import { chatDatabasePath } from "../store/chat-database.ts";
import { historyDatabasePath } from "../store/history-budget.ts";
import { inMemory, type LogCopying } from "../store/open-database.ts";
import { fileDatabasePath } from "../store/sqlite/files.ts";
import { databasePath } from "../store/sqlite/open-store.ts";
import { createStorageWatch, withoutStorageErrors } from "../store/storage-trouble.ts";
import type { Store } from "../store/store.ts";
import { timeStore } from "../store/timed-store.ts";
import type { Fellows } from "../workers/fellows.ts";
import { shareLimits } from "../workers/share-limits.ts";
import type { LiveLog } from "../telemetry/create-log.ts";
import type { Log } from "../telemetry/log.ts";
import { createMetrics, type ScrapedMetrics } from "../telemetry/create-metrics.ts";
import type { MetricSources } from "../telemetry/gauges.ts";
import type { SpanFigures } from "../telemetry/tracing.ts";
import { createChatVault } from "./chat-vault.ts";
import { composeCapture } from "./compose-watch.ts";
import type { Estate, Service } from "./compose-service.ts";
import { commitLimitOf } from "./configured-gateway.ts";
import { createLazyBackups } from "./lazy-backups.ts";
import { createLazyFiles } from "./lazy-files.ts";
import { createLazyHistory } from "./lazy-history.ts";
import { createLazyResponses } from "./lazy-responses.ts";
import { type Callers, type CallersParts, openCallers } from "./open-callers.ts";
import { type ConfiguredStore, openConfiguredStore } from "./open-store.ts";
import { refuseNewerDatabases } from "./refuse-newer-databases.ts";

export interface EstateOptions {
  readonly log: LiveLog;
  readonly clock?: Clock;
  /** Stands in for the network: every request to an upstream goes through it. */
  readonly fetch?: FetchFunction;
  /** @defaultValue SQLite in `config.dataDir` */
  readonly store?: Store;
  /** Requests that the platform's fetch runs at a time; it queues what is beyond. @defaultValue 256, its own default */
  readonly maxFetches?: number;
  /** Rate limits of what acts; see `AdmitOptions`. @defaultValue none */
  readonly limitActing?: AdmitOptions["limitActing"];
  /** What the history keeps of a caller. @defaultValue what HISTORY says */
  readonly keptOf?: KeptOf;
  /** Steps of the typed chat. @defaultValue the ones that the settings name */
  readonly pipeline?: Pipeline;
  /** The other workers of this gateway. @defaultValue this process serves alone */
  readonly fellows?: Fellows | undefined;
  /** Seals credentials. @defaultValue by MASTER_KEY, or a key file in `config.dataDir` */
  readonly secretBox?: SecretBox;
}

const defaultMaxFetches = 256;

/** Whoever looks for these at another gateway does not find them: that must not come as a surprise. */
const staysHere =
  "STORE_URL is set: documents, uploaded files, the history, captures and the agent's log of calls still stay with this gateway alone (docs/shared-store.md)";

/** What is in force at the moment. */
export interface Present {
  service(): Service;
  config(): Config;
  /** With those that end what they began. */
  running(): readonly Service[];
  /** @see App.reload */
  reload: Estate["reload"];
}

/** @throws {GatewayError} when the store cannot be opened, or a database was written by a newer version */
export async function openEstate(config: Config, options: EstateOptions, present: Present): Promise<Estate> {
  const { clock = Date.now, fellows } = options;
  const watch = createStorageWatch(options.log);
  const log = withoutStorageErrors(options.log);
  const path = databasePath(config.dataDir);
  const isKept = options.store === undefined;
  const copying: LogCopying = fellows === undefined ? "own" : "elsewhere";
  const gateway = createCurrentGateway(
    () => present.service().gateway,
    () => present.running().map((one) => one.gateway),
  );
  const storeBytes = () => (isKept && config.storeUrl === undefined ? sizeOf(path) : undefined);
  options.log.learnSecrets(secretTexts(config));
  const accountSecrets = new Map<string, readonly string[]>();
  const capture = composeCapture(
    // Each worker counts the files that it has written itself.
    fellows === undefined ? config : shareLimits(config, fellows),
    {
      secrets: () => [
        ...secretTexts(present.config()),
        ...present.service().apiKeys,
        ...[...accountSecrets.values()].flat(),
      ],
      writer: fellows,
      clock,
      log: options.log,
    },
  );
  const spanFigures: SpanFigures = { ended: 0, sent: 0, failed: 0 };
  const history = createLazyHistory({
    config,
    keptOf: options.keptOf,
    path: isKept ? historyDatabasePath(config.dataDir) : inMemory,
    clock,
    log,
  });
  const metrics = createPresentMetrics(present, gateway, clock, {
    history: () => history.figures(),
    storeBytes,
    captures: () => capture.figures,
    spans: () => (present.service().tracing.tracing !== undefined || spanFigures.ended > 0 ? spanFigures : undefined),
  });
  const tellForgotten = fellows && ((caller: string, id: string) => fellows.pass({ kind: "forgotten", caller, id }));
  const store: ConfiguredStore =
    options.store ??
    (await openConfiguredStore(config, {
      ...{ clock, log, watch, copying },
      sessionTimeoutMs: () => present.config().sessionTimeout,
    }));
  // Of several workers one says it.
  if (store.rooms !== undefined && fellows?.isKeeper !== false) {
    log.warn(staysHere);
    void warnOfStore(config.storeUrl, log);
  }
  const vault = createChatVault({
    forgottenElsewhere: tellForgotten,
    config: () => present.config(),
    path: isKept ? chatDatabasePath(config.dataDir) : inMemory,
    copying,
    replayDirectory: isKept ? join(config.dataDir, "replay") : undefined,
    clock,
    log,
    watch,
    shared: store.rooms,
  });
  const callers = await openPresentCallers(store, present, {
    clock,
    log,
    dataDir: isKept ? config.dataDir : undefined,
  });
  return {
    ...callers,
    watch,
    store: timeStore(store, metrics),
    metrics,
    ledger: createGatewayLedger(metrics, fellows && othersOf(fellows)),
    vault,
    responses: createLazyResponses(
      {
        gateway,
        openStore: async () => (await vault.open()).responses,
        openReplays: async () => (await vault.open()).replays,
        openWishes: async () => (await vault.open()).wishes,
        openConversations: async () => (await vault.open()).conversations,
        get keptWithinMs() {
          return commitLimitOf(store, present.config());
        },
        get defaultModel() {
          return present.config().defaultModel;
        },
        forgottenHere: tellForgotten,
        clock,
        log,
      },
      () => vault.isUsed(),
    ),
    files: createLazyFiles({
      config: () => present.config(),
      path: isKept ? fileDatabasePath(config.dataDir) : inMemory,
      copying,
      clock,
      log,
    }),
    history,
    capture,
    onCredentials(account) {
      const texts = accountSecretTexts(account);
      accountSecrets.set(account.id, texts);
      options.log.learnSecrets(texts, account.id);
      capture.learnSecrets();
    },
    spanFigures,
    backups: createLazyBackups({ dataDir: isKept ? config.dataDir : undefined, version, clock, log }),
    reload: () => present.reload(),
    limitActing: options.limitActing,
    gateway,
    openChat: () => present.service().chat.open(),
    storeBytes,
    startedAtMs: clock(),
    openRelays: createOpenRelays(),
    stopping: new AbortController(),
    fellows,
    clock,
    log,
    maxFetches: options.maxFetches ?? defaultMaxFetches,
    fetch: options.fetch,
    pipeline: options.pipeline,
    secretBox: options.secretBox,
  };
}

/** One that forgets does so without a word, weeks later. Never rejects. */
async function warnOfStore(url: string | undefined, log: Log): Promise<void> {
  if (url === undefined) return;
  const { examineStore } = await import("../store/redis/examine.ts");
  for (const { verdict, finding, advice } of await examineStore(url)) {
    if (verdict !== "ok") log.warn(`The shared store: ${finding}`, { advice });
  }
}

/** What cannot be read leaves nothing open. */
async function openPresentCallers(
  store: ConfiguredStore,
  present: Present,
  { dataDir, ...parts }: Pick<CallersParts, "clock" | "log"> & { readonly dataDir: string | undefined },
): Promise<Callers> {
  try {
    // Behind the store, which ends a restore that a crash has left half done.
    if (dataDir !== undefined) refuseNewerDatabases(dataDir, store.rooms !== undefined);
    return await openCallers({ ...parts, store, prices: () => present.config().prices });
  } catch (error) {
    if (dataDir !== undefined) await store.close();
    throw error;
  }
}

function createPresentMetrics(
  present: Present,
  gateway: Gateway,
  clock: Clock,
  sources: Pick<MetricSources, "storeBytes" | "captures" | "spans" | "history">,
): ScrapedMetrics {
  const current = () => present.service().upstreams.current();
  const metricSources: MetricSources = {
    version,
    ...sources,
    maxReplies: () => present.service().maxReplies,
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
  };
  return createMetrics(metricSources, clock);
}

function othersOf(fellows: Fellows): OtherWorkers {
  return {
    tellLeaving: (note) => fellows.pass({ kind: "leaving-turn", ...note }),
    line: fellows.line,
  };
}

/** What is written stands in the file and, until it is moved there, in the log beside it. */
function sizeOf(path: string): number {
  return Bun.file(path).size + Bun.file(`${path}-wal`).size;
}
