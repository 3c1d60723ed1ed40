// qwen-gateway keys rotate-master: stored credentials sealed anew, under a gateway that runs or beside none.

import { ConfigError } from "../../config/config-error.ts";
import type { Config } from "../../config/config-schema.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { rotateMasterKey, type Rotation } from "../../credentials/rotate-master-key.ts";
import { DatabaseInUse, lockDatabase } from "../../store/lock-database.ts";
import { openConfiguredStore } from "../../app/open-store.ts";
import { databasePath } from "../../store/sqlite/open-store.ts";
import { createLog } from "../../telemetry/create-log.ts";
import type { Command, CommandContext, ExitCode } from "../command.ts";
import { configFlags, loadCommandConfig, storeFlagNames } from "../config-flags.ts";
import { complainOf } from "../complain-of.ts";

/** Where what is sealed is, and what it is sealed with. Keys do not belong on a command line. */
const settings = new Set(storeFlagNames);
const afterReload = "after-reload";

/** A renewal takes seconds. */
const patienceMs = 15_000;
const retryMs = 200;

export function rotateMasterCommand(): Command {
  return {
    name: "keys rotate-master",
    summary: "Encrypts stored accounts with another master key",
    example: "qwen-gateway keys rotate-master",
    flags: [
      {
        name: afterReload,
        description: "With MASTER_KEY: the gateway that runs has been reloaded with both keys and knows the new one",
      },
      ...configFlags().filter(({ name }) => settings.has(name)),
    ],
    notes:
      "With the key file of DATA_DIR: makes a new key, and a gateway that runs goes on with it by itself.\n" +
      "With MASTER_KEY: set it to the new key and MASTER_KEY_PREVIOUS to the old one, reload the gateway, run this command with\n" +
      "the same settings, then take MASTER_KEY_PREVIOUS away. It can be repeated whenever it was interrupted.",
    async run(flags, context) {
      const ofSettings = Object.entries(flags).filter(([name]) => settings.has(name));
      const { config } = loadCommandConfig(Object.fromEntries(ofSettings), context);
      try {
        if (config.masterKey !== undefined && flags[afterReload] !== "true") requireNobody(config);
        return tell(await rotate(config), context);
      } catch (error) {
        return complainOf(error, [GatewayError, DatabaseInUse, ConfigError], config, context);
      }
    },
  };
}

/** A gateway that knows the former key alone would lose its accounts. */
function requireNobody({ dataDir, storeUrl }: Config): void {
  // Who runs on other machines is not to be seen from here.
  if (storeUrl !== undefined) throw mayRun("all gateways of this store");
  try {
    lockDatabase(databasePath(dataDir))?.[Symbol.dispose]();
  } catch (error) {
    if (!(error instanceof DatabaseInUse)) throw error;
    throw mayRun("it");
  }
}

function mayRun(whom: string): GatewayError {
  return new GatewayError(
    "internal",
    `Cannot change the master key under a gateway that may not know it: reload ${whom} with MASTER_KEY and MASTER_KEY_PREVIOUS, ` +
      `then repeat this with --${afterReload}; or stop ${whom}`,
  );
}

async function rotate(config: Config): Promise<Rotation> {
  const log = createLog({ level: "error", format: config.logFormat });
  const store = await openConfiguredStore(config, {
    ...{ clock: Date.now, log },
    sessionTimeoutMs: () => config.sessionTimeout,
  });
  try {
    return await whenNotRenewed(() => rotateMasterKey(store, config));
  } finally {
    await store.close();
  }
}

async function whenNotRenewed(work: () => Promise<Rotation>): Promise<Rotation> {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isPassing = error instanceof GatewayError && error.kind === "overloaded";
      if (!isPassing || performance.now() > deadlineMs) throw error;
      await Bun.sleep(retryMs);
    }
  }
}

function tell({ accounts, key }: Rotation, context: CommandContext): ExitCode {
  const count = accounts === 1 ? "1 account" : `${accounts} accounts`;
  if (key === "new") context.print(`Sealed ${count} with a new key, which is in the file master-key of DATA_DIR`);
  else if (accounts > 0) context.print(`Sealed ${count} with MASTER_KEY: MASTER_KEY_PREVIOUS is needed no more`);
  else context.print("All accounts are sealed with MASTER_KEY: there is nothing to do");
  return 0;
}
