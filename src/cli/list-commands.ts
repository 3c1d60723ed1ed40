// Every command, in the order of the help.

import { accountsCommands } from "./accounts/commands.ts";
import { backupCommand } from "./backup/backup.ts";
import { migrateCommand } from "./backup/migrate.ts";
import { restoreCommand } from "./backup/restore.ts";
import { benchCommand } from "./bench/bench.ts";
import type { Command } from "./command.ts";
import { connectCommand } from "./connect/connect.ts";
import { disconnectCommand } from "./connect/disconnect.ts";
import { doctorCommand } from "./doctor.ts";
import { emulateCommand } from "./emulate.ts";
import { explainCommand } from "./explain.ts";
import { healthcheckCommand } from "./healthcheck.ts";
import { keysCommands } from "./keys/commands.ts";
import { mcpCommands } from "./mcp/commands.ts";
import { replayCommand } from "./replay.ts";
import { serveCommand } from "./serve.ts";
import { setupCommand } from "./setup/setup.ts";
import { updateCommand } from "./update.ts";
import { versionCommand } from "./version.ts";

export function listCommands(): readonly Command[] {
  return [
    serveCommand(),
    setupCommand(),
    doctorCommand(),
    connectCommand(),
    disconnectCommand(),
    ...accountsCommands(),
    ...keysCommands(),
    ...mcpCommands(),
    backupCommand(),
    restoreCommand(),
    migrateCommand(),
    emulateCommand,
    replayCommand,
    explainCommand,
    benchCommand,
    healthcheckCommand(),
    updateCommand,
    versionCommand,
  ];
}
