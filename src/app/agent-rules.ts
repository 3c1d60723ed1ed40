// The agent's rules for single callers, as the settings write them: by beginnings of keys and names of users.

import type { CallerRules } from "../agent/engine/caller-rules.ts";
import { ConfigError } from "../config/config-error.ts";
import type { Config } from "../config/config-schema.ts";
import { callerOfKey } from "../server/api-keys.ts";
import { callerOfSubject } from "../server/auth/caller-of-subject.ts";

/**
 * @param apiKeys those that count, a generated one included
 * @throws {ConfigError} for a rule whose keys are none of these: a word that was mistyped must not pass for a rule
 */
export function readAgentRules(rules: Config["agentRules"] = [], apiKeys: readonly string[]): readonly CallerRules[] {
  return rules.map(({ keys = [], users = [], confirm, allow, ask, deny }, index) => {
    const callers = new Set<string>();
    for (const pattern of keys) {
      const fitting = apiKeys.filter((key) => fitsText(pattern, key));
      if (fitting.length === 0)
        throw new ConfigError([`Cannot use AGENT_RULES: "keys" in entry ${index + 1} fits none of API_KEY`]);
      for (const key of fitting) callers.add(callerOfKey(key));
    }
    const patterns: string[] = [];
    for (const pattern of users) {
      if (pattern.includes("*")) patterns.push(`user:${pattern}`);
      else callers.add(callerOfSubject(pattern) ?? "");
    }
    return {
      fits: (caller) => callers.has(caller) || patterns.some((pattern) => fitsText(pattern, caller)),
      ...(confirm === undefined ? {} : { confirm }),
      ...(allow === undefined ? {} : { allow }),
      ...(ask === undefined ? {} : { ask }),
      ...(deny === undefined ? {} : { deny }),
    };
  });
}

/** `*` stands for anything; capitals count, as they do in keys and tokens. */
function fitsText(pattern: string, text: string): boolean {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(text);
}
