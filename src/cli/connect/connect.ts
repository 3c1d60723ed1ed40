// qwen-gateway connect: writes into an agent's own settings that it works on this gateway, or lists the agents.

import type { Command, CommandContext, ExitCode, FlagValues } from "../command.ts";
import type { Agent, Target } from "./agent.ts";
import { attempt } from "./attempt.ts";
import { type ConnectionRecord, hashOf, openRecordShelf, type RecordShelf } from "./connection-record.ts";
import { decodeText, originalOf } from "./original.ts";
import { findAgent } from "./find-agent.ts";
import { formats } from "./formats.ts";
import { type Change, mergeEntries } from "./merge.ts";
import { printAgents } from "./print-agents.ts";
import { printChanges, printEnvironment, printRivals } from "./print-changes.ts";
import { readTarget, targetFlags } from "./read-target.ts";
import {
  isReadableByOthers,
  leavesHome,
  missingFolders,
  openSettingsFile,
  settingsPath,
  writeSettingsFile,
} from "./settings-file.ts";

export function connectCommand(): Command {
  return {
    name: "connect",
    summary: "Lets a coding agent work on this gateway by its own settings file; without a name it lists the agents",
    example: "qwen-gateway connect claude-code",
    flags: [
      { name: "agent", value: "AGENT", description: "Which one; without it they are listed" },
      ...targetFlags,
      { name: "dry-run", description: "Show what would change, and write nothing" },
      { name: "print", description: "Print variables for one shell in place of writing the file" },
    ],
    operand: "agent",
    notes:
      "Everything else in the file stays, comments as well. qwen-gateway disconnect AGENT puts it back byte for byte.\n" +
      'For one shell: eval "$(qwen-gateway connect claude-code --print)"',
    run: async (flags, context) => {
      if (flags["agent"] === undefined) return printAgents(context);
      const agent = findAgent(flags["agent"]);
      const target = await readTarget(flags, context);
      if (flags["print"] === "true") return printEnvironment(agent, target, context);
      return attempt(context, agent, () => connect(agent, target, flags, context));
    },
  };
}

function connect(agent: Agent, target: Target, flags: FlagValues, context: CommandContext): ExitCode {
  const { environment } = context;
  const shelf = openRecordShelf(environment);
  const record = shelf.read(agent.name);
  const file = openSettingsFile(record?.file ?? settingsPath(agent.place, environment));
  const original = record === undefined ? { bytes: file.bytes } : originalOf(agent, file, record, shelf);
  const { text, changes } = mergeEntries(
    formats[agent.format],
    decodeText(file.path, original.bytes),
    agent.entries(target),
  );
  const bytes = Buffer.from(text);
  const outside = leavesHome(file, environment);
  if (outside !== undefined) context.print(`${file.path} is a link to ${outside}, outside of your home`);
  const needsNothing = record === undefined && changes.length === 0;
  if (needsNothing || (file.bytes !== undefined && Buffer.compare(file.bytes, bytes) === 0)) {
    context.print(`${agent.title} is connected to ${target.url} already: ${file.path}`);
    return 0;
  }
  if (flags["dry-run"] === "true") {
    context.print(`Would change ${file.path}:`);
    printChanges(changes, target, context);
    printRivals(agent, context);
    return 0;
  }
  const made = missingFolders(file);
  const next = {
    file: file.path,
    writtenHash: hashOf(bytes),
    changes,
    folders: made.length > 0 ? made : (record?.folders ?? []),
    url: target.url,
    model: target.model,
  };
  // Remembered first: a file without its record could not be put back.
  const copy = shelf.write(agent.name, next, original.bytes);
  writeOrForget(agent, record, shelf, () => writeSettingsFile(file, bytes));
  printOutcome(agent, target, changes, { path: file.path, copy }, context);
  if (target.isKeyReal && text.includes(target.key) && isReadableByOthers(file))
    context.print(`Others on this machine can read your key in it: chmod 600 ${file.path}`);
  return 0;
}

/** What could not be written need not be put back. */
function writeOrForget(
  agent: Agent,
  before: ConnectionRecord | undefined,
  shelf: RecordShelf,
  write: () => void,
): void {
  try {
    write();
  } catch (error) {
    if (before === undefined) shelf.remove(agent.name);
    throw error;
  }
}

function printOutcome(
  agent: Agent,
  target: Target,
  changes: readonly Change[],
  { path, copy }: { readonly path: string; readonly copy: string | undefined },
  context: CommandContext,
): void {
  context.print(`${agent.title} works on ${target.url} with ${target.model}: ${path}`);
  printChanges(changes, target, context);
  if (copy !== undefined) context.print(`As it was before: ${copy}`);
  printRivals(agent, context);
  for (const sentence of agent.advice?.(target) ?? []) context.print(sentence);
  context.print(`Back again: qwen-gateway disconnect ${agent.name}`);
}
