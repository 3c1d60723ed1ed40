// The keys and tokens that clients must present, as the settings have them.

import { apiKeyName, loadOrCreateApiKey } from "../config/api-key-file.ts";
import type { Config } from "../config/config-schema.ts";
import { isLoopback } from "../outbound/loopback-host.ts";
import type { JwtOptions, VerifyJwt } from "../server/auth/jwt.ts";
import { takesJwt } from "../server/auth/jwt-settings.ts";
import type { Log } from "../telemetry/log.ts";
import { showSecret } from "./show-secret.ts";

/** Loaded only where tokens are taken: what knows keys is large. */
export async function createConfiguredJwt(config: Config, options: JwtOptions): Promise<VerifyJwt | undefined> {
  if (!takesJwt(config)) return undefined;
  const { createJwtVerifier } = await import("../server/auth/jwt.ts");
  return createJwtVerifier(config, options);
}

/** A container that was given no key makes one; everywhere else missing keys mean: loopback only. */
export function chooseApiKeys(config: Config, log: Log): readonly string[] {
  const isProtected = config.apiKey.length > 0 || takesJwt(config) || isLoopback(config.host);
  if (isProtected || !config.generateApiKey) return config.apiKey;
  const { key, created } = loadOrCreateApiKey(config.dataDir);
  if (config.storeUrl !== undefined)
    log.warn("Each gateway of a shared store makes a key of its own: set API_KEY for all");
  if (created) {
    // The one place where a key is shown: written past the log, which redacts secrets.
    showSecret(`API key of this gateway, shown once: ${key}`, { dataDir: config.dataDir, name: apiKeyName, log });
  } else {
    log.info("The API key generated earlier is required", { dataDir: config.dataDir });
  }
  return [key];
}
