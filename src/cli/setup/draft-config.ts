// The config file as it will be with what was chosen: which keys change, the new text, and the change in words.

import type { UpstreamSettings } from "../../config/config-schema.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { addressOf, describeSettings, inSentence } from "./choice.ts";
import { editYaml, parseYaml } from "./edit-yaml.ts";

export interface Draft {
  readonly text: string;
  /** Something that stood in the file is gone from it. */
  readonly losesText: boolean;
  /** Nothing is different. */
  readonly isUnchanged: boolean;
  /** One line for each change, and one for what stays. No secrets. */
  readonly changes: readonly string[];
}

/** @param text of the file as it is; undefined: there is none */
export function draftConfig(text: string | undefined, chosen: readonly UpstreamSettings[]): Draft {
  const before = parseYaml(text ?? "");
  const changes = new Map<string, unknown>();
  const list: UpstreamSettings[] = [...listedUpstreams(before)];
  for (const settings of chosen) {
    const index = list.findIndex(({ name }) => name === settings.name);
    if (index >= 0) list[index] = renewed(list[index], settings);
    else if (isPlainService(settings) && !changes.has(`${settings.name}_api_key`)) {
      for (const [key, value] of serviceKeys(settings)) changes.set(key, value);
    } else list.push(settings);
  }
  if (list.length > 0 && !Bun.deepEquals(list, before["upstreams"])) changes.set("upstreams", list);
  for (const [key, value] of changes) if (Bun.deepEquals(before[key], value)) changes.delete(key);

  const { text: edited, losesText } = editYaml(text, changes);
  return {
    text: edited,
    losesText: text !== undefined && losesText,
    isUnchanged: changes.size === 0,
    changes: describeChanges(before, changes),
  };
}

/** As the file has them, which has been checked before. A list may also be written as JSON. */
function listedUpstreams(file: JsonObject): readonly UpstreamSettings[] {
  const written = file["upstreams"];
  const list: unknown = typeof written === "string" ? JSON.parse(written) : written;
  // The whole file went through loadConfig.
  return Array.isArray(list) ? (list as UpstreamSettings[]) : [];
}

/** What is said of an upstream elsewhere, keys and headers above all, is not meant for another address. */
function renewed(old: UpstreamSettings | undefined, settings: UpstreamSettings): UpstreamSettings {
  return old !== undefined && addressOf(old) === addressOf(settings) ? { ...old, ...settings } : settings;
}

/** Services that have settings of their own: the environment may then go before the file, key by key. */
function isPlainService({
  name,
  base_url: baseUrl,
  workspace,
  models,
  default_model: model,
}: UpstreamSettings): boolean {
  const isKnown = name === "dashscope" || name === "modelscope";
  return isKnown && baseUrl === undefined && workspace === undefined && models === undefined && model === undefined;
}

function serviceKeys({ name, api_keys: keys = [], region, plan }: UpstreamSettings): [string, unknown][] {
  const value = keys.length === 1 ? keys[0] : [...keys];
  if (name === "modelscope") return [["modelscope_api_key", value]];
  return [
    ["dashscope_api_key", value],
    // Of another key they would be wrong.
    ["dashscope_region", region],
    ["dashscope_plan", plan],
  ];
}

function describeChanges(before: JsonObject, changes: ReadonlyMap<string, unknown>): readonly string[] {
  const lines: string[] = [];
  for (const [key, value] of changes) {
    if (key === "upstreams" && Array.isArray(value)) lines.push(...describeUpstreams(before, value));
    else lines.push(describeKey(key, before[key], value));
  }
  const kept = Object.keys(before).filter((key) => !changes.has(key));
  if (kept.length > 0) lines.push(`stays: ${kept.join(", ")}`);
  return lines;
}

function describeUpstreams(before: JsonObject, after: readonly UpstreamSettings[]): readonly string[] {
  const known = listedUpstreams(before);
  return after.flatMap((settings) => {
    const old = known.find(({ name }) => name === settings.name);
    if (old === undefined) return [`new: upstream ${settings.name}, ${inSentence(describeSettings(settings))}`];
    if (Bun.deepEquals(old, settings)) return [];
    const moved = addressOf(old) === addressOf(settings) ? "" : ` (was ${inSentence(describeSettings(old))})`;
    return [`changed: upstream ${settings.name}, ${inSentence(describeSettings(settings))}${moved}`];
  });
}

function describeKey(key: string, before: unknown, after: unknown): string {
  const verb = before === undefined ? "new" : after === undefined ? "gone" : "changed";
  if (key.endsWith("_api_key")) {
    const count = Array.isArray(after) ? `${after.length} keys` : "1 key";
    return `${verb}: ${key}, ${count}`;
  }
  return `${verb}: ${key}${after === undefined || isJsonObject(after) ? "" : `, ${after}`}`;
}
