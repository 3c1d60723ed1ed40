// The settings in force as JSON, for whoever looks after the gateway. Of a secret it tells only that there is one.

import type { Json } from "../contract/json.ts";
import { listSettings } from "./config-names.ts";
import type { Config } from "./config-schema.ts";

/** By environment name, in the order of the schema; what is not set is null. */
export function describeConfig(config: Config): Record<string, Json> {
  const described: Record<string, Json> = {};
  for (const { key, environmentName, schema } of listSettings()) {
    const value = config[key];
    const isUnset = value === undefined || (Array.isArray(value) && value.length === 0);
    if (schema.writeOnly === true) described[environmentName] = isUnset ? "not set" : "set";
    // Settings that are no secret are numbers, words, switches and lists of words.
    else described[environmentName] = value === undefined ? null : (value as Json);
  }
  return described;
}
