// Failures of files to one sentence each and an exit code.

import type { CommandContext, ExitCode } from "../command.ts";
import { UnfitTextError } from "./merge.ts";
import { UnfitFileError } from "./settings-file.ts";

export function attempt(context: CommandContext, run: () => ExitCode): ExitCode {
  try {
    return run();
  } catch (error) {
    context.complain(`${describe(error)}. Nothing was written`);
    return 1;
  }
}

/** Errors that nobody expects are thrown on. */
function describe(error: unknown): string {
  if (error instanceof UnfitTextError) return `Cannot change the agent's settings: ${error.message}`;
  if (error instanceof UnfitFileError) return error.message;
  const isSystem = error instanceof Error && "syscall" in error && "path" in error;
  if (isSystem) return `Cannot change the agent's settings: ${error.message}`;
  throw error;
}
