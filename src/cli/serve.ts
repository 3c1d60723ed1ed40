// qwen-gateway serve: starts the app, waits for the signal to stop, stops it.

import type { App } from "../app.ts";
import { ConfigError } from "../config/config-error.ts";
import { maxFetches } from "../config/max-fetches.ts";
import { version } from "../config/version.ts";
import { createLog, type LiveLog } from "../telemetry/create-log.ts";
import { type Command, type CommandContext, type ExitCode, type Flag, type FlagValues, UsageError } from "./command.ts";
import { configFlags, type LoadedCommandConfig, loadCommandConfig } from "./config-flags.ts";
import { describeStartError } from "./describe-start-error.ts";
import { awaitStopSignal } from "./stop-signals.ts";
import { useCompilersAsUsual } from "./use-compilers.ts";

export function serveCommand(): Command {
  return {
    name: "serve",
    summary: "Serves LLM clients (the default command)",
    example: 'QWEN_TOKEN="eyJ..." qwen-gateway serve --port 8787',
    flags: [...configFlags(), captureFlag],
    notes:
      "Each flag is also an environment variable (--log-level: LOG_LEVEL) and a key of the file (log_level).\n" +
      "Flags win over the environment, the environment over the file. Secrets belong into the environment or the file:\n" +
      "other users of this machine can see the flags of a running program.",
    async run(flags, context) {
      const { config, origins, file } = loadCommandConfig(withCapture(flags), context);
      const log = createLog({ level: config.logLevel, format: config.logFormat });
      return serve({ config, origins, file }, log, context);
    },
  };
}

const captureFlag: Flag = { name: "capture", value: "DIR", description: "Short for --capture-dir" };

/** @throws {UsageError} where both are given */
function withCapture({ capture, ...flags }: FlagValues): FlagValues {
  if (capture === undefined) return flags;
  if (flags["capture-dir"] !== undefined) throw new UsageError("Give --capture or --capture-dir: they are the same");
  return { ...flags, "capture-dir": capture };
}

async function serve(
  { config, origins, file }: LoadedCommandConfig,
  log: LiveLog,
  context: CommandContext,
): Promise<ExitCode> {
  process.on("unhandledRejection", (reason) => log.error("A background task failed", {}, reason));
  // From here on, so that a signal during the start ends as orderly as one after it.
  const stopSignal = awaitStopSignal(process, () => process.exit(1));

  let app: App | undefined;
  try {
    const { createApp } = await import("../app.ts");
    app = await createApp(config, {
      log,
      origins,
      environment: context.environment,
      maxFetches: maxFetches(context.environment),
    });
    const { url, upstreams } = await app.start();
    useCompilersAsUsual();
    const lines = [`qwen-gateway ${version} listens on ${url}`, `Served by ${upstreams.join(", ")}`];
    if (file !== undefined) lines.push(`Settings from ${file}`);
    // At once, for those who read one line and go.
    context.print(lines.join("\n"));
  } catch (error) {
    await app
      ?.stop()
      .catch((reason: unknown) => log.debug("Could not clean up after the failed start", { reason: String(reason) }));
    if (error instanceof ConfigError) throw error;
    const sentence = describeStartError(error, config);
    if (sentence === undefined) log.error("Cannot start", {}, error);
    // The log may be silent or have another form: this line is for whoever started the program.
    context.complain(sentence ?? `Cannot start: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }

  const signal = await stopSignal;
  log.info("Stopping: running replies may end", { signal, drainTimeoutMs: config.drainTimeoutMs });
  try {
    await app.stop();
    return 0;
  } catch (error) {
    log.error("Could not stop in good order", {}, error);
    return 1;
  }
}
