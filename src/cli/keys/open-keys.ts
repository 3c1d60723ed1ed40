// What the commands about API keys share: the keys of the data directory, opened beside a running gateway.

import { ConfigError } from "../../config/config-error.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { createStoredKeys, type StoredKeys } from "../../server/auth/stored-keys.ts";
import { openConfiguredStore } from "../../app/open-store.ts";
import { createLog } from "../../telemetry/create-log.ts";
import { type CommandContext, type ExitCode, type Flag, type FlagValues, UsageError } from "../command.ts";
import { configFlags, loadCommandConfig, storeFlagNames } from "../config-flags.ts";
import { complainOf } from "../complain-of.ts";

/** The settings that say where the keys are. */
const settings = new Set(storeFlagNames);

export function keyFlags(): readonly Flag[] {
  return configFlags().filter(({ name }) => settings.has(name));
}

/** @param flags all flags of the command; those that are no settings are left out */
export async function withKeys(
  flags: FlagValues,
  context: CommandContext,
  work: (keys: StoredKeys) => Promise<ExitCode>,
): Promise<ExitCode> {
  const ofSettings = Object.entries(flags).filter(([name]) => settings.has(name));
  const { config } = loadCommandConfig(Object.fromEntries(ofSettings), context);
  try {
    const log = createLog({ level: "error", format: config.logFormat });
    const store = await openConfiguredStore(config, {
      ...{ clock: Date.now, log },
      sessionTimeoutMs: () => config.sessionTimeout,
    });
    try {
      return await work(createStoredKeys(store, Date.now));
    } finally {
      await store.close();
    }
  } catch (error) {
    if (error instanceof GatewayError && error.kind === "invalid-request") throw new UsageError(error.message);
    return complainOf(error, [GatewayError, ConfigError], config, context);
  }
}

/** The operand of commands about one key. @throws {UsageError} */
export function keyNamedBy(flags: FlagValues, verb: string): string {
  const which = flags["key"];
  if (which !== undefined && which !== "") return which;
  throw new UsageError(`Cannot ${verb} a key: name it by its prefix or name`);
}
