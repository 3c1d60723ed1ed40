// Help texts: of the program, and of each command with its example and its flags.

import type { Command, Flag } from "./command.ts";

export function programHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  return [
    "qwen-gateway stands between any LLM client and Qwen.",
    "",
    "Usage: qwen-gateway [command] [flags]",
    "",
    "Commands:",
    ...commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`),
    "",
    "Without a command it serves. Example:",
    "  qwen-gateway --port 8787",
    "",
    "Flags of a command: qwen-gateway <command> --help",
  ].join("\n");
}

/** Commands whose names begin with the same word. */
export function groupHelp(group: string, commands: readonly Command[]): string {
  const members = commands.filter(({ name }) => name.startsWith(`${group} `));
  const width = Math.max(...members.map((command) => command.name.length));
  return [
    `Usage: qwen-gateway ${group} <command> [flags]`,
    "",
    "Commands:",
    ...members.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`),
    "",
    `Flags of a command: qwen-gateway ${group} <command> --help`,
  ].join("\n");
}

export function commandHelp(command: Command): string {
  const lines = [
    `${command.summary}.`,
    "",
    `Usage: ${usage(command)}`,
    "",
    "Example:",
    `  ${command.example}`,
    "",
    "Flags:",
    ...flagLines(command.flags),
  ];
  if (command.notes !== undefined) lines.push("", command.notes);
  return lines.join("\n");
}

export function usage(command: Command): string {
  const operand = command.flags.find((flag) => flag.name === command.operand)?.value;
  const words = [
    operand === undefined ? "" : ` [${operand}]`,
    command.flags.length === 0 ? "" : " [flags]",
    command.rest === undefined ? "" : ` -- ${command.rest}`,
  ];
  return `qwen-gateway ${command.name}${words.join("")}`;
}

function flagLines(flags: readonly Flag[]): string[] {
  const all = [...flags, { name: "help", description: "Show this text" }];
  const labels = all.map((flag) => ["--", flag.name, flag.value === undefined ? "" : ` ${flag.value}`].join(""));
  const width = Math.max(...labels.map((label) => label.length));
  return all.map((flag, index) => `  ${labels[index]!.padEnd(width)}  ${flag.description}`);
}
