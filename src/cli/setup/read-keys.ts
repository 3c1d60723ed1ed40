// Keys from where a flag says: a file, standard input, a variable. Never from the flag itself, which everybody can see.

import { readFileSync } from "node:fs";
import { type CommandContext, UsageError } from "../command.ts";
import { splitKeys } from "./find-keys.ts";

export const keySource = "FILE|-|env:NAME";

/** @throws {UsageError} that quotes nothing: what was written may be the key */
export async function readKeys(flag: string, source: string, context: CommandContext): Promise<readonly string[]> {
  const keys = splitKeys(await readSource(flag, source, context));
  if (keys !== undefined) return keys;
  throw new UsageError(`Cannot use --${flag}: there is no key where it says; keys are words without white space`);
}

async function readSource(flag: string, source: string, context: CommandContext): Promise<string> {
  if (source === "-") return context.readInput(`Paste the key for --${flag}, then press Enter and Ctrl-D:`);
  if (source.startsWith("env:")) return context.environment[source.slice("env:".length)] ?? "";
  try {
    return readFileSync(source, "utf8");
  } catch {
    // The reason is left out with the name: both tell of a key that was written here by mistake.
    throw new UsageError(
      `Cannot read a file for --${flag}: it takes the path of a file, "-" for standard input or env:NAME; never the key itself, since other users of this machine can see flags`,
    );
  }
}
