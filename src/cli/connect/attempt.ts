// Failures of files to one sentence each and an exit code.

import { fileReasonOf } from "../../contract/thrown.ts";
import type { CommandContext, ExitCode } from "../command.ts";
import type { Agent } from "./agent.ts";
import { openRecordShelf } from "./connection-record.ts";
import { UnfitTextError } from "./merge.ts";
import { settingsPath, UnfitFileError } from "./settings-file.ts";

export function attempt(context: CommandContext, agent: Agent, run: () => ExitCode): ExitCode {
  try {
    return run();
  } catch (error) {
    context.complain(`${describe(error, settingsOf(agent, context))}. Nothing was written`);
    return 1;
  }
}

function settingsOf({ name, place }: Agent, { environment }: CommandContext): string {
  return openRecordShelf(environment).read(name)?.file ?? settingsPath(place, environment);
}

/** Errors that nobody expects are thrown on. */
function describe(error: unknown, file: string): string {
  if (error instanceof UnfitTextError) return `Cannot change "${file}": ${error.message}`;
  if (error instanceof UnfitFileError) return error.message;
  const isSystem = error instanceof Error && "syscall" in error;
  if (!isSystem) throw error;
  const reason = fileReasonOf(error) ?? error.message;
  // Not all of them name a path: a write that finds the disk full does not.
  return "path" in error
    ? `Cannot write "${String(error.path)}": ${reason}`
    : `Cannot change the agent's settings: ${reason}`;
}
