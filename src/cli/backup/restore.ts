// qwen-gateway restore: a backup in the place of what DATA_DIR holds.

import { restoreBackup } from "../../backup/restore-backup.ts";
import type { Command } from "../command.ts";
import { dataFlags, fileFlag, fileOf, stopSignal, withDataDirectory } from "./data-command.ts";

export function restoreCommand(): Command {
  return {
    name: "restore",
    summary: "Puts a backup in the place of what DATA_DIR holds, all of it or nothing",
    example: "qwen-gateway restore gateway.tar",
    flags: [fileFlag, ...dataFlags()],
    operand: fileFlag.name,
    notes: "Stop the gateway first. What was there is kept in a folder beside, which is named.",
    run: (flags, context) =>
      withDataDirectory(flags, context, async ({ dataDir }) => {
        const { manifest, kept } = await restoreBackup({
          dataDir,
          path: fileOf(flags),
          clock: Date.now,
          signal: stopSignal(),
        });
        context.print(
          `Restored ${manifest.files.map(({ name }) => name).join(", ")} of ${manifest.createdAt} into "${dataDir}"`,
        );
        if (kept !== undefined)
          context.print(`What was there before is in "${kept}"; delete it when you need it no more`);
        return 0 as const;
      }),
  };
}
