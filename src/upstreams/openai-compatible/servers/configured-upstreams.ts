// The upstreams of this kind as the settings have them: a server of the user's own, the services with a key, those of the file.

import { ConfigError } from "../../../config/config-error.ts";
import type { Config, UpstreamSettings } from "../../../config/config-schema.ts";
import { version } from "../../../config/version.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { UpstreamLimits } from "../../../contract/limits.ts";
import type { Upstream } from "../../../contract/upstream.ts";
import type { AttachmentLoader } from "../../../attachments/load-attachment.ts";
import type { HttpClient } from "../../../outbound/http-client.ts";
import type { Log } from "../../../telemetry/log.ts";
import { baseUrlOf } from "./base-url.ts";
import { createDetectedUpstream } from "./detected-upstream.ts";
import type { DialectName } from "../dialect.ts";
import { dialects } from "../dialects/index.ts";
import { limitsOf } from "./plan-limits.ts";
import { createOpenAICompatibleUpstream } from "../upstream.ts";

export interface UpstreamSurroundings {
  readonly http: HttpClient;
  readonly attachments: AttachmentLoader;
  readonly clock: Clock;
  readonly log: Log;
}

/** One upstream with everything that the settings leave open filled in. */
export interface ConfiguredUpstream {
  readonly name: string;
  /** Undefined: it is found out by asking the server. */
  readonly dialect: DialectName | undefined;
  readonly baseUrl: string;
  readonly keys: readonly string[];
  readonly models: readonly string[];
  readonly defaultModel: string | undefined;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly limits: UpstreamLimits;
}

/** Names that are taken: by the web backend. */
const takenNames: ReadonlySet<string> = new Set(["qwen-web"]);

/** @throws {ConfigError} that lists every upstream which cannot be reached as it is set */
export function listConfiguredUpstreams(config: Config): readonly ConfiguredUpstream[] {
  const problems: string[] = [];
  const configured: ConfiguredUpstream[] = [];
  for (const settings of [...ofEnvironment(config), ...(config.upstreams ?? [])]) {
    const problem = configured.some(({ name }) => name === settings.name) ? "its name is taken" : undefined;
    const upstream = complete(settings, config);
    if (typeof upstream !== "string" && problem === undefined && !takenNames.has(settings.name))
      configured.push(upstream);
    else
      problems.push(
        `Cannot use the upstream "${settings.name}": ${typeof upstream === "string" ? upstream : (problem ?? "its name is taken")}`,
      );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return configured;
}

/** @throws {ConfigError} as `listConfiguredUpstreams` */
export function createConfiguredUpstreams(config: Config, surroundings: UpstreamSurroundings): readonly Upstream[] {
  const told = new Set<string>();
  return listConfiguredUpstreams(config).map((upstream) => {
    const log = surroundings.log.with({ component: upstream.name });
    const notice = upstream.dialect === undefined ? undefined : dialects[upstream.dialect].notice;
    if (notice !== undefined && !told.has(notice)) {
      told.add(notice);
      log.warn(notice);
    }
    const { dialect, ...rest } = upstream;
    const options = {
      ...rest,
      http: surroundings.http,
      attachments: surroundings.attachments,
      maxLineBytes: config.maxLineBytes,
      maxCooldownMs: config.accountCooldownMaxMs,
      userAgent: `qwen-gateway/${version}`,
      clock: surroundings.clock,
      log,
    };
    return dialect === undefined
      ? createDetectedUpstream(options)
      : createOpenAICompatibleUpstream({ ...options, dialect: dialects[dialect] });
  });
}

function ofEnvironment(config: Config): readonly UpstreamSettings[] {
  const settings: UpstreamSettings[] = [];
  if (config.upstreamBaseUrl !== undefined) {
    settings.push({
      name: "upstream",
      base_url: config.upstreamBaseUrl,
      api_keys: [...config.upstreamApiKey],
      models: [...config.upstreamModels],
      ...rates(config.upstreamMaxConcurrent, config.upstreamRequestsPerMinute, config.upstreamTokensPerMinute),
      ...(config.upstreamDialect === undefined ? {} : { dialect: config.upstreamDialect }),
    });
  }
  if (config.dashscopeApiKey.length > 0) {
    const { dashscopePlan: plan, dashscopeRegion: region, dashscopeTier: tier } = config;
    settings.push({
      name: "dashscope",
      dialect: plan === undefined ? "dashscope" : "dashscope-plans",
      api_keys: [...config.dashscopeApiKey],
      ...(plan === undefined ? {} : { plan }),
      ...(region === undefined ? {} : { region }),
      ...(tier === undefined ? {} : { tier }),
      ...rates(config.dashscopeMaxConcurrent, config.dashscopeRequestsPerMinute, config.dashscopeTokensPerMinute),
    });
  }
  if (config.modelscopeApiKey.length > 0) {
    settings.push({ name: "modelscope", dialect: "modelscope", api_keys: [...config.modelscopeApiKey] });
  }
  return settings;
}

function rates(
  maxConcurrent: number | undefined,
  requests: number | undefined,
  tokens: number | undefined,
): Pick<UpstreamSettings, "max_concurrent" | "requests_per_minute" | "tokens_per_minute"> {
  return {
    ...(maxConcurrent === undefined ? {} : { max_concurrent: maxConcurrent }),
    ...(requests === undefined ? {} : { requests_per_minute: requests }),
    ...(tokens === undefined ? {} : { tokens_per_minute: tokens }),
  };
}

/** @returns what is wrong with it, in words that follow a colon */
function complete(settings: UpstreamSettings, config: Config): ConfiguredUpstream | string {
  const { name, dialect, region, plan, workspace, api_keys: keys = [] } = settings;
  if (dialect === undefined && settings.base_url === undefined) return "it needs a base_url, or a dialect that has one";
  const baseUrl = settings.base_url ?? (dialect && baseUrlOf(dialect, { region, plan, workspace }));
  if (baseUrl === undefined)
    return `${dialect} is not served in "${region ?? ""}": name its base_url, or another region`;
  if (dialect !== undefined && dialects[dialect].needsKey && keys.length === 0) return "it needs a key: set api_keys";
  return {
    name,
    dialect,
    baseUrl: baseUrl.replace(/\/+$/, ""),
    keys,
    models: settings.models ?? [],
    defaultModel: settings.default_model,
    headers: withLowerCaseNames(settings.headers ?? {}),
    limits: limitsOf(settings, config),
  };
}

/** Names are written as anybody likes: beside the gateway's own, one header would go out twice. */
function withLowerCaseNames(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
