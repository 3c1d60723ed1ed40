// qwen-gateway backup: everything that a gateway keeps, in one file.

import { totalBytes, writeBackup } from "../../backup/write-backup.ts";
import { version } from "../../config/version.ts";
import type { Command } from "../command.ts";
import { dataFlags, fileFlag, fileOf, megabytes, stopSignal, withDataDirectory } from "./data-command.ts";

export function backupCommand(): Command {
  return {
    name: "backup",
    summary: "Writes the databases and keys of DATA_DIR into one file, also while a gateway runs",
    example: "qwen-gateway backup gateway.tar",
    flags: [fileFlag, ...dataFlags()],
    operand: fileFlag.name,
    notes:
      "Whoever has the file has your accounts: it holds the key that they are encrypted with, unless that is MASTER_KEY,\n" +
      "which you have to keep yourself. It is readable by you alone, and never takes another file's place.",
    run: (flags, context) =>
      withDataDirectory(flags, context, async (config) => {
        const path = fileOf(flags);
        const manifest = await writeBackup({
          dataDir: config.dataDir,
          path,
          version,
          clock: Date.now,
          signal: stopSignal(),
        });
        const names = manifest.files.map(({ name }) => name).join(", ");
        context.print(`Wrote "${path}" (${megabytes(totalBytes(manifest))}): ${names}`);
        if (config.masterKey !== undefined) context.print("MASTER_KEY is not in it: keep it, or its accounts are lost");
        return 0 as const;
      }),
  };
}
