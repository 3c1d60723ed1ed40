// The databases of a data directory that are opened late, looked at before anything is served: one of a newer version refuses
// the start, as the store does.

import { join } from "node:path";
import { knownSchemas } from "../backup/contents.ts";
import { refuseNewer } from "../store/refuse-newer.ts";

/** @throws {GatewayError} for one that a newer version wrote */
export function refuseNewerDatabases(dataDir: string): void {
  for (const [name, known] of Object.entries(knownSchemas)) refuseNewer(join(dataDir, name), known);
}
