// The settings as flags of a command, and a command's flags back to a checked Config.

import { existsSync } from "node:fs";
import { ConfigError } from "../config/config-error.ts";
import { listSettings, type Setting } from "../config/config-names.ts";
import { defaultConfigPath } from "../config/default-config-path.ts";
import { withEnvFile } from "../config/env-file.ts";
import { type Environment, type LoadedConfig, loadConfig } from "../config/load-config.ts";
import { readSettingsFile } from "../config/settings-file.ts";
import type { CommandContext, Flag, FlagValues } from "./command.ts";

const configFileFlag: Flag = {
  name: "config",
  value: "FILE",
  description:
    "YAML file with settings (default: qwen-gateway/config.yaml in $XDG_CONFIG_HOME or ~/.config, if it is there)",
};

export const envFileFlag: Flag = {
  name: "env-file",
  value: "FILE",
  description:
    "File of environment variables, NAME=value, for those that are not set; unlike the environment it is read again by a reload",
};

/** Of flags that say where settings are. */
export const sourceFlagNames: readonly string[] = [configFileFlag.name, envFileFlag.name];

/** The same, and of those that say where a gateway keeps what it keeps: for commands that work beside one. */
export const storeFlagNames: readonly string[] = [...sourceFlagNames, "data-dir", "store-url"];

export function configFlags(): readonly Flag[] {
  return [configFileFlag, envFileFlag, ...listSettings().map(toFlag)];
}

export interface LoadedCommandConfig extends LoadedConfig {
  /** The file that was read. */
  readonly file: string | undefined;
  /** What the file of variables adds included. */
  readonly environment: Environment;
}

/** @throws {ConfigError} also when the file cannot be read; the one that nobody named may be missing. */
export function loadCommandConfig(values: FlagValues, context: CommandContext): LoadedCommandConfig {
  const { config: named, "env-file": envFile, ...flags } = values;
  const environment = envFile === undefined ? context.environment : withEnvFile(context.environment, envFile);
  const sources = { environment, flags };
  const path = named ?? defaultConfigPath(environment);
  // A home that this user may not enter, as services have it, holds no settings of theirs.
  const text = path === undefined || (named === undefined && !existsSync(path)) ? undefined : readConfigFile(path);
  if (named !== undefined && text === undefined) throw unreadable(named, "there is no such file");
  if (path === undefined || text === undefined) return { ...loadConfig(sources), file: undefined, environment };
  return { ...loadConfig({ ...sources, file: { path, text } }), file: path, environment };
}

/** Undefined: there is none. @throws {ConfigError} when it is there and cannot be read */
export function readConfigFile(path: string): string | undefined {
  const file = readSettingsFile(path);
  if ("text" in file) return file.text;
  if (file.isMissing) return undefined;
  throw unreadable(path, file.reason);
}

function unreadable(path: string, reason: string): ConfigError {
  return new ConfigError([`Cannot read config file "${path}": ${reason}`]);
}

function toFlag({ flagName, schema }: Setting): Flag {
  const { description = "" } = schema;
  const note = rangeAndDefault(schema);
  const text = note === "" ? description : `${description} (${note})`;
  if (schema.type === "boolean") return { name: flagName, description: text };
  return { name: flagName, value: placeholder(schema), description: text };
}

function placeholder(schema: Setting["schema"]): string {
  if (schema.type === "integer") return "NUMBER";
  if (schema.type === "array") return "LIST";
  return schema.format === "uri" ? "URL" : "TEXT";
}

function rangeAndDefault(schema: Setting["schema"]): string {
  const notes: string[] = [];
  if (schema.enum !== undefined) notes.push(schema.enum.join(" | "));
  if (schema.default !== undefined && !Array.isArray(schema.default)) notes.push(`default ${schema.default}`);
  return notes.join("; ");
}
