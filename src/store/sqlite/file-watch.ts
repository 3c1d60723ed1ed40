// Whether the file of an open database still stands where it was opened. One that was deleted, or whose disk was unmounted, is
// written without any failure, and gone with its process.

import { statSync } from "node:fs";
import { inMemory } from "../open-database.ts";
import { StorageGoneError, type StorageWatch } from "../storage-trouble.ts";

export interface FileWatch {
  /** Tells the watch what it finds. */
  look(): void;
}

/**
 * To be made when the database has just been opened.
 * @param place as the watch knows it, and no other's: writes go on
 */
export function createFileWatch(path: string, watch: StorageWatch, place: string): FileWatch {
  const opened = identify(path);
  return {
    look() {
      if (path === inMemory || identify(path) === opened) watch.written(place);
      else watch.failed(place, new StorageGoneError(path));
    },
  };
}

/** Undefined: there is none that this process may reach. */
function identify(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
