// qwen-gateway setup: finds or asks for what serves Qwen, tries it, and writes the config file that serve reads.

import { ConfigError } from "../../config/config-error.ts";
import { defaultConfigPath } from "../../config/default-config-path.ts";
import { type Command, type CommandContext, type ExitCode, type FlagValues, UsageError } from "../command.ts";
import { InputEndedError } from "./asker.ts";
import { describeUnwritable } from "./config-file.ts";
import { setupFlags } from "./flags.ts";

export function setupCommand(): Command {
  return {
    name: "setup",
    summary: "Finds servers and keys of yours, tries them, and writes the config file",
    example: "qwen-gateway setup",
    flags: setupFlags,
    notes:
      "Without questions:\n" +
      "  qwen-gateway setup --yes --upstream gpu=http://10.0.0.5:8000/v1\n" +
      "  qwen-gateway setup --yes --dashscope-key env:DASHSCOPE_API_KEY --dashscope-region cn\n" +
      "  qwen-gateway setup --yes --modelscope-key - < key.txt\n" +
      "It looks on the usual ports of this machine and at DASHSCOPE_API_KEY, MODELSCOPE_API_KEY, BAILIAN_CODING_PLAN_API_KEY,\n" +
      "BAILIAN_TOKEN_PLAN_API_KEY, and at OPENAI_API_KEY where OPENAI_BASE_URL is a host of Qwen's. Keys never stand in flags.\n" +
      "With --yes, what was found and does not work is left out; what a flag names has to work, or nothing is written.\n" +
      "The exit code is 0 when the file is as wished, 1 when nothing was written, 2 for a wrong flag or file.",
    async run(flags, context) {
      const isQuestionless = flags["yes"] === "true";
      const canAsk = context.questions !== undefined && (context.questions.isTerminal || flags["ask"] === "true");
      if (!isQuestionless && !canAsk) {
        throw new UsageError(
          "Cannot ask, since standard input is not a terminal: say what you want by flags and --yes, or --ask",
        );
      }
      return runSetup(flags, context, isQuestionless);
    },
  };
}

async function runSetup(flags: FlagValues, context: CommandContext, isQuestionless: boolean): Promise<ExitCode> {
  try {
    // Loaded here, because no other command should wait for it.
    const { setUp } = await import("./set-up.ts");
    const lines = isQuestionless ? undefined : await context.questions?.open();
    return await setUp(flags, context, lines);
  } catch (error) {
    if (error instanceof UsageError || error instanceof ConfigError) throw error;
    const sentence = describeEnd(error, flags["config"] ?? defaultConfigPath(context.environment) ?? "");
    if (sentence === undefined) throw error;
    context.complain(sentence);
    return 1;
  }
}

function describeEnd(error: unknown, path: string): string | undefined {
  if (error instanceof InputEndedError) return "Nothing was written: the answers ended before the questions";
  return describeUnwritable(error, path);
}
