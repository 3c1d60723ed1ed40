// The settings as flags of a command, and a command's flags back to a checked Config.

import { readFileSync } from "node:fs";
import { ConfigError } from "../config/config-error.ts";
import { listSettings, type Setting } from "../config/config-names.ts";
import { type LoadedConfig, loadConfig } from "../config/load-config.ts";
import type { CommandContext, Flag, FlagValues } from "./command.ts";

const configFileFlag: Flag = { name: "config", value: "FILE", description: "YAML file with settings" };

export function configFlags(): readonly Flag[] {
  return [configFileFlag, ...listSettings().map(toFlag)];
}

/** @throws {ConfigError} also when the file cannot be read. */
export function loadCommandConfig(values: FlagValues, context: CommandContext): LoadedConfig {
  const { config: path, ...flags } = values;
  const sources = { environment: context.environment, flags };
  if (path === undefined) return loadConfig(sources);
  return loadConfig({ ...sources, file: { path, text: readText(path) } });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? reasons[String(error.code)] : undefined;
    throw new ConfigError([`Cannot read config file "${path}": ${reason ?? String(error)}`]);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
};

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
