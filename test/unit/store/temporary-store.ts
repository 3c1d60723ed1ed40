// SQLite stores in directories that vanish with the test file.

import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Call once at the top of a test file. @returns a function that names a new database file. */
export function useTemporaryFiles(): () => string {
  const directory = mkdtempSync(join(tmpdir(), "qwen-gateway-store-"));
  let count = 0;
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return () => join(directory, `${count++}`, "store.sqlite");
}
