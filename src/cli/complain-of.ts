// How a command ends that could not do what it was asked: with a sentence for whoever started it.

import type { Config } from "../config/config-schema.ts";
import type { CommandContext, ExitCode } from "./command.ts";
import { describeStartError } from "./describe-start-error.ts";

/** A class of errors. */
type Kind = abstract new (...values: never[]) => Error;

/**
 * @param told kinds of errors whose message is such a sentence
 * @throws the error itself where nobody has a sentence for it: its stack is the best that there is
 */
export function complainOf(
  error: unknown,
  told: readonly Kind[],
  config: Pick<Config, "host" | "port" | "dataDir">,
  context: Pick<CommandContext, "complain">,
): ExitCode {
  const isTold = error instanceof Error && told.some((kind) => error instanceof kind);
  const sentence = isTold ? error.message : describeStartError(error, config);
  if (sentence === undefined) throw error;
  context.complain(sentence);
  return 1;
}
