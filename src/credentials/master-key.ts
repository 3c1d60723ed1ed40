// The keys of stored credentials: the one that is configured, else one of our own in the data directory; and those before it,
// which open what was sealed with them and seal nothing.

import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadOrCreateSecret } from "../config/secret-file.ts";
import { GatewayError } from "../contract/gateway-error.ts";

/** Of 32 bytes each; the first one seals. */
export type MasterKeys = readonly [Uint8Array, ...Uint8Array[]];

export interface KeySettings {
  /** 64 hexadecimal characters. */
  readonly masterKey?: string;
  /** The same of each. */
  readonly masterKeyPrevious: readonly string[];
  readonly dataDir: string;
}

/**
 * Makes the file (mode 0600) when there is none and no key is configured.
 * @throws {GatewayError} when the file holds something else; a system error when it cannot be written.
 */
export function loadMasterKeys({ masterKey, masterKeyPrevious, dataDir }: KeySettings): MasterKeys {
  const path = masterKeyPath(dataDir);
  const before = masterKeyPrevious.map(fromHex);
  // A key of the file counts only for whoever has no other: a gateway that runs with it could not open what is sealed here.
  if (masterKey !== undefined) return [fromHex(masterKey), ...before];
  const { secret } = loadOrCreateSecret(path, () => createMasterKey().toString("hex"));
  const [first, ...others] = parseKeys(secret) ?? [];
  if (first !== undefined) return [first, ...others, ...before];
  throw new GatewayError(
    "internal",
    `Cannot use "${path}": it must hold 64 hexadecimal characters; restore it from a copy, or delete it and add the accounts anew`,
  );
}

export function createMasterKey(): Buffer {
  return crypto.getRandomValues(Buffer.alloc(32));
}

/** Takes the file's place whole, on the disk when it returns. @throws a system error, and then the file is as it was */
export function writeMasterKeys(dataDir: string, keys: readonly Uint8Array[]): void {
  const path = masterKeyPath(dataDir);
  const draft = `${path}.${crypto.randomUUID()}`;
  const text = keys.map((key) => `${Buffer.from(key).toString("hex")}\n`).join("");
  try {
    writeFileSync(draft, text, { mode: 0o600, flag: "wx", flush: true });
    renameSync(draft, path);
    syncFolder(dirname(path));
  } finally {
    rmSync(draft, { force: true });
  }
}

function masterKeyPath(dataDir: string): string {
  return join(dataDir, "master-key");
}

/** Else a new name may be lost with the power, and with it what was sealed meanwhile. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A key a line. Undefined: it holds something else. */
function parseKeys(text: string): Uint8Array[] | undefined {
  const lines = text.trim().split(/\s+/);
  return lines.every((line) => /^[0-9a-f]{64}$/i.test(line)) ? lines.map(fromHex) : undefined;
}

function fromHex(text: string): Uint8Array {
  return Buffer.from(text, "hex");
}
