// A disk or a shared store that takes no more writes: told from other failures, said in a sentence, warned of once and not with each of them.

import { SQLiteError } from "bun:sqlite";
import { GatewayError } from "../contract/gateway-error.ts";
import { reasonOf } from "../contract/thrown.ts";
import type { LiveLog } from "../telemetry/create-log.ts";
import type { Log, LogFields } from "../telemetry/log.ts";

export type StorageTrouble = "full" | "read-only" | "failing" | "gone" | "refused";

const sentences: Readonly<Record<StorageTrouble, string>> = {
  full: "the gateway's disk is full",
  "read-only": "the gateway's disk is read-only",
  failing: "the gateway's disk refuses to write",
  gone: "the gateway's data directory is gone",
  refused: "the gateway's shared store takes no writes",
};

const troubleByCode: Readonly<Record<string, StorageTrouble>> = {
  SQLITE_FULL: "full",
  SQLITE_READONLY: "read-only",
  SQLITE_IOERR: "failing",
  ENOSPC: "full",
  EDQUOT: "full",
  // The limit of the process.
  EFBIG: "full",
  EROFS: "read-only",
  EIO: "failing",
  STORE_GONE: "gone",
  // Of redis/store-errors.ts.
  STORE_REFUSES: "refused",
};

/** The file of an open database is there no more, or another one is. */
export class StorageGoneError extends Error {
  override readonly name = "StorageGoneError";
  readonly code = "STORE_GONE";

  constructor(path: string) {
    super(`Cannot find the database "${path}" that was opened: bring it back, or start the gateway again`);
  }
}

const mostCauses = 5;

/** @returns undefined when it is something else that failed */
export function storageTrouble(error: unknown): StorageTrouble | undefined {
  let current = error;
  for (let depth = 0; depth < mostCauses && current instanceof Error; depth++) {
    if ("code" in current && typeof current.code === "string") {
      const known = troubleByCode[basicCode(current, current.code)];
      if (known !== undefined) return known;
    }
    current = current.cause;
  }
  return undefined;
}

/** SQLite's long codes begin with their short ones: SQLITE_IOERR_WRITE. */
function basicCode(error: Error, code: string): string {
  return error instanceof SQLiteError ? code.split("_").slice(0, 2).join("_") : code;
}

/** The same failure for a client, if it is one of the disk. */
export function toStorageError(error: unknown): GatewayError | undefined {
  const trouble = storageTrouble(error);
  if (trouble === undefined || (error instanceof GatewayError && error.kind === "overloaded")) return undefined;
  return new GatewayError("overloaded", `Cannot keep this: ${sentences[trouble]}. Try again when that is mended`, {
    cause: error,
  });
}

/** Whether what is to be kept can be kept, for all databases of a gateway. */
export interface StorageWatch {
  /** Undefined: nothing has failed since the last write that was done. */
  readonly trouble: StorageTrouble | undefined;
  /** @param place a word for what could not be written, such as a database */
  failed(place: string, error: unknown): void;
  /** To be called for a place that had failed. */
  written(place: string): void;
}

export function createStorageWatch(log: Log): StorageWatch {
  const failing = new Map<string, StorageTrouble>();
  const present = (): StorageTrouble | undefined => failing.values().next().value;
  return {
    get trouble() {
      return present();
    },
    failed(place, error) {
      const trouble = storageTrouble(error);
      if (trouble === undefined) return;
      if (failing.size === 0) {
        log.warn(`Nothing can be kept: ${sentences[trouble]}. Answers go on, conversations may start anew`, {
          reason: reasonOf(error),
        });
      }
      failing.set(place, trouble);
    },
    written(place) {
      if (failing.delete(place) && failing.size === 0) log.info("What is to be kept can be written again");
    },
  };
}

/** The same log for rooms that write: what only says once more that the disk takes nothing is a line for `debug`. */
export function withoutStorageErrors(log: LiveLog): LiveLog {
  const { subscribe, hear, learnSecrets, adjust } = log;
  return { ...quiet(log), subscribe, hear, learnSecrets, adjust };
}

function quiet(log: Log): Log {
  return {
    debug: (message, fields) => log.debug(message, fields),
    info: (message, fields) => log.info(message, fields),
    warn: (message, fields) => log.warn(message, fields),
    error(message: string, fields: LogFields = {}, error?: unknown) {
      const trouble = storageTrouble(error);
      if (trouble === undefined) log.error(message, fields, error);
      else log.debug(message, { ...fields, trouble });
    },
    with: (fields) => quiet(log.with(fields)),
  };
}
