// Whether something of a data directory is there. Who may not look has no proof that it is not.

import { statSync } from "node:fs";
import { codeOf } from "../contract/thrown.ts";
import { BackupError } from "./backup-error.ts";

/** @throws {BackupError} where it cannot be told */
export function isThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    const isForbidden = code === "EACCES" || code === "EPERM";
    const reason = isForbidden ? "permission denied; run this as the user that the gateway runs as" : String(cause);
    throw new BackupError(`Cannot look for "${path}": ${reason}`, { cause });
  }
}
