// qwen-gateway serve: starts the app, reloads it when it is asked to, waits for the signal to stop, stops it.

import type { App } from "../app.ts";
import { ConfigError } from "../config/config-error.ts";
import { maxFetches } from "../config/max-fetches.ts";
import { version } from "../config/version.ts";
import { createLog, type LiveLog } from "../telemetry/create-log.ts";
import { announce } from "./announce.ts";
import { type Command, type CommandContext, type ExitCode, type Flag, type FlagValues, UsageError } from "./command.ts";
import { configFlags, type LoadedCommandConfig, loadCommandConfig } from "./config-flags.ts";
import { tellStartError } from "./describe-start-error.ts";
import { listenForHangUp } from "./hang-up.ts";
import { connectServiceManager, type ServiceManager } from "./service-manager.ts";
import { refuseHandedSockets } from "./handed-sockets.ts";
import { awaitStopSignal, ignoreStraySignals, type StopSignal } from "./stop-signals.ts";
import { useCompilersAsUsual } from "./use-compilers.ts";

export function serveCommand(): Command {
  return {
    name: "serve",
    summary: "Serves LLM clients (the default command)",
    example: 'QWEN_TOKEN="eyJ..." qwen-gateway serve --port 8787',
    flags: [...configFlags(), captureFlag],
    notes:
      "Each flag is also an environment variable (--log-level: LOG_LEVEL) and a key of the file (log_level).\n" +
      "A LIST is separated by commas; lists and tables of more than words are JSON. --stream=false switches off what is on.\n" +
      "Flags win over the environment, the environment over the file. Secrets belong in the environment or the file:\n" +
      "other users of this machine can see the flags of a running program.\n" +
      "SIGHUP reads the file and the env file again, SIGTERM lets running replies end.",
    async run(flags, context) {
      const load = () => loadCommandConfig(withCapture(flags), context);
      const loaded = load();
      refuseHandedSockets(context.environment, process.pid);
      const { logLevel, logFormat, workers } = loaded.config;
      const log = createLog({ level: logLevel, format: logFormat });
      if (workers === 1) return serve(loaded, load, log, context);
      const { countWorkers } = await import("../workers/count-workers.ts");
      const count = countWorkers(loaded.config);
      if (count === 1) return serve(loaded, load, log, context);
      const { serveByWorkers } = await import("./serve-workers.ts");
      return serveByWorkers(count, loaded, load, log, context);
    },
  };
}

const captureFlag: Flag = { name: "capture", value: "DIR", description: "Short for --capture-dir" };

/** @throws {UsageError} where both are given */
function withCapture({ capture, ...flags }: FlagValues): FlagValues {
  if (capture === undefined) return flags;
  if (flags["capture-dir"] !== undefined)
    throw new UsageError("Give --capture or --capture-dir, not both: they are the same");
  return { ...flags, "capture-dir": capture };
}

async function serve(
  { config, origins, file, environment }: LoadedCommandConfig,
  load: () => LoadedCommandConfig,
  log: LiveLog,
  context: CommandContext,
): Promise<ExitCode> {
  process.on("unhandledRejection", (reason) => log.error("A background task failed", {}, reason));
  // From here on, so that a signal during the start ends as orderly as one after it.
  const stopSignal = Promise.withResolvers<StopSignal | "SIGHUP">();
  void awaitStopSignal(process, () => process.exit(1)).then(stopSignal.resolve);
  ignoreStraySignals(process);
  const started = Promise.withResolvers<() => Promise<void>>();
  listenForHangUp(process, {
    reload: async () => (await started.promise)(),
    leave: () => stopSignal.resolve("SIGHUP"),
  });

  let app: App | undefined;
  let manager: ServiceManager | undefined;
  let url = "";
  try {
    const { createApp } = await import("../app.ts");
    app = await createApp(config, {
      log,
      origins,
      environment,
      readSettings: load,
      reloads: {
        begin: () => manager?.reloading(),
        end: () => manager?.ready(`Listens on ${url}`),
      },
      maxFetches: maxFetches(context.environment),
    });
    const { upstreams, ...listening } = await app.start();
    url = listening.url;
    useCompilersAsUsual();
    const lines = [`qwen-gateway ${version} listens on ${url}`, `Served by ${upstreams.join(", ")}`];
    if (file !== undefined) lines.push(`Settings from ${file}`);
    // At once, for those who read one line and go.
    announce(lines.join("\n"), context);
    manager = await connectServiceManager(context.environment, log);
    manager.ready(`Listens on ${url}`);
    started.resolve(() => reload(app!));
  } catch (error) {
    await app
      ?.stop()
      .catch((reason: unknown) => log.debug("Could not clean up after the failed start", { reason: String(reason) }));
    if (error instanceof ConfigError) throw error;
    context.complain(tellStartError(error, config, log));
    return 1;
  }

  const signal = await stopSignal.promise;
  const { drainTimeoutMs } = app.config;
  manager.stopping(drainTimeoutMs);
  log.info("Stopping: running replies may end", { signal, drainTimeoutMs });
  try {
    await app.stop();
    return 0;
  } catch (error) {
    log.error("Could not stop in good order", {}, error);
    return 1;
  }
}

async function reload(app: App): Promise<void> {
  try {
    await app.reload();
  } catch {
    // It stands in the log, and everything is as it was.
  }
}
