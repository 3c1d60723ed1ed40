// What setup has found or was told: upstreams in the file's own words.

import type { UpstreamSettings } from "../../config/config-schema.ts";
import { withoutCredentials } from "../../outbound/without-credentials.ts";
import { baseUrlOf } from "../../upstreams/openai-compatible/servers/base-url.ts";
import { dialectOfHost } from "../../upstreams/openai-compatible/servers/detect-dialect.ts";
import { dialects } from "../../upstreams/openai-compatible/dialects/index.ts";

export interface Choice {
  readonly settings: UpstreamSettings;
  /** "found": nobody has asked for it, so that it may be left out when it does not work. */
  readonly origin: "found" | "given";
  /** Where its keys are from, such as a variable's name. */
  readonly source?: string;
}

export type Plan = NonNullable<UpstreamSettings["plan"]>;

export interface DashScopePlace {
  readonly region?: string | undefined;
  readonly plan?: Plan | undefined;
}

/** Keys of plans have a form of their own; which plan it is they do not say. */
export function looksLikePlan(key: string): boolean {
  return key.startsWith("sk-sp-");
}

export function dashscopeSettings(keys: readonly string[], { region, plan }: DashScopePlace): UpstreamSettings {
  return {
    name: "dashscope",
    dialect: plan === undefined ? "dashscope" : "dashscope-plans",
    api_keys: [...keys],
    ...(region === undefined ? {} : { region }),
    ...(plan === undefined ? {} : { plan }),
  };
}

export function modelscopeSettings(keys: readonly string[]): UpstreamSettings {
  return { name: "modelscope", dialect: "modelscope", api_keys: [...keys] };
}

/** A service that its host tells; undefined for any other host. */
export function serviceSettings(baseUrl: string, keys: readonly string[]): UpstreamSettings | undefined {
  const dialect = URL.canParse(baseUrl) ? dialectOfHost(new URL(baseUrl).hostname) : undefined;
  if (dialect === undefined) return undefined;
  const address = baseUrl.replace(/\/+$/, "");
  if (dialect === "modelscope") return { ...modelscopeSettings(keys), ...elsewhere(address, baseUrlOf(dialect)) };
  const place = Object.entries(dialects[dialect].baseUrls).find(([, url]) => url === address)?.[0];
  if (dialect === "dashscope") {
    return { ...dashscopeSettings(keys, { region: place }), ...elsewhere(address, place && address) };
  }
  const [plan, region] = place?.split("-") ?? [];
  const known = plan === "token" ? "token" : "coding";
  return { ...dashscopeSettings(keys, { region, plan: known }), ...elsewhere(address, place && address) };
}

/** The address is said where no region stands for it. */
function elsewhere(address: string, known: string | undefined): { base_url?: string } {
  return address === known ? {} : { base_url: address };
}

export function addressOf(settings: UpstreamSettings): string | undefined {
  const { dialect, base_url: baseUrl, region, plan, workspace } = settings;
  return (baseUrl ?? (dialect && baseUrlOf(dialect, { region, plan, workspace })))?.replace(/\/+$/, "");
}

/** In words for people, as they begin a sentence, without a secret. */
export function describeSettings(settings: UpstreamSettings): string {
  const { dialect, api_keys: keys = [] } = settings;
  const kind = dialect === undefined || dialect === "generic" ? "A server" : dialects[dialect].displayName;
  const keyWords = keys.length === 0 ? "" : keys.length === 1 ? " with 1 key" : ` with ${keys.length} keys`;
  return `${kind} at ${withoutCredentials(addressOf(settings) ?? "an unknown address")}${keyWords}`;
}

/** The same within a sentence. */
export function inSentence(title: string): string {
  return title.replace(/^The /, "the ").replace(/^A /, "a ");
}
