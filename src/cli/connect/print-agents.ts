// The list of agents: which are on this machine, and which are connected.

import { existsSync } from "node:fs";
import type { CommandContext, ExitCode } from "../command.ts";
import type { Agent } from "./agent.ts";
import { openRecordShelf } from "./connection-record.ts";
import { agents } from "./list-agents.ts";
import { settingsFolder, settingsPath } from "./settings-file.ts";

export function printAgents(context: CommandContext): ExitCode {
  const shelf = openRecordShelf(context.environment);
  const width = Math.max(...agents.map(({ name }) => name.length));
  for (const agent of agents) {
    const record = shelf.read(agent.name);
    const state = record === undefined ? "not connected" : `connected to ${record.url} with ${record.model}`;
    const found = isHere(agent, context) ? "found    " : "not found";
    context.print(`${agent.name.padEnd(width)}  ${found}  ${state}`);
  }
  context.print("Connect one: qwen-gateway connect AGENT");
  return 0;
}

function isHere({ programs, place }: Agent, { environment }: CommandContext): boolean {
  const inPath = programs.some((program) => Bun.which(program, { PATH: environment["PATH"] ?? "" }) !== null);
  // The home itself is no sign of an agent whose file lies there.
  const path = place.usual === "" ? settingsPath(place, environment) : settingsFolder(place, environment);
  return inPath || existsSync(path);
}
