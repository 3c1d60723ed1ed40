// The gateway inside somebody else's program: the same app as the binary's, driven by function calls instead of a socket.

import { randomBytes } from "node:crypto";
import { type App, createApp } from "../app.ts";
import type { Config } from "../config/config-schema.ts";
import { loadConfig } from "../config/load-config.ts";
import { maxFetches } from "../config/max-fetches.ts";
import { createFetchClient, type FetchFunction } from "../outbound/fetch-client.ts";
import type { Pipeline } from "../pipeline/step.ts";
import type { Store } from "../store/store.ts";
import { createLog, type LiveLog } from "../telemetry/create-log.ts";
import { version } from "../config/version.ts";
import { createQwenWebClient } from "../upstreams/qwen-web/client.ts";
import { upstreamName } from "../upstreams/qwen-web/errors.ts";
import { createSecretBox } from "../credentials/secret-box.ts";
import { environmentAccount } from "../upstreams/qwen-web/accounts/configured-accounts.ts";
import { createQwenClient, type QwenClient } from "./qwen-client.ts";
import { createSessionManager, type SessionManager } from "./sessions.ts";
import { createMemoryStore } from "../store/memory-store.ts";

export interface EmbedOptions {
  /** Settings by their environment names, such as `QWEN_TOKEN`. @defaultValue `process.env` */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Stands in for the network. @defaultValue the global `fetch`; the built-in emulator when no account is configured */
  readonly fetch?: FetchFunction;
  /** @defaultValue one in memory, forgotten with the program */
  readonly store?: Store;
  /** Steps of the typed chat. @defaultValue the ones that the settings name */
  readonly pipeline?: Pipeline;
  /**
   * Rate limits of what acts (the agent, `/mcp`): asked about each such request, once its caller is known and before
   * anything has been touched. Throw a `GatewayError` to refuse it, `"rate-limited"` with `retryAfterMs` for 429.
   * @defaultValue no limit
   */
  readonly limitActing?: (request: { readonly caller: string; readonly path: string }) => void;
  /**
   * What the history keeps of a caller, where it is not what HISTORY says; undefined: it is. The history lives as long as
   * the program.
   * @defaultValue HISTORY holds for all
   */
  readonly keptOf?: (caller: string) => "off" | "metadata" | "content" | undefined;
  /** @defaultValue lines on standard error, as LOG_LEVEL and LOG_FORMAT say */
  readonly log?: LiveLog;
}

export interface Embedded {
  /** Answers `POST /v1/chat/completions`, wherever the request was addressed. */
  chatCompletions(request: Request): Promise<Response>;
  /** Answers any of the gateway's routes. */
  handle(request: Request): Promise<Response>;
  /** The sessions of the store, those of requests without an API key included. */
  readonly sessionManager: SessionManager;
  /** The calls of the Qwen web backend with the configured account. */
  readonly qwenClient: QwenClient;
  /** Lets running replies end, then closes the store. */
  shutdown(): Promise<void>;
}

/**
 * Makes a gateway that listens on no port: its routes are function calls.
 * @throws {ConfigError} when a setting is wrong
 * @example
 * const gateway = await embed({ environment: { QWEN_TOKEN: token } });
 * const answer = await gateway.chatCompletions(request);
 * await gateway.shutdown();
 */
export async function embed(options: EmbedOptions = {}): Promise<Embedded> {
  const { config, origins } = loadConfig({ environment: options.environment ?? process.env, flags: {} });
  const log = options.log ?? createLog({ level: config.logLevel, format: config.logFormat });
  const store = options.store ?? createMemoryStore({ clock: Date.now, sessionTimeoutMs: config.sessionTimeout });
  const key = randomBytes(32);
  const app: App = await createApp(config, {
    log,
    store,
    origins,
    environment: options.environment ?? process.env,
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
    ...(options.pipeline === undefined ? {} : { pipeline: options.pipeline }),
    ...(options.limitActing === undefined ? {} : { limitActing: options.limitActing }),
    ...(options.keptOf === undefined ? {} : { keptOf: options.keptOf }),
    // What is sealed in memory needs no key that outlives it.
    ...(options.store === undefined ? { secretBox: createSecretBox(() => [key]) } : {}),
    // Of the program itself: it was read before it started, whatever `environment` says.
    maxFetches: maxFetches(process.env),
  });
  return {
    handle: (request) => app.handle(request),
    chatCompletions: (request) => app.handle(new Request("http://localhost/v1/chat/completions", request)),
    sessionManager: createSessionManager(store, upstreamName),
    // By the same way, so that the chats of the client and those of the gateway are in the same place.
    qwenClient: createConfiguredClient(config, app.fetch),
    shutdown: () => app.stop(),
  };
}

function createConfiguredClient(config: Config, fetchFunction: FetchFunction): QwenClient {
  const client = createQwenWebClient({
    http: createFetchClient(fetchFunction),
    baseUrl: config.qwenBaseUrl,
    chatTitle: config.qwenChatTitle,
    userAgent: `qwen-gateway/${version}`,
    clock: Date.now,
  });
  return createQwenClient(client, environmentAccount(config), {
    maxAttempts: config.retryMaxAttempts,
    baseDelayMs: config.retryBaseDelayMs,
    maxDelayMs: config.retryMaxDelayMs,
  });
}
