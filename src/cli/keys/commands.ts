// qwen-gateway keys ...: the commands about keys and tokens, in the order of the help.

import type { Command } from "../command.ts";
import { jwtCommand } from "./jwt.ts";
import { rotateMasterCommand } from "./rotate-master.ts";

export function keysCommands(): readonly Command[] {
  return [jwtCommand(), rotateMasterCommand()];
}
