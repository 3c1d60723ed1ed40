// What the commands about a whole data directory share: where it is, and how they fail.

import { BackupError } from "../../backup/backup-error.ts";
import type { Config } from "../../config/config-schema.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { type CommandContext, type ExitCode, type Flag, type FlagValues, UsageError } from "../command.ts";
import { configFlags, loadCommandConfig, sourceFlagNames } from "../config-flags.ts";
import { complainOf } from "../complain-of.ts";
import { awaitStopSignal } from "../stop-signals.ts";

const settings = new Set([...sourceFlagNames, "data-dir"]);

export function dataFlags(): readonly Flag[] {
  return configFlags().filter(({ name }) => settings.has(name));
}

export const fileFlag: Flag = { name: "file", value: "FILE", description: "The backup" };

/** @throws {UsageError} when none is named */
export function fileOf(flags: FlagValues): string {
  const { file } = flags;
  if (file === undefined || file === "") throw new UsageError("Name the file of the backup");
  return file;
}

export async function withDataDirectory(
  flags: FlagValues,
  context: CommandContext,
  work: (config: Config) => Promise<ExitCode> | ExitCode,
): Promise<ExitCode> {
  const ofSettings = Object.entries(flags).filter(([name]) => settings.has(name));
  const { config } = loadCommandConfig(Object.fromEntries(ofSettings), context);
  try {
    return await work(config);
  } catch (error) {
    return complainOf(error, [GatewayError, BackupError], config, context);
  }
}

/**
 * Aborted when somebody ends the command in the middle, so that it can put away its copies: with the keys in them they are as
 * large as the databases, and hidden. A second signal ends it at once.
 */
export function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  const stopped = new BackupError("Stopped before it was done: everything is as it was");
  void awaitStopSignal(process, () => process.exit(1)).then(() => stopping.abort(stopped));
  return stopping.signal;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
