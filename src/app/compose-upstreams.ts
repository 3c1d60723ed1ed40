// The upstreams and their ways out, put together from the settings: the Qwen web backend, what speaks OpenAI's protocol, and
// the built-in emulator as long as there is neither.

import type { AttachmentLoader } from "../attachments/load-attachment.ts";
import type { Capture } from "../capture/capture.ts";
import type { Config } from "../config/config-schema.ts";
import { version } from "../config/version.ts";
import type { Clock } from "../contract/clock.ts";
import { madeOnce } from "../contract/made-once.ts";
import type { Upstream } from "../contract/upstream.ts";
import type { UpstreamLimits } from "../contract/limits.ts";
import type { Account } from "../credentials/account.ts";
import type { SecretBox } from "../credentials/secret-box.ts";
import type { QwenWebEmulator } from "../emulator/qwen-web-emulator.ts";
import { createFetchClient, type FetchFunction } from "../outbound/fetch-client.ts";
import { createPlatformClient } from "../outbound/platform-client.ts";
import type { GuardedDownload } from "../outbound/guarded-download.ts";
import type { HttpClient } from "../outbound/http-client.ts";
import { createRequestSlots, type RequestSlots } from "../outbound/request-slots.ts";
import { createTcpClient } from "../outbound/tcp-client.ts";
import { withoutCredentials } from "../outbound/without-credentials.ts";
import type { AccountStore } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { Fellows } from "../workers/fellows.ts";
import { watchUpstream, type WatchedUpstream } from "../telemetry/watch-upstream.ts";
import type { WebAccounts } from "../upstreams/qwen-web/accounts/accounts.ts";
import type { AccountManager } from "../upstreams/qwen-web/accounts/manage-accounts.ts";
import { createConfiguredAccounts } from "../upstreams/qwen-web/accounts/configured-accounts.ts";
import { createQwenWebUpstream } from "../upstreams/qwen-web/upstream.ts";
import { createAttachments, createDownload } from "./compose-downloads.ts";

export interface ComposedUpstreams {
  /** Those that may serve now, the first asked first: an account that is added joins them. */
  current(): readonly WatchedUpstream[];
  /** The same for whoever starts the program: each by its name, and where it is. No secrets. */
  describe(): readonly string[];
  /** The accounts of the Qwen web backend, for whoever looks after them. Loaded when somebody does. */
  manageAccounts(): Promise<AccountManager>;
  /** The way to the Qwen web backend. */
  readonly fetch: FetchFunction;
  /** Given where the platform's fetch bounds how many requests run. */
  readonly slots: RequestSlots | undefined;
  /** Resolves when what became of accounts is written, for whoever takes their place. */
  noted(): Promise<void>;
  /** Writes what is not written yet and closes idle connections. */
  close(): Promise<void>;
}

export interface UpstreamParts {
  readonly store: AccountStore;
  readonly box: SecretBox;
  readonly clock: Clock;
  readonly log: Log;
  /** Stands in for the network. */
  readonly fetch: FetchFunction | undefined;
  readonly maxFetches: number;
  readonly capture: Capture;
  /** Told of every account before it is used, also when its credentials have changed. */
  readonly onCredentials: (account: Account) => void;
  /** Of several workers: the emulator is one for all. */
  readonly fellows: Pick<Fellows, "emulator"> | undefined;
}

const userAgent = `qwen-gateway/${version}`;
const defaultQwenUrl = "https://chat.qwen.ai";
/** Its firewall stops requests from about 62 000 characters on (probed 2026-09). */
const firewallChars = 60_000;

/** @throws {ConfigError} when an upstream cannot be reached as it is set */
export async function composeUpstreams(config: Config, parts: UpstreamParts): Promise<ComposedUpstreams> {
  const { store, box, clock, log, capture } = parts;
  const isDemonstration = (): boolean =>
    others.length === 0 && config.qwenBaseUrl === defaultQwenUrl && accounts.isAnonymous;
  const network = parts.fetch ?? createNetwork(isDemonstration, log, parts.fellows);
  const sockets = config.transport === "socket" && parts.fetch === undefined ? createTcpClient() : undefined;
  const isPlatform = parts.fetch === undefined || parts.fetch === fetch;
  const usesPlatform = sockets === undefined && isPlatform;
  const slots = usesPlatform ? createRequestSlots(parts.maxFetches) : undefined;
  const platform = isPlatform ? createPlatformClient(network, slots) : createFetchClient(network, slots);
  const http: HttpClient = capture.tapHttp(
    sockets === undefined
      ? platform
      : { send: (request) => (isDemonstration() ? platform.send(request) : sockets.send(request)) },
    "qwen-web",
  );
  const ownHttp = capture.tapHttp(sockets ?? platform, "openai-compatible");
  const ways = { userAgent, trusted: http, standIn: parts.fetch === undefined ? undefined : platform };
  const attachments = createAttachments(config, ways, clock);
  const loaded = await loadOthers(config, { http: ownHttp, attachments, clock, log });
  const others = loaded.upstreams.map((upstream) => watchUpstream(capture.tapUpstream(upstream), clock));
  const webLog = log.with({ component: "qwen-web" });
  const accounts = createConfiguredAccounts(config, {
    store,
    box,
    http,
    clock,
    log: webLog,
    onCredentials: parts.onCredentials,
  });
  await accounts.load();
  const download = createDownload(originsOf(config), ways);
  const wing = createWeb(config, accounts, { http, download: download.fetch, attachments }, clock, webLog);
  const web = watchUpstream(capture.tapUpstream({ ...wing, limits: webLimits(config) }), clock);
  const all = [web, ...others];
  const servesWithoutAccount = others.length === 0 || config.qwenBaseUrl !== defaultQwenUrl;
  const current = (): readonly WatchedUpstream[] => (servesWithoutAccount || !accounts.isAnonymous ? all : others);
  return {
    current,
    describe() {
      if (isDemonstration()) return ['the built-in emulator; for a real one run "qwen-gateway setup"'];
      return current().map(
        ({ name }) => `${name} (${withoutCredentials(loaded.baseUrls.get(name) ?? config.qwenBaseUrl)})`,
      );
    },
    async manageAccounts() {
      const [{ createAccountManager }, { createQwenWebClient }] = await Promise.all([
        import("../upstreams/qwen-web/accounts/manage-accounts.ts"),
        import("../upstreams/qwen-web/client.ts"),
      ]);
      const { qwenBaseUrl: baseUrl, qwenChatTitle: chatTitle, defaultModel } = config;
      const client = createQwenWebClient({ http, baseUrl, chatTitle, userAgent, clock });
      return createAccountManager({ accounts, client, store, box, host: new URL(baseUrl).host, defaultModel, clock });
    },
    fetch: network,
    slots,
    noted: accounts.noted,
    async close() {
      // First: renewals go over the sockets.
      await accounts.settled();
      sockets?.close();
      download.close();
      attachments.close();
    },
  };
}

interface LoadedOthers {
  readonly upstreams: readonly Upstream[];
  /** By name. */
  readonly baseUrls: ReadonlyMap<string, string>;
}

/** The wing is loaded where there is something for it to do. */
async function loadOthers(
  config: Config,
  surroundings: { http: HttpClient; attachments: AttachmentLoader; clock: Clock; log: Log },
): Promise<LoadedOthers> {
  warnOfIdleSettings(config, surroundings.log);
  const isAsked =
    config.upstreamBaseUrl !== undefined ||
    config.dashscopeApiKey.length > 0 ||
    config.modelscopeApiKey.length > 0 ||
    (config.upstreams ?? []).length > 0;
  if (!isAsked) return { upstreams: [], baseUrls: new Map() };
  const { createConfiguredUpstreams, listConfiguredUpstreams } =
    await import("../upstreams/openai-compatible/servers/configured-upstreams.ts");
  return {
    upstreams: createConfiguredUpstreams(config, surroundings),
    baseUrls: new Map(listConfiguredUpstreams(config).map(({ name, baseUrl }) => [name, baseUrl])),
  };
}

/** What belongs to a server that nobody has named: a slip that would show as an answer of somebody else. */
function warnOfIdleSettings(config: Config, log: Log): void {
  const warn = (without: string, settings: Readonly<Record<string, boolean>>): void => {
    const idle = Object.keys(settings).filter((name) => settings[name]);
    if (idle.length > 0) log.warn(`Ignored without ${without}: ${idle.join(", ")}`);
  };
  if (config.upstreamBaseUrl === undefined)
    warn("UPSTREAM_BASE_URL", {
      UPSTREAM_API_KEY: config.upstreamApiKey.length > 0,
      UPSTREAM_MODELS: config.upstreamModels.length > 0,
      UPSTREAM_DIALECT: config.upstreamDialect !== undefined,
    });
  if (config.dashscopeApiKey.length === 0)
    // In words: behind the name of a key and a colon the log would black it out.
    warn("a key of DashScope", {
      DASHSCOPE_REGION: config.dashscopeRegion !== undefined,
      DASHSCOPE_PLAN: config.dashscopePlan !== undefined,
      DASHSCOPE_TIER: config.dashscopeTier !== undefined,
    });
}

function createWeb(
  config: Config,
  accounts: WebAccounts,
  ways: { readonly http: HttpClient; readonly download: GuardedDownload; readonly attachments: AttachmentLoader },
  clock: Clock,
  log: Log,
) {
  return createQwenWebUpstream({
    accounts,
    ...ways,
    baseUrl: config.qwenBaseUrl,
    chatTitle: config.qwenChatTitle,
    defaultModel: config.defaultModel,
    chainOn: config.qwenChainOn,
    maxMessageChars: config.qwenMaxMessageChars ?? (config.qwenBaseUrl === defaultQwenUrl ? firewallChars : undefined),
    upload: config.qwenUpload,
    storageUrl: config.qwenUploadUrl,
    recover: config.qwenRecover,
    maxLineBytes: config.maxLineBytes,
    retry: {
      maxAttempts: config.retryMaxAttempts,
      baseDelayMs: config.retryBaseDelayMs,
      maxDelayMs: config.retryMaxDelayMs,
    },
    userAgent,
    clock,
    log,
  });
}

/** Those that serve what Qwen has made. */
function originsOf({ qwenBaseUrl, qwenUploadUrl = qwenBaseUrl }: Config): readonly string[] {
  return [qwenBaseUrl, qwenUploadUrl].map((url) => new URL(url).origin);
}

function webLimits({ qwenMaxConcurrent, qwenRequestsPerMinute, queueSize, queueWaitMs }: Config): UpstreamLimits {
  return {
    requests: qwenRequestsPerMinute === undefined ? [] : [{ limit: qwenRequestsPerMinute, windowMs: 60_000 }],
    tokens: [],
    queueSize,
    queueWaitMs,
    ...(qwenMaxConcurrent === undefined ? {} : { maxConcurrent: qwenMaxConcurrent }),
  };
}

/** The network; as long as there is no account to go there with, the built-in emulator. */
function createNetwork(isDemonstration: () => boolean, log: Log, fellows: UpstreamParts["fellows"]): FetchFunction {
  const emulator = madeOnce((): Promise<Pick<QwenWebEmulator, "fetch">> =>
    fellows === undefined ? loadEmulator(log) : reachEmulator(fellows),
  );
  return async (request, transport) => {
    if (!isDemonstration()) return fetch(request, transport);
    return (await emulator.get()).fetch(request);
  };
}

/** One for all workers: it keeps the conversations. */
async function reachEmulator(fellows: Pick<Fellows, "emulator">): Promise<Pick<QwenWebEmulator, "fetch">> {
  const unix = await fellows.emulator();
  // Not beyond this machine: there is nothing to be sealed. The type of fetch does not know the socket.
  const way: RequestInit & { readonly unix: string; readonly timeout: false } = { unix, timeout: false };
  return { fetch: (request) => fetch(new Request(request.url.replace(/^https:/, "http:"), request), way) };
}

/** Whoever has an account never pays for it. */
async function loadEmulator(log: Log): Promise<QwenWebEmulator> {
  log.info(
    'No upstream is configured: the built-in emulator answers. Run "qwen-gateway setup", or set QWEN_TOKEN, DASHSCOPE_API_KEY or UPSTREAM_BASE_URL',
  );
  const { createQwenWebEmulator } = await import("../emulator/qwen-web-emulator.ts");
  return createQwenWebEmulator({ maxRecordedRequests: 0 });
}
