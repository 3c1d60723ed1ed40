// The names that a setting goes by, derived mechanically from its key: FIRST_BYTE_TIMEOUT_MS in the environment,
// first_byte_timeout_ms in the file, --first-byte-timeout-ms as a flag.

import { type ConfigKey, configSchema } from "./config-schema.ts";

/** What help, errors and the published schema need of a setting's schema. */
export interface SettingSchema {
  readonly type?: "string" | "integer" | "number" | "boolean" | "array" | "object";
  readonly enum?: readonly (string | number)[];
  /** A number, or a word in its place. */
  readonly anyOf?: readonly unknown[];
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
  /** The value is a secret. */
  readonly writeOnly?: boolean;
  /** Of a list. */
  readonly items?: { readonly type?: string };
  /** The range in words. */
  readonly allowed?: string;
}

export interface Setting {
  readonly key: ConfigKey;
  readonly environmentName: string;
  readonly fileName: string;
  /** Without the two hyphens. */
  readonly flagName: string;
  readonly schema: SettingSchema;
}

function words(key: string): string[] {
  return key.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
}

function setting(key: ConfigKey): Setting {
  const snakeCase = words(key).join("_");
  return {
    key,
    environmentName: snakeCase.toUpperCase(),
    fileName: snakeCase,
    flagName: words(key).join("-"),
    schema: configSchema.properties[key],
  };
}

/** All settings in the order of the schema. */
export function listSettings(): readonly Setting[] {
  // Object.keys is typed string[] although the schema's keys are exactly these.
  return (Object.keys(configSchema.properties) as ConfigKey[]).map(setting);
}

/** A list of words may be written as text with commas; any other list is JSON. */
export function isWordList({ type, items }: SettingSchema): boolean {
  return type === "array" && items?.type === "string";
}

/** The range of a setting in words that follow "must be". */
export function allowedValues({ schema }: Setting): string {
  if (schema.allowed !== undefined) return schema.allowed;
  if (schema.enum !== undefined) return `one of ${schema.enum.map((value) => `"${value}"`).join(", ")}`;
  if (schema.type === "boolean") return `"true" or "false"`;
  return `a whole number from ${schema.minimum} to ${schema.maximum}`;
}
