// What is written into an agent's settings, for the user to see, without keys; and the same as variables of a shell.

import type { Json } from "../../contract/json.ts";
import type { CommandContext, ExitCode } from "../command.ts";
import type { Agent, Target } from "./agent.ts";
import { type Change, showPath } from "./merge.ts";

export function printChanges(changes: readonly Change[], target: Target, context: CommandContext): void {
  for (const { path, before, after } of changes) {
    const name = showPath(path);
    const old = before === undefined ? "" : `, in place of ${looksSecret(name) ? "another" : shorten(before)}`;
    const value = target.isKeyReal && after === target.key ? "your key" : JSON.stringify(after, hideKey(target));
    context.print(`  ${name}: ${value}${old}`);
  }
}

/** Lines that a POSIX shell takes. */
export function printEnvironment(agent: Agent, target: Target, context: CommandContext): ExitCode {
  const variables = Object.entries(agent.environment(target));
  if (variables.length === 0) {
    context.complain(`${agent.title} cannot be connected by variables: its settings file is needed, without --print`);
    return 1;
  }
  for (const [name, value] of variables) context.print(`export ${name}='${value.replaceAll("'", "'\\''")}'`);
  return 0;
}

/** Whoever has them set would find that nothing has changed. */
export function printRivals({ rivals = [] }: Agent, context: CommandContext): void {
  const names = rivals.filter((name) => context.environment[name]);
  if (names.length === 0) return;
  const [verb, pronoun] = names.length === 1 ? ["wins", "it"] : ["win", "them"];
  context.print(`Your shell sets ${names.join(" and ")}, which ${verb} over this file: unset ${pronoun}`);
}

function hideKey({ key, isKeyReal }: Target) {
  return (_: string, value: unknown): unknown => (isKeyReal && value === key ? "your key" : value);
}

function shorten(value: Json): string {
  // What else stands in an object of its owner's may be a secret.
  return typeof value === "object" && value !== null ? "another" : JSON.stringify(value);
}

function looksSecret(name: string): boolean {
  return /key|token|secret/i.test(name);
}
