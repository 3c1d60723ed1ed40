// The key that a container makes for itself when it is given none: kept in the data directory, readable by its owner.

import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILE_NAME = "api-key";

export interface ApiKeyFile {
  readonly key: string;
  /** Made just now: the one time that it may be printed. */
  readonly created: boolean;
}

/**
 * Creates the data directory (mode 0700) and the key (mode 0600) where they are missing.
 * @throws when the directory cannot be written, or the file exists and holds no key.
 */
export function loadOrCreateApiKey(dataDir: string): ApiKeyFile {
  const path = join(dataDir, FILE_NAME);
  const known = readKey(path);
  if (known !== undefined) return { key: known, created: false };

  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const key = `qg-${randomBytes(24).toString("base64url")}`;
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, `${key}\n`, { mode: 0o600, flag: "wx", flush: true });
    // A link appears whole or not at all: of two processes that start at once, one key wins and both use it.
    linkSync(draft, path);
    return { key, created: true };
  } catch (error) {
    const winner = readKey(path);
    if (winner === undefined) throw error;
    return { key: winner, created: false };
  } finally {
    rmSync(draft, { force: true });
  }
}

function readKey(path: string): string | undefined {
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
