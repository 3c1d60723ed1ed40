// The databases of a data directory that are opened late, looked at before anything is served: one of a newer version refuses
// the start, as the store does.

import { join } from "node:path";
import { knownSchemas } from "../backup/contents.ts";
import { refuseNewer } from "../store/refuse-newer.ts";
import { databaseName } from "../store/sqlite/open-store.ts";

/**
 * @param isShared sessions stand in a store elsewhere, and what a former one left in its file here is not used
 * @throws {GatewayError} for one that a newer version wrote
 */
export function refuseNewerDatabases(dataDir: string, isShared: boolean): void {
  for (const [name, known] of Object.entries(knownSchemas)) {
    if (!isShared || name !== databaseName) refuseNewer(join(dataDir, name), known);
  }
}
