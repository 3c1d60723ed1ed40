// What a server says when it listens. It serves all the same where nobody can read that: its log may go elsewhere.

import { OutputError, serversPatienceMs } from "../telemetry/print-line.ts";
import type { CommandContext } from "./command.ts";

export function announce(text: string, context: Pick<CommandContext, "print" | "complain">): void {
  try {
    context.print(text, serversPatienceMs);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    context.complain(error.message);
  }
}
