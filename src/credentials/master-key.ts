// The key of stored credentials: the one that is configured, else one of our own in the data directory.

import { join } from "node:path";
import { loadOrCreateSecret } from "../config/secret-file.ts";
import { GatewayError } from "../contract/gateway-error.ts";

/**
 * Makes the file (mode 0600) when there is none.
 * @param configured 64 hexadecimal characters
 * @throws {GatewayError} when the file holds something else; a system error when it cannot be written.
 */
export function loadMasterKey(configured: string | undefined, dataDir: string): Uint8Array {
  if (configured !== undefined) return Buffer.from(configured, "hex");
  const path = join(dataDir, "master-key");
  const { secret } = loadOrCreateSecret(path, () => crypto.getRandomValues(Buffer.alloc(32)).toString("hex"));
  if (/^[0-9a-f]{64}$/i.test(secret)) return Buffer.from(secret, "hex");
  throw new GatewayError(
    "internal",
    `Cannot use "${path}": it must hold 64 hexadecimal characters; restore it from a copy, or delete it and add the accounts anew`,
  );
}
