// What one set of settings makes: upstreams, gateway, rooms and the edge, over what outlives a change of settings. A value, so
// that another one can take its place while it ends what it runs.

import type { Pipeline } from "../pipeline/step.ts";
import type { Capture } from "../capture/capture.ts";
import type { Config } from "../config/config-schema.ts";
import { describeConfig } from "../config/describe-config.ts";
import type { Environment, LoadedConfig } from "../config/load-config.ts";
import { loadToolServers } from "../config/mcp-servers.ts";
import { version } from "../config/version.ts";
import type { Clock } from "../contract/clock.ts";
import type { Account } from "../credentials/account.ts";
import { loadMasterKeys } from "../credentials/master-key.ts";
import { createSecretBox, type SecretBox } from "../credentials/secret-box.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { createHealthChecks, type HealthChecks } from "../gateway/candidates/health-checks.ts";
import type { GatewayLedger } from "../gateway/ledger.ts";
import type { FetchFunction } from "../outbound/fetch-client.ts";
import { type RequestSlots, slotsForReplies } from "../outbound/request-slots.ts";
import type { Reloaded } from "../server/admin/admin-parts.ts";
import type { AdmitOptions } from "../server/access/admit.ts";
import { refuseSharedKeys } from "../server/auth/admin-access.ts";
import { createStoredKeys } from "../server/auth/stored-keys.ts";
import type { KeyOptions } from "../server/access/check-bind.ts";
import { createServer, type GatewayServer } from "../server/create-server.ts";
import type { DiagnosisSource } from "../server/health/diagnosis.ts";
import type { OpenRelays } from "../server/between-workers/open-relays.ts";
import type { StorageWatch } from "../store/storage-trouble.ts";
import type { Store } from "../store/store.ts";
import { surfaces } from "../surfaces/index.ts";
import type { Fellows } from "../workers/fellows.ts";
import { shareLimits } from "../workers/share-limits.ts";
import { upstreamName } from "../upstreams/qwen-web/errors.ts";
import type { LiveLog } from "../telemetry/create-log.ts";
import type { ScrapedMetrics } from "../telemetry/create-metrics.ts";
import { readDescriptors } from "../telemetry/descriptors.ts";
import type { SpanFigures } from "../telemetry/tracing.ts";
import { chooseAgentAccess, type ConfiguredAgentAccess } from "./agent-access.ts";
import type { ChatVault } from "./chat-vault.ts";
import { chooseApiKeys, createConfiguredJwt } from "./configured-keys.ts";
import { configuredLimits } from "./configured-limits.ts";
import { type ConfiguredTracing, composeTracing } from "./compose-watch.ts";
import { type ComposedUpstreams, composeUpstreams } from "./compose-upstreams.ts";
import { createConfiguredGateway } from "./configured-gateway.ts";
import { createLazyAdmin, createLazyOpenapi, type LazyAdminParts } from "./lazy-admin.ts";
import { createLazyAgent, type LazyAgent } from "./lazy-agent.ts";
import { createLazyChat, type LazyChat } from "./lazy-chat.ts";
import type { LazyBackups } from "./lazy-backups.ts";
import type { LazyHistory } from "./lazy-history.ts";
import type { LazyFiles } from "./lazy-files.ts";
import type { LazyResponses } from "./lazy-responses.ts";
import { createSpeech } from "./speech.ts";
import { requireMasterKey } from "./open-store.ts";
import { readAgentRules } from "./agent-rules.ts";
import type { Callers } from "./open-callers.ts";
import { sessionsOfAll } from "./sessions-of-all.ts";

/** What outlives a change of settings. */
export interface Estate extends Callers {
  readonly store: Store;
  readonly metrics: ScrapedMetrics;
  readonly ledger: GatewayLedger;
  readonly watch: StorageWatch;
  readonly vault: ChatVault;
  readonly responses: LazyResponses;
  readonly files: LazyFiles;
  readonly history: LazyHistory;
  readonly capture: Capture;
  /** What must not be seen of an account, in the log and in captures. */
  readonly onCredentials: (account: Account) => void;
  /** Of all spans, whatever the settings were. */
  readonly spanFigures: SpanFigures;
  readonly limitActing: AdmitOptions["limitActing"];
  /** Whichever gateway the settings of the moment made. */
  readonly gateway: Gateway;
  openChat: LazyChat["open"];
  readonly backups: LazyBackups;
  /** Has other settings take the place of those in force. */
  reload(): Promise<Reloaded>;
  /** Size of the database on the disk; undefined when it is elsewhere. */
  storeBytes(): number | undefined;
  readonly startedAtMs: number;
  /** What is passed on to them. */
  readonly openRelays: OpenRelays;
  /** Aborted when the process stops. */
  readonly stopping: AbortController;
  /** The other workers of this gateway; undefined: this process serves alone. */
  readonly fellows: Fellows | undefined;
  readonly clock: Clock;
  readonly log: LiveLog;
  readonly maxFetches: number;
  readonly fetch: FetchFunction | undefined;
  readonly pipeline: Pipeline | undefined;
  readonly secretBox: SecretBox | undefined;
}

export interface Settings {
  readonly config: Config;
  /** What the settings of tool servers may name, and what their processes see a part of. */
  readonly environment: Environment;
  /** Where each value comes from. @defaultValue from the program that holds the gateway, as if by flags */
  readonly origins?: LoadedConfig["origins"] | undefined;
}

export interface Service {
  readonly config: Config;
  readonly upstreams: ComposedUpstreams;
  readonly gateway: Gateway;
  readonly chat: LazyChat;
  readonly agent: LazyAgent;
  readonly agentAccess: ConfiguredAgentAccess;
  readonly tracing: ConfiguredTracing;
  /** A generated one among them. */
  readonly apiKeys: readonly string[];
  /** How many replies may run at a time; undefined: without a limit. */
  readonly maxReplies: number | undefined;
  readonly server: GatewayServer;
  /** Begins what it does by itself: sweeping, health checks. */
  begin(): void;
  /** The contrary. */
  rest(): void;
}

/** What a service takes over of the one before where the settings allow it. Not all of it: it would be held for ever. */
export type Former = Pick<Service, "agent" | "tracing">;

/**
 * @throws {ConfigError | Error} when the settings cannot be used; nothing is left of it then
 */
export async function composeService(
  { config: stated, environment, origins }: Settings,
  estate: Estate,
  former?: Former,
): Promise<Service> {
  const config = estate.fellows === undefined ? stated : shareLimits(stated, estate.fellows);
  const { keyRing, clock, log } = estate;
  // Also of settings that are read again.
  if (estate.store.unreachable !== undefined && estate.secretBox === undefined) requireMasterKey(config.masterKey);
  const verifyJwt = await createConfiguredJwt(config, { fetch: estate.fetch ?? globalThis.fetch, clock, log });
  const servers = loadToolServers(config, environment);
  const apiKeys = chooseApiKeys(config, log);
  refuseSharedKeys(config.adminKey, apiKeys);
  const agentAccess = chooseAgentAccess(config, { apiKeys, verifyJwt, keyRing }, log);
  const rules = readAgentRules(config.agentRules, apiKeys, keyRing);
  const box = estate.secretBox ?? createSecretBox(() => loadMasterKeys(config));
  // From here on things are opened: all that may be wrong with the settings has been found, but for their upstreams.
  const upstreams = await composeUpstreams(config, { ...estate, box });
  const tracing = await composeTracing(config, log, estate.spanFigures, former?.tracing);
  const gateway = createConfiguredGateway(config, {
    ...estate,
    tracing: tracing.tracing,
    findFile: estate.files.find,
    history: estate.history.recorderFor(config),
    upstreams,
  });
  const chat = createConfiguredChat(config, estate, upstreams);
  const fresh = createLazyAgent({
    ...estate,
    config,
    servers,
    rules,
    accounts: estate.store,
    box,
    environment,
  });
  const agent = former?.agent.settings === fresh.settings ? former.agent : fresh;
  const healthChecks = createConfiguredChecks(config, estate, upstreams, gateway);
  const server = createConfiguredServer(config, estate, {
    upstreams,
    gateway,
    chat,
    agent,
    agentAccess,
    tracing,
    apiKeys,
    verifyJwt,
    origins,
    stated,
  });
  let sweepTimer: ReturnType<typeof setInterval> | undefined;

  return {
    config,
    upstreams,
    gateway,
    chat,
    agent,
    agentAccess,
    tracing,
    apiKeys,
    maxReplies: maxRepliesOf(config, upstreams.slots),
    server,
    begin() {
      healthChecks.start();
      sweepTimer = setInterval(() => {
        // The others count what all have kept.
        if (estate.fellows?.isKeeper === false) return void chat.recount();
        void estate.gateway.sweepSessions();
        void chat.sweep();
        void estate.files.sweep();
        void estate.history.sweep();
        void estate.quotas.sweep();
      }, config.sessionCleanupInterval);
      sweepTimer.unref();
    },
    rest() {
      clearInterval(sweepTimer);
      healthChecks.stop();
    },
  };
}

function createConfiguredChat(config: Config, estate: Estate, upstreams: ComposedUpstreams): LazyChat {
  const { store, gateway, vault, pipeline, clock, log } = estate;
  return createLazyChat(
    { config, gateway, turns: store, upstreams: upstreams.current, pipeline, fellows: estate.fellows, clock, log },
    vault,
    async (caller, sessionId) => {
      // First: what begins in it from now on is another session, wherever it begins.
      const note = { kind: "session-forgotten", caller, sessionId, atMs: clock() } as const;
      const wasElsewhere = (await estate.fellows?.pass(note)) === true;
      const hadTurns = await gateway.deleteSession(caller, sessionId);
      return (await estate.responses.deleteSession(caller, sessionId)) || hadTurns || wasElsewhere;
    },
  );
}

type ServedParts = Pick<Service, "upstreams" | "gateway" | "chat" | "agent" | "agentAccess" | "tracing"> &
  Pick<Settings, "origins"> &
  KeyOptions & {
    /** The settings as they are written; in force are those of this worker. */
    readonly stated: Config;
  };

function createConfiguredServer(config: Config, estate: Estate, parts: ServedParts): GatewayServer {
  const { store, keyRing, quotas, metrics, clock, log } = estate;
  const { upstreams, chat, agent, agentAccess } = parts;
  const adminParts = adminPartsOf(estate, parts);
  return createServer({
    hostname: config.host,
    port: config.port,
    apiKeys: parts.apiKeys,
    verifyJwt: parts.verifyJwt,
    adminKeys: config.adminKey,
    keyRing,
    quotas,
    ...configuredLimits(config),
    agent: agentAccess.agent,
    mcp: agentAccess.mcp,
    limitActing: estate.limitActing,
    insecure: config.insecure,
    allowedHosts: config.allowedHosts,
    corsOrigins: config.corsOrigin,
    trustedProxies: config.trustedProxies,
    maxBodyBytes: config.maxBodyBytes,
    drainTimeoutMs: config.drainTimeoutMs,
    gateway: estate.gateway,
    surfaces,
    store: sessionsOfAll(store, estate.fellows),
    rooms: [
      chat,
      agent,
      estate.responses,
      estate.files,
      estate.history,
      createLazyAdmin(adminParts),
      createLazyOpenapi(adminParts),
    ],
    speech: createSpeech(upstreams.current, config.transcriptionModel),
    deleteSession: (caller, sessionId) => chat.deleteSession(caller, sessionId),
    log,
    logFeed: log,
    keepAliveMs: config.sseKeepaliveMs,
    capture: estate.capture,
    tracing: parts.tracing.tracing,
    clock,
    version,
    upstreamNames: () => upstreams.current().map(({ name }) => name),
    settings: describeConfig(parts.stated),
    metrics,
    startedAtMs: estate.startedAtMs,
    stopping: estate.stopping,
    fellows: estate.fellows,
    openRelays: estate.openRelays,
    agentTimeoutMs: config.agentTimeoutMs,
    clientStallMs: config.clientStallMs,
    diagnosis: diagnosisOf(config, estate, parts),
  });
}

function adminPartsOf(estate: Estate, { upstreams, chat, origins, stated }: ServedParts): LazyAdminParts {
  const { store, gateway, keyRing, quotas, metrics, capture, startedAtMs, fellows, clock, log } = estate;
  return {
    version,
    startedAtMs,
    config: stated,
    origins,
    fellows,
    gateway,
    samples: metrics.samples,
    upstreams: upstreams.current,
    accountUpstream: upstreamName,
    manageAccounts: upstreams.manageAccounts,
    store,
    deleteSession: (caller, sessionId) => chat.deleteSession(caller, sessionId),
    keys: createStoredKeys(store, clock),
    refreshKeys: () => keyRing.refresh(),
    quotas,
    ...configuredLimits(stated),
    history: estate.history.access,
    backups: estate.backups,
    reload: () => estate.reload(),
    capture,
    clock,
    log,
  };
}

function diagnosisOf(config: Config, estate: Estate, { upstreams, gateway }: ServedParts): DiagnosisSource {
  const { store, vault, watch } = estate;
  return {
    store,
    servesWithoutStore: store.unreachable !== undefined && config.storeDown === "stateless",
    storeBytes: () => estate.storeBytes(),
    async probe() {
      await store.probe().catch(() => {});
      await vault.probe();
    },
    storageTrouble: () => watch.trouble,
    chatStore: () => vault.check(),
    upstreams: () =>
      upstreams.current().map(({ name, reachability, accounts }) => ({
        name,
        reachability: reachability(),
        breaker: gateway.circuits.state(name),
        accounts: accounts?.() ?? [],
      })),
    upstreamRequests: () => upstreams.slots,
    descriptors: readDescriptors,
    maxReplies: maxRepliesOf(config, upstreams.slots),
    isHistoryFailing: () => estate.history.isFailing(),
  };
}

function createConfiguredChecks(
  config: Config,
  { clock, log }: Pick<Estate, "clock" | "log">,
  upstreams: ComposedUpstreams,
  gateway: Gateway,
): HealthChecks {
  return createHealthChecks({
    upstreams: upstreams.current,
    circuits: gateway.circuits,
    running: (name) => gateway.queues().find(({ upstream }) => upstream === name)?.running ?? 0,
    intervalMs: config.healthCheckIntervalMs,
    timeoutMs: config.healthCheckTimeoutMs,
    clock,
    log,
  });
}

function maxRepliesOf(config: Config, slots: RequestSlots | undefined): number | undefined {
  const bounds = [config.maxStreams, slots && slotsForReplies(slots.max)].filter((bound) => bound !== undefined);
  return bounds.length === 0 ? undefined : Math.min(...bounds);
}
