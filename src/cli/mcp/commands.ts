// qwen-gateway mcp ...: the commands about tool servers, in the order of the help.

import type { Command } from "../command.ts";
import { addCommand } from "./add.ts";
import { listCommand } from "./list.ts";
import { loginCommand } from "./login.ts";
import { logoutCommand } from "./logout.ts";
import { serveCommand } from "./serve.ts";
import { testCommand } from "./test.ts";

export function mcpCommands(): readonly Command[] {
  return [listCommand(), testCommand(), addCommand(), loginCommand(), logoutCommand(), serveCommand()];
}
