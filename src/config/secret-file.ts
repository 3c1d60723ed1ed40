// A secret that the gateway makes for itself and keeps in a file of the data directory, readable by its owner.

import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export interface SecretFile {
  readonly secret: string;
  /** Made just now. */
  readonly created: boolean;
}

/**
 * Creates the directory (mode 0700) and the file (mode 0600) where they are missing.
 * @throws when the directory cannot be written, or the file exists and is empty.
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

function readSecret(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  // An empty key would let everybody in.
  if (text === "") throw new Error(`Cannot use "${path}": the file is empty; delete it to have a new key made`);
  return text;
}
