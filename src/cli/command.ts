// What a command is, and what it may touch of the process around it.

import type { Environment } from "../config/load-config.ts";
import type { LineSource } from "./line-source.ts";

export interface Flag {
  /** Without the two hyphens. */
  readonly name: string;
  /** Placeholder of the value in help; absent: a switch that needs no value. */
  readonly value?: string;
  readonly description: string;
  /** It may be given several times; its values are then one text with a line for each. */
  readonly repeats?: true;
}

/** By flag name; a switch holds "true" or "false". */
export type FlagValues = Readonly<Record<string, string>>;

export interface CommandContext {
  readonly environment: Environment;
  /**
   * One line to standard output: what the user asked for. Its reader may take his time, or `patienceMs`.
   * @throws {OutputError} when nobody can have it
   */
  print(text: string, patienceMs?: number): void;
  /** One line to standard error: why it did not work. */
  complain(text: string): void;
  /** Standard output is a terminal that shows colours. @defaultValue false */
  readonly hasColours?: boolean;
  /** All of standard input. On a terminal the prompt says what is awaited. */
  readInput(prompt: string): Promise<string>;
  /** Standard input line by line. @defaultValue nobody can be asked */
  readonly questions?: {
    /** Somebody sits there. */
    readonly isTerminal: boolean;
    open(): Promise<LineSource>;
  };
}

/** 0: done. 1: failed. 2: the command line or a setting is wrong. */
export type ExitCode = 0 | 1 | 2;

export interface Command {
  /** Two words for a command of a group, such as "accounts add". */
  readonly name: string;
  /** One sentence without a full stop. */
  readonly summary: string;
  readonly example: string;
  readonly flags: readonly Flag[];
  /** Name of the flag that a word without hyphens stands for: `remove work` is `remove --account work`. */
  readonly operand?: string;
  /** What the words behind "--" are, in help. Absent: there may be none. */
  readonly rest?: string;
  /** More for the end of the help. */
  readonly notes?: string;
  /** @throws {UsageError | ConfigError} when what the user wrote cannot be used. */
  run(flags: FlagValues, context: CommandContext, rest: readonly string[]): Promise<ExitCode>;
}

/** The command line cannot be understood. Ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
