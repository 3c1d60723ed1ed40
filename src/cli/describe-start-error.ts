// Why the gateway could not start, as a sentence that says what to do. Knows the usual reasons only.

import type { Config } from "../config/config-schema.ts";
import { reasonOf } from "../contract/thrown.ts";
import type { Log } from "../telemetry/log.ts";
import { OutputError } from "../telemetry/print-line.ts";

interface SystemError extends Error {
  readonly code: string;
  readonly path?: string;
  readonly syscall?: string;
}

/** @returns undefined for an error that has no sentence: its stack is the best that there is. */
export function describeStartError(
  error: unknown,
  config: Pick<Config, "host" | "port" | "dataDir">,
): string | undefined {
  // No file of the gateway's is at fault.
  if (error instanceof OutputError) return undefined;
  const cause = findSystemError(error);
  if (cause === undefined) return undefined;
  const { code, path, syscall } = cause;
  const listen = `Cannot listen on ${config.host}:${config.port}`;
  const noAddress = `${listen}: this machine has no such address; choose another with --host or HOST`;
  const otherPort = "choose another port with --port or PORT";
  const otherFolder = "choose a folder that you may write with --data-dir or DATA_DIR";
  const noRoom = `the disk is full; free some space, or ${otherFolder}`;

  // As open-database.ts tells a full disk.
  if (code === "SQLITE_FULL" || code === "SQLITE_IOERR_SHMSIZE")
    return `Cannot open the database in "${config.dataDir}": ${noRoom}`;
  if (code.startsWith("SQLITE_")) {
    const isDamaged = code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT");
    const advice = isDamaged ? "move it away to start with an empty one, or restore a backup" : otherFolder;
    return `Cannot open the database in "${config.dataDir}": ${cause.message}; ${advice}`;
  }
  switch (code) {
    case "EADDRINUSE":
      return `${listen}: the port is in use; stop the program that uses it, or ${otherPort}`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return noAddress;
    case "EACCES":
    case "EPERM":
      if (path === undefined) return `${listen}: ports below 1024 need a privilege; ${otherPort}`;
      return `Cannot write "${path}": permission denied; ${otherFolder}`;
  }
  // Bun tells the code of whatever failed last when a name cannot be resolved.
  if (syscall === "listen") return noAddress;
  switch (code) {
    case "ENOTDIR":
    case "EEXIST":
      return `Cannot write "${path ?? config.dataDir}": a file stands where a folder has to be; ${otherFolder}`;
    case "EROFS":
      return `Cannot write "${path ?? config.dataDir}": the file system is read-only; ${otherFolder}`;
    case "ENOENT":
      return `Cannot write "${path ?? config.dataDir}": ${cause.message}; ${otherFolder}`;
    case "ENOSPC":
      return `Cannot write "${path ?? config.dataDir}": ${noRoom}`;
    default:
      return undefined;
  }
}

/**
 * What is said of it to whoever started the program, since the log may be silent or have another form. The log has its stack where
 * it has no sentence.
 * @param action what could not be done
 */
export function tellStartError(
  error: unknown,
  config: Pick<Config, "host" | "port" | "dataDir">,
  log: Log,
  action = "Cannot start",
): string {
  const sentence = describeStartError(error, config);
  if (sentence !== undefined) return sentence;
  log.error(action, {}, error);
  return `${action}: ${reasonOf(error)}`;
}

/** The same as `describeStartError` for a command that has no settings: what its flags say, no variable does. */
export function describeListenError(error: unknown, address: Pick<Config, "host" | "port">): string | undefined {
  return describeStartError(error, { ...address, dataDir: "." })?.replace(/ or (?:HOST|PORT)$/, "");
}

const maxCauses = 5;

function findSystemError(error: unknown): SystemError | undefined {
  let current = error;
  for (let depth = 0; depth < maxCauses && current instanceof Error; depth += 1) {
    if (isSystemError(current)) return current;
    current = current.cause;
  }
  return undefined;
}

function isSystemError(error: Error): error is SystemError {
  return "code" in error && typeof error.code === "string";
}
