// qwen-gateway version

import { version } from "../config/version.ts";
import type { Command } from "./command.ts";

export const versionCommand: Command = {
  name: "version",
  summary: "Prints the version",
  example: "qwen-gateway version",
  flags: [],
  async run(_flags, context) {
    context.print(version);
    return 0;
  },
};
