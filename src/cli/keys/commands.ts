// qwen-gateway keys ...: the commands about keys and tokens, in the order of the help.

import type { Command } from "../command.ts";
import { createKeyCommand } from "./create.ts";
import { jwtCommand } from "./jwt.ts";
import { listKeysCommand } from "./list.ts";
import { removeKeyCommand, revokeKeyCommand } from "./revoke.ts";
import { rotateMasterCommand } from "./rotate-master.ts";

export function keysCommands(): readonly Command[] {
  return [
    createKeyCommand(),
    listKeysCommand(),
    revokeKeyCommand(),
    removeKeyCommand(),
    jwtCommand(),
    rotateMasterCommand(),
  ];
}
