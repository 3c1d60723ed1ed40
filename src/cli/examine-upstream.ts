// Whether one OpenAI-compatible upstream serves: reached, key accepted, models, one short exchange through the real wing.
// Each finding is a line of the doctor; setup shows the same ones.

import type { Config } from "../config/config-schema.ts";
import { version } from "../config/version.ts";
import type { Clock } from "../contract/clock.ts";
import type { DoctorLine } from "../contract/doctor-line.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { isJsonObject } from "../contract/json.ts";
import type { Upstream } from "../contract/upstream.ts";
import type { HttpClient } from "../outbound/http-client.ts";
import { withoutCredentials } from "../outbound/without-credentials.ts";
import { silentLog } from "../telemetry/log.ts";
import { createCompatibleClient } from "../upstreams/openai-compatible/client.ts";
import type { ConfiguredUpstream } from "../upstreams/openai-compatible/servers/configured-upstreams.ts";
import { detectDialect } from "../upstreams/openai-compatible/servers/detect-dialect.ts";
import type { Dialect } from "../upstreams/openai-compatible/dialect.ts";
import { dialects } from "../upstreams/openai-compatible/dialects/index.ts";
import { UpstreamRefusal } from "../upstreams/openai-compatible/refusals/refusal.ts";
import { createOpenAICompatibleUpstream } from "../upstreams/openai-compatible/upstream.ts";
import { exchangeOnce } from "./exchange-once.ts";
import { adviceFor, describeFailure } from "./upstream-advice.ts";

export interface ExamineOptions {
  readonly http: HttpClient;
  readonly config: Pick<Config, "defaultModel" | "maxLineBytes" | "accountCooldownMaxMs">;
  readonly clock: Clock;
}

export interface Examined {
  readonly serves: boolean;
  /** The model that was asked. */
  readonly model: string | undefined;
  /** The model that requests get which name none, as the settings are. */
  readonly ownModel: string | undefined;
}

/** All questions about what kind of server it is. */
const detectTimeoutMs = 5000;
const listTimeoutMs = 10_000;

const failed: Examined = { serves: false, model: undefined, ownModel: undefined };

/** Each line as soon as it is known. Never throws for what it finds. */
export async function* examineUpstream(
  upstream: ConfiguredUpstream,
  options: ExamineOptions,
): AsyncGenerator<DoctorLine, Examined> {
  const { name } = upstream;
  const dialect = await recognise(upstream, options);
  const listings = await listByKey(upstream, dialect, options);
  const reach = reachLine(upstream, dialect, listings);
  yield reach;
  if (reach.verdict === "fail") return failed;

  yield* keyLines(upstream, dialect, listings);
  if (listings.every(isKeyRefused)) return failed;

  const ids = modelsOf(upstream, dialect, listings);
  const models = modelsLine(upstream, dialect, listings, ids);
  yield models;
  if (models.verdict === "fail") return failed;

  const { model, ownModel } = chooseModels(ids, upstream.defaultModel, options.config.defaultModel);
  const line = await exchangeLine(name, dialect, createWing(upstream, dialect, options), model, options);
  yield line;
  return { serves: line.verdict !== "fail", model, ownModel };
}

async function recognise(upstream: ConfiguredUpstream, { http }: ExamineOptions): Promise<Dialect> {
  if (upstream.dialect !== undefined) return dialects[upstream.dialect];
  const signal = AbortSignal.timeout(detectTimeoutMs);
  const { baseUrl, keys, headers } = upstream;
  const known = await detectDialect({ http, baseUrl, keys, headers, signal }).catch(() => undefined);
  return dialects[known?.dialect ?? "generic"];
}

/** What one key was told when it asked for the models. */
type Listing =
  | { readonly type: "list"; readonly ids: readonly string[] }
  | { readonly type: "refused"; readonly refusal: UpstreamRefusal }
  | { readonly type: "unreached"; readonly error: unknown };

async function listByKey(
  upstream: ConfiguredUpstream,
  dialect: Dialect,
  { http, clock }: ExamineOptions,
): Promise<readonly Listing[]> {
  const { name, baseUrl, headers } = upstream;
  const source = { upstream: name, displayName: dialect.displayName, rows: dialect.refusals };
  const client = createCompatibleClient({ dialect, http, baseUrl, source, userAgent, headers, clock });
  const secrets: readonly (string | undefined)[] = upstream.keys.length === 0 ? [undefined] : upstream.keys;
  return Promise.all(
    secrets.map(async (secret): Promise<Listing> => {
      try {
        const entries = await client.listModels(secret, AbortSignal.timeout(listTimeoutMs));
        return { type: "list", ids: entries.flatMap((entry) => idOf(entry) ?? []) };
      } catch (error) {
        return error instanceof UpstreamRefusal ? { type: "refused", refusal: error } : { type: "unreached", error };
      }
    }),
  );
}

const userAgent = `qwen-gateway/${version}`;

function idOf(entry: unknown): string | undefined {
  return isJsonObject(entry) && typeof entry["id"] === "string" && entry["id"] !== "" ? entry["id"] : undefined;
}

function reachLine(upstream: ConfiguredUpstream, dialect: Dialect, listings: readonly Listing[]): DoctorLine {
  const subject = upstream.name;
  const place = withoutCredentials(upstream.baseUrl);
  const answering = listings.find((listing) => listing.type !== "unreached");
  const silent = listings.find((listing) => listing.type === "unreached");
  if (answering === undefined && silent !== undefined) {
    const finding = `${place}: ${describeFailure(silent.error)}`;
    return { verdict: "fail", subject, finding, advice: adviceFor(silent.error, dialect) };
  }
  const kind =
    dialect.name === "generic"
      ? ""
      : `, ${upstream.dialect === undefined ? "found to be" : "as"} ${dialect.displayName}`;
  return { verdict: "ok", subject, finding: `${place} answers${kind}` };
}

function isKeyRefused(listing: Listing): boolean {
  return listing.type === "refused" && listing.refusal.reason === "auth";
}

function keyLines({ name, keys }: ConfiguredUpstream, dialect: Dialect, listings: readonly Listing[]): DoctorLine[] {
  const subject = `${name} key`;
  return listings.flatMap((listing, index): DoctorLine[] => {
    const which = keys.length > 1 ? `key ${index + 1} of ${keys.length}: ` : "";
    if (listing.type === "refused" && listing.refusal.reason === "auth") {
      const wanted = keys.length === 0 ? "it needs a key and has none" : describeFailure(listing.refusal);
      const verdict = listings.every(isKeyRefused) ? "fail" : "warn";
      return [{ verdict, subject, finding: which + wanted, advice: adviceFor(listing.refusal, dialect) }];
    }
    if (keys.length === 0 || listing.type !== "list") return [];
    return [{ verdict: "ok", subject, finding: `${which}accepted` }];
  });
}

function modelsOf(upstream: ConfiguredUpstream, dialect: Dialect, listings: readonly Listing[]): readonly string[] {
  if (upstream.models.length > 0) return upstream.models;
  const listed = listings.find((listing) => listing.type === "list");
  return listed === undefined ? dialect.models.fallback : listed.ids;
}

function modelsLine(
  upstream: ConfiguredUpstream,
  dialect: Dialect,
  listings: readonly Listing[],
  ids: readonly string[],
): DoctorLine {
  const subject = `${upstream.name} models`;
  const offered = `${ids.length}, such as ${ids.slice(0, 3).join(", ")}`;
  if (upstream.models.length > 0) return { verdict: "ok", subject, finding: `${offered}, by the settings` };
  const refused = listings.find((listing) => listing.type === "refused");
  const isListed = listings.some((listing) => listing.type === "list");
  if (ids.length > 0) {
    const finding = isListed ? offered : `no list could be had; known are ${offered}`;
    return { verdict: "ok", subject, finding };
  }
  if (isListed || refused === undefined) {
    const advice = "load or pull a model there first, such as: ollama pull qwen3:8b";
    return { verdict: "fail", subject, finding: "the list is empty", advice };
  }
  return {
    verdict: "fail",
    subject,
    finding: describeFailure(refused.refusal),
    advice: adviceFor(refused.refusal, dialect),
  };
}

/** By their names: what embeds, ranks, draws, hears or speaks does not chat. */
const noChat = /embed|rerank|whisper|tts|asr|image|speech|realtime|livetranslate|\bbge\b|\bwan\d/i;

function chooseModels(ids: readonly string[], own: string | undefined, common: string) {
  const ownModel = own ?? (ids.includes(common) ? common : ids[0]);
  const chatting = ids.filter((id) => !noChat.test(id));
  const isFit = own !== undefined || (ownModel !== undefined && !noChat.test(ownModel));
  const model = isFit ? ownModel : (chatting.find((id) => /qwen/i.test(id)) ?? chatting[0] ?? ids[0]);
  return { model, ownModel };
}

function createWing(upstream: ConfiguredUpstream, dialect: Dialect, { http, config, clock }: ExamineOptions): Upstream {
  const { maxLineBytes, accountCooldownMaxMs: maxCooldownMs } = config;
  return createOpenAICompatibleUpstream({
    ...upstream,
    dialect,
    http,
    maxLineBytes,
    maxCooldownMs,
    userAgent,
    clock,
    log: silentLog,
  });
}

async function exchangeLine(
  name: string,
  dialect: Dialect,
  wing: Upstream,
  model: string | undefined,
  { clock }: ExamineOptions,
): Promise<DoctorLine> {
  const subject = `${name} exchange`;
  const startedAtMs = clock();
  try {
    const said = await exchangeOnce(wing, model, clock);
    const took = `in ${((clock() - startedAtMs) / 1000).toFixed(1)} s`;
    if (said === "nothing") {
      const advice = "try again; if it stays so, choose another model by default_model of the upstream";
      return { verdict: "warn", subject, finding: `${model} answered with nothing`, advice };
    }
    return { verdict: "ok", subject, finding: `${model} ${said === "text" ? "answered" : "began to think"} ${took}` };
  } catch (error) {
    const finding = `${model ?? "the default model"}: ${describeFailure(error)}`;
    return { verdict: isPassing(error) ? "warn" : "fail", subject, finding, advice: adviceFor(error, dialect) };
  }
}

/** The upstream is there and lets us in: only now it is too busy. */
function isPassing(error: unknown): boolean {
  return error instanceof GatewayError && error.kind === "overloaded";
}
