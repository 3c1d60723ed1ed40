// A secret that the gateway makes for itself and keeps in a file of the data directory, readable by its owner.

import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "../contract/thrown.ts";
import { ConfigError } from "./config-error.ts";

export interface SecretFile {
  readonly secret: string;
  /** Made just now. */
  readonly created: boolean;
}

/**
 * Creates the directory (mode 0700) and the file (mode 0600) where they are missing.
 * @throws {ConfigError} when it is there and empty, or no file; a system error when it cannot be written
 */
export function loadOrCreateSecret(path: string, create: () => string): SecretFile {
  const known = readSecret(path);
  if (known !== undefined) return { secret: known, created: false };

  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const secret = create();
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, `${secret}\n`, { mode: 0o600, flag: "wx", flush: true });
    // A link appears whole or not at all: of two processes that start at once, one secret wins and both use it.
    linkSync(draft, path);
    return { secret, created: true };
  } catch (error) {
    const winner = readSecret(path);
    if (winner === undefined) throw error;
    return { secret: winner, created: false };
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The same of a key that clients send. @throws {ConfigError} also when it is none, such as several lines */
export function loadOrCreateKey(path: string, create: () => string): SecretFile {
  const file = loadOrCreateSecret(path, create);
  if (/\s/.test(file.secret)) throw unfit(path, "it must hold one key without white space");
  return file;
}

function readSecret(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return undefined;
    // Container engines make one of a file that they are to mount and do not find.
    if (code === "EISDIR") throw unfit(path, "it is a folder");
    throw error;
  }
  // An empty key would let everybody in.
  if (text === "") throw unfit(path, "the file is empty; restore it from a copy, or delete it to have a new one made");
  return text;
}

function unfit(path: string, reason: string): ConfigError {
  return new ConfigError([`Cannot use "${path}": ${reason}`]);
}
