// The words behind a command to its flags: --name value, --name=value, --switch. One bare word may stand for a flag, and
// behind a lone "--" may stand the words of another command.

import { nearestName } from "../config/nearest-name.ts";
import { type Flag, type FlagValues, UsageError } from "./command.ts";

export interface ParsedArguments {
  readonly flags: FlagValues;
  readonly help: boolean;
  /** What stands behind "--". */
  readonly rest: readonly string[];
}

/** As much of a command as its words need. */
export interface Grammar {
  readonly flags: readonly Flag[];
  /** Name of the flag that a bare word stands for. */
  readonly operand?: string;
  /** It takes words behind "--". */
  readonly rest?: string;
}

/** @throws {UsageError} that names the flag, never its value: it may be a secret. */
export function parseArguments(all: readonly string[], grammar: Grammar): ParsedArguments {
  const { flags: known, operand } = grammar;
  const lone = grammar.rest === undefined ? -1 : all.indexOf("--");
  const words = lone === -1 ? all : all.slice(0, lone);
  const rest = lone === -1 ? [] : all.slice(lone + 1);
  const flags = new Map<string, string>();
  const set = ({ name, repeats }: Flag, value: string): void => {
    const before = repeats === true ? flags.get(name) : undefined;
    flags.set(name, before === undefined ? value : `${before}\n${value}`);
  };
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index]!;
    if (word === "--help" || word === "-h") return { flags: {}, help: true, rest };
    if (!word.startsWith("--") && operand !== undefined && !flags.has(operand)) {
      flags.set(operand, word);
      continue;
    }
    if (!word.startsWith("--")) {
      throw new UsageError(`Unexpected argument ${index + 1}: flags begin with "--" and take one value`);
    }
    const equals = word.indexOf("=");
    const name = word.slice(2, equals === -1 ? undefined : equals);
    const flag = known.find((candidate) => candidate.name === name);
    if (flag === undefined) throw new UsageError(unknownFlag(name, known));
    if (flags.has(name) && flag.repeats !== true)
      throw new UsageError(`Flag --${name} is given twice: a list is one value with commas`);

    if (equals !== -1) {
      set(flag, word.slice(equals + 1));
      continue;
    }
    const next = words[index + 1];
    const taken = flag.value === undefined ? next === "true" || next === "false" : isValue(next);
    if (taken && next !== undefined) {
      set(flag, next);
      index += 1;
    } else if (flag.value === undefined) set(flag, "true");
    else throw new UsageError(`Flag --${name} needs a value: --${name} ${flag.value}`);
  }
  return { flags: Object.fromEntries(flags), help: false, rest };
}

function isValue(word: string | undefined): boolean {
  return word !== undefined && !word.startsWith("--");
}

function unknownFlag(name: string, known: readonly Flag[]): string {
  const names = [...known.map((flag) => flag.name), "help"];
  const nearest = nearestName(name, names);
  return `Unknown flag --${name}${nearest === undefined ? "" : `: did you mean --${nearest}?`}`;
}
