// Whether a data directory holds API keys, for whoever only looks: nothing is created, migrated or locked.

import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";

/** Also false for a file that cannot be read, or of a version without keys: whoever opens it says what is wrong. */
export function hasKeys(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    using database = new Database(path, { readonly: true });
    using statement = database.prepare("SELECT 1 FROM api_keys LIMIT 1");
    return statement.get() !== null;
  } catch {
    // As above.
    return false;
  }
}
