// qwen-gateway migrate: the databases of DATA_DIR in the form that this version knows.

import { migrateDirectory, readSchemas } from "../../backup/migrate-directory.ts";
import { version } from "../../config/version.ts";
import { createLog } from "../../telemetry/create-log.ts";
import type { Command } from "../command.ts";
import { dataFlags, withDataDirectory } from "./data-command.ts";

export function migrateCommand(): Command {
  return {
    name: "migrate",
    summary: "Brings the databases of DATA_DIR to this version, as its start would do; --check only looks",
    example: "qwen-gateway migrate --check",
    flags: [
      { name: "check", description: "Change nothing; the exit code is 1 when there is something to migrate" },
      ...dataFlags(),
    ],
    notes: "A database of a newer version is refused, here and at the start. Make a backup before you migrate.",
    run: (flags, context) =>
      withDataDirectory(flags, context, ({ dataDir }) => {
        const isCheck = flags["check"] === "true";
        const log = createLog({ level: "error", format: "auto" });
        const states = isCheck ? readSchemas(dataDir) : migrateDirectory(dataDir, log);
        if (states.length === 0) context.print(`There is no database in "${dataDir}" yet: the start makes one`);
        for (const { name, found, known } of states) {
          const isCurrent = found === known;
          const change = isCheck
            ? `schema ${found}, qwen-gateway ${version} needs ${known}`
            : `schema ${found} to ${known}`;
          context.print(`${name}: ${isCurrent ? `schema ${found}, nothing to do` : change}`);
        }
        return isCheck && states.some(({ found, known }) => found !== known) ? 1 : 0;
      }),
  };
}
