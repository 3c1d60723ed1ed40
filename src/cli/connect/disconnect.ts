// qwen-gateway disconnect: an agent's settings as they were before connect, byte for byte unless somebody has edited them.

import { existsSync, readdirSync, rmdirSync } from "node:fs";
import { type Command, type CommandContext, type ExitCode, UsageError } from "../command.ts";
import type { Agent } from "./agent.ts";
import { attempt } from "./attempt.ts";
import { openRecordShelf } from "./connection-record.ts";
import { findAgent, listNames } from "./find-agent.ts";
import { originalOf } from "./original.ts";
import { openSettingsFile, removeSettingsFile, writeSettingsFile } from "./settings-file.ts";

export function disconnectCommand(): Command {
  return {
    name: "disconnect",
    summary: "Puts the settings of a connected agent back as they were",
    example: "qwen-gateway disconnect claude-code",
    flags: [{ name: "agent", value: "AGENT", description: "Which one" }],
    operand: "agent",
    run: async (flags, context) => {
      const name = flags["agent"];
      if (name === undefined) throw new UsageError(`Cannot disconnect: name one of ${listNames()}`);
      const agent = findAgent(name);
      return attempt(context, agent, () => disconnect(agent, context));
    },
  };
}

function disconnect(agent: Agent, context: CommandContext): ExitCode {
  const shelf = openRecordShelf(context.environment);
  const record = shelf.read(agent.name);
  if (record === undefined) {
    context.print(`${agent.title} is not connected`);
    return 0;
  }
  const file = openSettingsFile(record.file);
  if (file.bytes === undefined) {
    shelf.remove(agent.name);
    context.print(`${agent.title} is disconnected: ${file.path} is gone already`);
    return 0;
  }
  const { bytes, isEdited, kept } = originalOf(agent, file, record, shelf);
  if (bytes === undefined) {
    removeSettingsFile(file);
    for (const folder of record.folders) removeEmpty(folder);
  } else if (Buffer.compare(bytes, file.bytes) !== 0) writeSettingsFile(file, bytes);
  shelf.remove(agent.name);
  const state = bytes === undefined ? `removed ${file.path}, which was not there before` : `${file.path} is as it was`;
  const edited = `${file.path} was edited meanwhile, so only the gateway's own entries were taken out`;
  context.print(`${agent.title} is disconnected: ${isEdited ? edited : state}`);
  for (const path of kept) context.print(`  ${path} was changed by somebody else and stays`);
  return 0;
}

function removeEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
}
