// One frozen Config out of defaults, YAML file, environment and flags, later ones first. Every problem is told at once.

import { Check, Errors } from "typebox/schema";
import { briefOf } from "../contract/excerpt.ts";
import { reasonOf } from "../contract/thrown.ts";
import { type Config, type ConfigKey, configSchema } from "./config-schema.ts";
import { ConfigError } from "./config-error.ts";
import { allowedValues, isWordList, listSettings, type Setting } from "./config-names.ts";
import { defaultDataDir } from "./default-data-dir.ts";
import { nearestName } from "./nearest-name.ts";
import { findOddParts, wrongParts } from "./wrong-parts.ts";

export type Origin = "default" | "file" | "environment" | "flag";
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigSources {
  readonly environment: Environment;
  /** By kebab-case name without hyphens; a switch holds "true" or "false". */
  readonly flags: Readonly<Record<string, string>>;
  /** The text of the YAML file, and its path for messages. */
  readonly file?: { readonly path: string; readonly text: string };
}

export interface LoadedConfig {
  readonly config: Config;
  /** Where each value came from. A key that is not set anywhere counts as default. */
  readonly origins: Readonly<Record<ConfigKey, Origin>>;
}

/** A value as it was found, and the name by which the user knows it. */
interface Found {
  readonly origin: Origin;
  readonly name: string;
  readonly written: unknown;
  readonly value: unknown;
}

/** @throws {ConfigError} that lists every wrong value and unknown name. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const settings = listSettings();
  const problems: string[] = [];
  const file = readFile(sources.file, settings, problems);
  refuseUnknownFlags(sources.flags, settings, problems);

  const found = new Map<string, Found>();
  for (const setting of settings) {
    const value = find(setting, sources, file);
    if (value !== undefined) found.set(setting.key, value);
  }
  const values = Object.fromEntries([...found].map(([key, { value }]) => [key, value]));
  // Compiled checks are for what comes often: this one would cost 6 MB and 7 ms of the start instead of 2 MB and 2 ms.
  // It narrows to the schema's own type, which is Config but for its mutable lists.
  const isSound = Check(configSchema, values);
  const odd = isSound ? findOddParts(values) : new Map<string, readonly string[]>();
  if (isSound && odd.size === 0 && problems.length === 0) {
    return { config: freeze(values), origins: originsOf(settings, found) };
  }
  const parts = isSound ? odd : wrongParts(Errors(configSchema, values)[1]);
  for (const setting of settings) {
    const value = found.get(setting.key);
    const wrong = parts.get(setting.key);
    if (value !== undefined && wrong !== undefined) problems.push(describeWrong(setting, value, wrong));
  }
  throw new ConfigError(problems);
}

/** The most specific source that has a word on this setting. */
function find(setting: Setting, sources: ConfigSources, file: ReadonlyMap<string, unknown>): Found | undefined {
  const flag = sources.flags[setting.flagName];
  if (flag !== undefined) {
    return { origin: "flag", name: `--${setting.flagName}`, written: flag, value: fromText(setting, flag.trim()) };
  }
  // Secrets that are mounted as files often end with a line end.
  const variable = sources.environment[setting.environmentName]?.trim();
  if (variable !== undefined && variable !== "") {
    const value = fromText(setting, variable);
    return { origin: "environment", name: setting.environmentName, written: variable, value };
  }
  const entry = file.get(setting.fileName);
  if (entry !== undefined && entry !== null) {
    return { origin: "file", name: setting.fileName, written: entry, value: fromFile(setting, entry) };
  }
  const value = defaultOf(setting, sources.environment);
  if (value === undefined) return undefined;
  return { origin: "default", name: setting.environmentName, written: value, value };
}

function defaultOf({ key, schema }: Setting, environment: Environment): unknown {
  if (key === "dataDir") return defaultDataDir(environment);
  // A user who has to go through a proxy has told so to every program.
  if (key === "transport" && proxyNames.some((name) => environment[name] || environment[name.toLowerCase()]))
    return "fetch";
  return schema.default;
}

const proxyNames = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];

/** Text to the setting's type; text that does not fit stays as it is, for the check to refuse. */
function fromText(setting: Setting, text: string): unknown {
  // Any other word means off here: people write DEBUG_STREAMING=0 and DEBUG_STREAMING=no.
  if (setting.key === "debugStreaming") return text === "true";
  switch (setting.schema.type) {
    case "integer":
      return /^-?[0-9]+$/.test(text) ? Number(text) : text;
    case "number":
      return /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : text;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : text;
    case "array":
      return isWordList(setting.schema) ? listFromText(text) : objectFromText(text);
    case "object":
      return objectFromText(text);
    default:
      // A number, or a word in its place.
      if (typeof setting.schema.default === "number" && /^[0-9]+$/.test(text)) return Number(text);
      return setting.schema.format === "uri" ? addressFromText(text) : text;
  }
}

/** As others spell it, so that one server has one address. What is refused, such as a password, stays as it is. */
function addressFromText(text: string): string {
  const [origin] = /^https?:\/\/[^\s/\\?#@]+(?![^/])/.exec(text) ?? [];
  const known =
    origin !== undefined && URL.canParse(origin) ? new URL(origin).origin + text.slice(origin.length) : text;
  return known.replace(/\/+$/, "");
}

function objectFromText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Stays as it is, for the check to refuse.
    return text;
  }
}

/** A text that names nothing, such as ",", is a mistake and not an empty list. */
function listFromText(text: string): unknown {
  const items = text.split(",").map((item) => item.trim());
  const named = items.filter((item) => item !== "");
  return named.length === 0 ? text : named;
}

/** YAML has types of its own; only where it holds text for a list or an address is there something to do. */
function fromFile(setting: Setting, entry: unknown): unknown {
  if (setting.key === "debugStreaming") return entry === true || entry === "true";
  if (typeof entry !== "string") return entry;
  const { type } = setting.schema;
  return type === "integer" || type === "boolean" ? entry : fromText(setting, entry.trim());
}

function readFile(
  file: ConfigSources["file"],
  settings: readonly Setting[],
  problems: string[],
): ReadonlyMap<string, unknown> {
  if (file === undefined) return new Map();
  let parsed: unknown;
  try {
    parsed = Bun.YAML.parse(file.text);
  } catch (error) {
    throw new ConfigError([
      `Cannot read config file "${file.path}": ${reasonOf(error)}, in line ${lineOfFault(file.text)}`,
    ]);
  }
  if (parsed === null || parsed === undefined) return new Map();
  if (typeof parsed !== "object" || Array.isArray(parsed)) {
    throw new ConfigError([`Cannot read config file "${file.path}": it must hold lines such as "port: 8787"`]);
  }
  const names = settings.map((setting) => setting.fileName);
  const entries = Object.entries(parsed).map(([name, value]) => [pastedNames.get(name) ?? name, value] as const);
  for (const [name] of entries) {
    if (names.includes(name)) continue;
    problems.push(`Unknown key "${name}" in config file "${file.path}"${didYouMean(nearestName(name, names), "")}`);
  }
  refuseTwins(file, names, problems);
  return new Map(entries);
}

/** The runtime's parser takes the last of them, and what stands above it has no effect. Whatever lies deeper is indented. */
function refuseTwins(
  { path, text }: NonNullable<ConfigSources["file"]>,
  names: readonly string[],
  problems: string[],
): void {
  if (inBraces.test(text)) return;
  const lines = new Map<string, number>();
  for (const [index, line] of text.split("\n").entries()) {
    const written = keyOfLine.exec(line)?.[2] ?? "";
    const name = pastedNames.get(written) ?? written;
    if (!names.includes(name)) continue;
    const first = lines.get(name);
    if (first === undefined) lines.set(name, index + 1);
    else
      problems.push(
        `Key "${name}" stands twice in config file "${path}", in lines ${first} and ${index + 1}: write it once`,
      );
  }
}

/** As JSON, where lines need not be indented. */
const inBraces = /^\ufeff?(?:\s|#.*\n)*\{/;
const keyOfLine = /^\ufeff?(["']?)(\w+)\1\s*:(?:\s|$)/;

/** As other programs write them, from whose files people paste. */
const pastedNames: ReadonlyMap<string, string> = new Map([["mcpServers", "mcp_servers"]]);

/** The runtime's parser tells no place: what stands before the fault is YAML by itself. */
function lineOfFault(text: string): number {
  const lines = text.split("\n");
  const isSound = (count: number): boolean => {
    try {
      Bun.YAML.parse(lines.slice(0, count).join("\n"));
      return true;
    } catch {
      return false;
    }
  };
  let count = lines.length - 1;
  while (count > 0 && !isSound(count)) count -= 1;
  return count + 1;
}

function refuseUnknownFlags(flags: ConfigSources["flags"], settings: readonly Setting[], problems: string[]): void {
  const names = settings.map((setting) => setting.flagName);
  for (const name of Object.keys(flags)) {
    if (names.includes(name)) continue;
    problems.push(`Unknown flag --${name}${didYouMean(nearestName(name, names), "--")}`);
  }
}

function didYouMean(name: string | undefined, prefix: string): string {
  return name === undefined ? "" : `: did you mean ${prefix}${name}?`;
}

function describeWrong(setting: Setting, { origin, name, written }: Found, parts: readonly string[]): string {
  const where = origin === "file" ? " in the config file" : "";
  const quoted = setting.schema.writeOnly === true ? "" : ` ${quote(written)}`;
  const details = isWordList(setting.schema) || parts.length === 0 ? "" : ` ${parts.join(", ")};`;
  const advice = origin === "file" ? adviceOnQuotes(setting, written) : "";
  return `Cannot use ${name}${quoted}${where}:${details} it must be ${allowedValues(setting)}${advice}`;
}

function adviceOnQuotes(setting: Setting, written: unknown): string {
  if (lacksQuotes(setting, written)) return "; what YAML takes for a number or a truth value has to stand in quotes";
  return isQuotedInVain(setting, written) ? "; write it without quotes" : "";
}

/** It would do from any other source. */
function isQuotedInVain(setting: Setting, written: unknown): boolean {
  return typeof written === "string" && typeof fromFile(setting, written) !== typeof fromText(setting, written.trim());
}

/** A key of digits alone is a number there, and has lost its zeros. */
function lacksQuotes({ schema }: Setting, written: unknown): boolean {
  if (schema.type !== "string" && !isWordList(schema)) return false;
  const parts: readonly unknown[] = Array.isArray(written) ? written : [written];
  return parts.some((part) => typeof part === "number" || typeof part === "boolean");
}

const longestQuote = 100;

function quote(value: unknown): string {
  const text = (JSON.stringify(value) ?? String(value)).replace(/\/\/[^/\s"]*@/g, "//****@");
  return briefOf(text, longestQuote);
}

function originsOf(settings: readonly Setting[], found: ReadonlyMap<string, Found>): LoadedConfig["origins"] {
  const entries = settings.map(({ key }) => [key, found.get(key)?.origin ?? "default"]);
  // Every key of the schema is among the settings.
  return Object.freeze(Object.fromEntries(entries)) as LoadedConfig["origins"];
}

function freeze(config: Config): Config {
  const entries = Object.entries(config);
  const copies = entries.map(([key, value]) => [key, Array.isArray(value) ? Object.freeze([...value]) : value]);
  // Same keys, same values: only the lists are copies, so that the schema's defaults stay untouched.
  return Object.freeze(Object.fromEntries(copies)) as Config;
}
