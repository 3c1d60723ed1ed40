// Words of the command line to an exit code: finds the command, parses its flags, tells the user what is wrong.

import { ConfigError } from "../config/config-error.ts";
import { nearestName } from "../config/nearest-name.ts";
import { OutputError } from "../telemetry/print-line.ts";
import { type Command, type CommandContext, type ExitCode, UsageError } from "./command.ts";
import { parseArguments } from "./parse-arguments.ts";
import { commandHelp, groupHelp, programHelp, usage } from "./print-help.ts";
import { useCompilersAsUsual } from "./use-compilers.ts";

/** Of serve-worker.ts, which is loaded by workers alone. */
const workerCommand = "worker";

/** Errors that no command expects are thrown on. */
export async function runCommandLine(words: readonly string[], context: CommandContext): Promise<ExitCode> {
  try {
    return await runWords(words, context);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    context.complain(error.message);
    return 1;
  }
}

async function runWords(words: readonly string[], context: CommandContext): Promise<ExitCode> {
  const [first = "", second = ""] = words;
  if (first === "--help" || first === "-h" || first === "help") {
    context.print(programHelp(await loadCommands()));
    return 0;
  }
  if (first === "--version") return runWords(["version"], context);

  const isNamed = first !== "" && !first.startsWith("-");
  // The one command that stays: loaded without the others, which would stay with it (4 MB).
  if (!isNamed || first === "serve") {
    const { serveCommand } = await import("./serve.ts");
    return runCommand(serveCommand(), words.slice(isNamed ? 1 : 0), context);
  }
  if (first === workerCommand) {
    const { serveWorker } = await import("./serve-worker.ts");
    return serveWorker(context);
  }
  const commands = await loadCommands();
  const name = isGroup(first, commands) ? `${first} ${second}` : first;
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return runCommand(command, words.slice(name.split(" ").length), context);
  if (name !== first && (second === "--help" || second === "-h")) {
    context.print(groupHelp(first, commands));
    return 0;
  }
  const hint = name !== first && second === "" ? groupHelp(first, commands) : unknownCommand(name, commands);
  context.complain(hint);
  return 2;
}

async function loadCommands(): Promise<readonly Command[]> {
  useCompilersAsUsual();
  const { listCommands } = await import("./list-commands.ts");
  return listCommands();
}

function isGroup(word: string, commands: readonly Command[]): boolean {
  return word !== "" && commands.some(({ name }) => name.startsWith(`${word} `));
}

async function runCommand(command: Command, words: readonly string[], context: CommandContext): Promise<ExitCode> {
  try {
    const parsed = parseArguments(words, command);
    if (!parsed.help) return await command.run(parsed.flags, context, parsed.rest);
    context.print(commandHelp(command));
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof ConfigError)) throw error;
    context.complain(`${error.message}\n\nUsage: ${usage(command)}\nAll flags: qwen-gateway ${command.name} --help`);
    return 2;
  }
}

function unknownCommand(name: string, commands: readonly Command[]): string {
  const names = commands.map((command) => command.name);
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? `the commands are ${names.join(", ")}` : `did you mean "${nearest}"?`;
  return `Unknown command ${JSON.stringify(name)}: ${hint}\n\nUsage: qwen-gateway [command] [flags]\nHelp: qwen-gateway --help`;
}
