// qwen-gateway accounts ...: the commands about accounts, in the order of the help.

import type { Command } from "../command.ts";
import { addCommand } from "./add.ts";
import { listCommand } from "./list.ts";
import { removeCommand } from "./remove.ts";
import { testCommand } from "./test.ts";

export function accountsCommands(): readonly Command[] {
  return [addCommand(), listCommand(), removeCommand(), testCommand()];
}
