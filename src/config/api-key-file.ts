// The key that a container makes for itself when it is given none: kept in the data directory, readable by its owner.

import { join } from "node:path";
import { loadOrCreateKey } from "./secret-file.ts";

export interface ApiKeyFile {
  readonly key: string;
  /** Made just now: the one time that it may be printed. */
  readonly created: boolean;
}

/** Name of the file in the data directory. */
export const apiKeyName = "api-key";

/** @throws {ConfigError} when the file is there and holds no key; a system error when it cannot be written */
export function loadOrCreateApiKey(dataDir: string): ApiKeyFile {
  const path = join(dataDir, apiKeyName);
  const { secret, created } = loadOrCreateKey(
    path,
    () => `qg-${crypto.getRandomValues(Buffer.alloc(24)).toString("base64url")}`,
  );
  return { key: secret, created };
}
