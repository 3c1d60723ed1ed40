// The agent's rules for single callers, as the settings write them: by beginnings of keys, names of stored keys, and names of
// users.

import type { CallerRules } from "../agent/engine/caller-rules.ts";
import { ConfigError } from "../config/config-error.ts";
import type { Config } from "../config/config-schema.ts";
import { callerOfKey } from "../server/auth/api-keys.ts";
import type { KeyNames, KeyRing } from "../server/auth/key-ring.ts";
import { callerOfSubject } from "../server/auth/caller-of-subject.ts";
import { prefixOf } from "../server/auth/stored-keys.ts";

/**
 * @param apiKeys those that count, a generated one included
 * @param keyRing of stored keys the beginning and the name are known; those that are made later are looked up then
 * @throws {ConfigError} for a rule whose keys are none of these: a word that was mistyped must not pass for a rule
 */
export function readAgentRules(
  rules: Config["agentRules"] = [],
  apiKeys: readonly string[],
  keyRing: Pick<KeyRing, "allNames" | "namesOf">,
): readonly CallerRules[] {
  return rules.map(({ keys = [], users = [], confirm, allow, ask, deny }, index) => {
    const callers = new Set<string>();
    for (const pattern of keys) {
      const fitting = apiKeys.filter((key) => fitsText(pattern, key));
      if (fitting.length === 0 && !keyRing.allNames().some((names) => fitsNames(pattern, names)))
        throw new ConfigError([
          `Cannot use AGENT_RULES: "keys" in entry ${index + 1} fits none of API_KEY, and no stored key by its prefix or name`,
        ]);
      for (const key of fitting) callers.add(callerOfKey(key));
    }
    const patterns: string[] = [];
    for (const pattern of users) {
      if (pattern.includes("*")) patterns.push(`user:${pattern}`);
      else callers.add(callerOfSubject(pattern) ?? "");
    }
    return {
      fits(caller) {
        if (callers.has(caller) || patterns.some((pattern) => fitsText(pattern, caller))) return true;
        const names = keyRing.namesOf(caller);
        return names !== undefined && keys.some((pattern) => fitsNames(pattern, names));
      },
      ...(confirm === undefined ? {} : { confirm }),
      ...(allow === undefined ? {} : { allow }),
      ...(ask === undefined ? {} : { ask }),
      ...(deny === undefined ? {} : { deny }),
    };
  });
}

/** A pattern may go on behind the prefix, or be a whole key: of which key it is, the prefix tells. */
function fitsNames(pattern: string, { prefix, name }: KeyNames): boolean {
  return fitsText(pattern, name) || fitsText(pattern, prefix) || prefixOf(pattern) === prefix;
}

/** `*` stands for anything; capitals count, as they do in keys and tokens. */
function fitsText(pattern: string, text: string): boolean {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(text);
}
