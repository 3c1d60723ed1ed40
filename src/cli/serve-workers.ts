// qwen-gateway serve --workers N: starts the workers, has them read other settings, waits for the signal to stop, stops them.
// Serves nobody itself.

import { chmodSync, rmSync } from "node:fs";
import { compareConfigs, originsInForce } from "../config/compare-configs.ts";
import { ConfigError } from "../config/config-error.ts";
import type { Config } from "../config/config-schema.ts";
import { ownProgram } from "../config/own-program.ts";
import { isCompiled, version } from "../config/version.ts";
import { madeOnce } from "../contract/made-once.ts";
import { reasonOf } from "../contract/thrown.ts";
import { chatDatabasePath } from "../store/chat-database.ts";
import { fileDatabasePath } from "../store/sqlite/files.ts";
import { databasePath } from "../store/sqlite/open-store.ts";
import type { LiveLog } from "../telemetry/create-log.ts";
import type { Log } from "../telemetry/log.ts";
import { createCheckpoints } from "../workers/checkpoints.ts";
import { countWorkers } from "../workers/count-workers.ts";
import type { ReloadOutcome, WorkerSettings } from "../workers/messages.ts";
import { openRunFolder, type RunFolder, socketPathOf } from "../workers/run-folder.ts";
import { createSupervisor, StartFailure, type Supervisor } from "../workers/supervisor.ts";
import type { SpawnWorker } from "../workers/worker-process.ts";
import { announce } from "./announce.ts";
import type { CommandContext, ExitCode } from "./command.ts";
import type { LoadedCommandConfig } from "./config-flags.ts";
import { tellStartError } from "./describe-start-error.ts";
import { listenForHangUp } from "./hang-up.ts";
import { connectServiceManager, type ServiceManager } from "./service-manager.ts";
import { awaitStopSignal, ignoreStraySignals, type StopSignal } from "./stop-signals.ts";

/** Not by serve-worker.ts, which brings the whole app with it. */
const workerCommand = "worker";
/** Beside the drain: the databases are closed. */
const closingMs = 15_000;
/** Each reads all settings: who comes later is served by the next as well. */
const mostWaitingReloads = 8;

export async function serveByWorkers(
  count: number,
  loaded: LoadedCommandConfig,
  load: () => LoadedCommandConfig,
  log: LiveLog,
  context: CommandContext,
): Promise<ExitCode> {
  const { config } = loaded;
  process.on("unhandledRejection", (reason) => log.error("A background task failed", {}, reason));
  let supervisor: Supervisor | undefined;
  const stopSignal = Promise.withResolvers<StopSignal | "SIGHUP">();
  let isStopping = false;
  void stopSignal.promise.then(() => (isStopping = true));
  const abandon = (): void => {
    supervisor?.kill();
    process.exit(1);
  };
  void awaitStopSignal(process, abandon).then(stopSignal.resolve);
  ignoreStraySignals(process);
  let reload: (() => Promise<ReloadOutcome>) | undefined;
  const started = Promise.withResolvers<() => Promise<ReloadOutcome>>();
  listenForHangUp(process, {
    async reload() {
      await (
        await started.promise
      )();
    },
    leave: () => stopSignal.resolve("SIGHUP"),
  });

  let runFolder: RunFolder | undefined;
  const closing: (() => void)[] = [];
  try {
    requireFreePort(config);
    runFolder = openRunFolder(config.dataDir);
    const emulator = createEmulatorSocket(runFolder.path, log);
    const checkpoints = createCheckpoints(databasesOf(config), log);
    closing.push(emulator.close, checkpoints.close, runFolder.close);
    supervisor = createSupervisor({
      count,
      spawn: spawnWorker,
      settings: loaded,
      runFolder: runFolder.path,
      openEmulator: emulator.open,
      askReload: () => reload?.() ?? Promise.resolve({ reason: "Cannot reload the settings: the gateway starts" }),
      log,
    });
    const begun = await Promise.race([supervisor.start(), stopSignal.promise]);
    // Whoever wants it gone while it starts need not wait for that.
    if (typeof begun === "string") return (await supervisor.stop(closingMs)) ? 0 : 1;
    const { url, upstreams } = begun;
    const lines = [`qwen-gateway ${version} listens on ${url}`, `Served by ${upstreams.join(", ")}`];
    lines.push(`${count} workers: ${supervisor.pids().join(", ")}`);
    if (loaded.file !== undefined) lines.push(`Settings from ${loaded.file}`);
    announce(lines.join("\n"), context);
    const manager = await connectServiceManager(context.environment, log);
    manager.ready(`Listens on ${url} with ${count} workers`);
    const settings = { inForce: loaded as WorkerSettings };
    reload = createReload({ supervisor, settings, load, count, url, isStopping: () => isStopping, manager, log });
    started.resolve(reload);
    return await untilStopped(supervisor, stopSignal.promise, () => settings.inForce.config, { manager, log, context });
  } catch (error) {
    await supervisor?.stop(closingMs);
    if (error instanceof StartFailure) {
      context.complain(error.message);
      return error.exitCode;
    }
    context.complain(tellStartError(error, config, log));
    return 1;
  } finally {
    for (const close of closing) close();
  }
}

/** The history keeps its log within a budget of its own. */
function databasesOf({ dataDir }: Config): readonly string[] {
  return [databasePath(dataDir), chatDatabasePath(dataDir), fileDatabasePath(dataDir)];
}

interface Surroundings {
  readonly manager: ServiceManager;
  readonly log: LiveLog;
}

async function untilStopped(
  supervisor: Supervisor,
  stopSignal: Promise<string>,
  present: () => Config,
  { manager, log, context }: Surroundings & { readonly context: CommandContext },
): Promise<ExitCode> {
  const hopeless = supervisor.gaveUp.then((sentence) => ({ sentence }));
  const reason = await Promise.race([stopSignal, hopeless]);
  const { drainTimeoutMs } = present();
  manager.stopping(drainTimeoutMs);
  if (typeof reason !== "string") {
    context.complain(reason.sentence);
    await supervisor.stop(closingMs);
    return 1;
  }
  log.info("Stopping: running replies may end", { signal: reason, drainTimeoutMs });
  return (await supervisor.stop(drainTimeoutMs + closingMs)) ? 0 : 1;
}

interface ReloadParts extends Surroundings {
  readonly supervisor: Supervisor;
  readonly settings: { inForce: WorkerSettings };
  load(): LoadedCommandConfig;
  readonly count: number;
  readonly url: string;
  isStopping(): boolean;
}

/** One after the other, whoever asks for it. Settings that cannot be used leave everything as it is. Never rejects. */
function createReload({ supervisor, settings, load, count, url, isStopping, manager, log }: ReloadParts) {
  async function exchange(): Promise<ReloadOutcome> {
    const next = load();
    const { config, changed, needsRestart } = compareConfigs(settings.inForce.config, next.config);
    // What is divided among the workers must still be enough for all of them.
    countWorkers({ ...config, workers: count });
    const origins = originsInForce(settings.inForce.origins, next.origins) ?? next.origins;
    const effective: WorkerSettings = { config, origins, environment: next.environment };
    const upstreams = await supervisor.reload(effective);
    settings.inForce = effective;
    log.adjust({ level: config.logLevel, format: config.logFormat });
    log.info("The settings were read again", { changed: changed.length === 0 ? "none" : changed.join(", ") });
    if (needsRestart.length > 0) {
      log.warn("These settings stay as they were until the next start", { settings: needsRestart.join(", ") });
    }
    return { changed, needsRestart, upstreams };
  }

  async function reload(): Promise<ReloadOutcome> {
    if (isStopping()) return { reason: "Cannot reload the settings: the gateway is stopping" };
    manager.reloading();
    try {
      return await exchange();
    } catch (error) {
      const reason = reasonOf(error);
      log.error("Cannot use the settings as they are written now: everything stays as it was", { reason });
      return { problems: error instanceof ConfigError ? error.problems : [reason] };
    } finally {
      if (!isStopping()) manager.ready(`Listens on ${url} with ${count} workers`);
    }
  }

  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  return (): Promise<ReloadOutcome> => {
    if (waiting >= mostWaitingReloads) {
      return Promise.resolve({ reason: `Cannot reload the settings: ${mostWaitingReloads} reloads wait already` });
    }
    waiting++;
    const outcome = last.then(reload).finally(() => waiting--);
    last = outcome;
    return outcome;
  };
}

/**
 * Workers share the port with one another, and would with those of another gateway.
 * @throws when somebody listens there
 */
function requireFreePort({ host, port }: Config): void {
  if (port === 0) return;
  Bun.listen({ hostname: host, port, socket: { data() {} } }).stop(true);
}

/** Of the service manager: what a worker says to it would be taken for the gateway's word. */
const supervisorsNames = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"];

const spawnWorker: SpawnWorker = (hear) => {
  const environment = Object.entries(process.env).filter(([name]) => !supervisorsNames.includes(name));
  const program = isCompiled ? [ownProgram()] : [process.execPath, ...process.execArgv, process.argv[1] ?? ""];
  const child = Bun.spawn([...program, workerCommand], {
    env: Object.fromEntries(environment),
    stdio: ["ignore", "inherit", "inherit"],
    serialization: "json",
    ipc: (message) => hear(message),
  });
  return {
    pid: child.pid,
    send: (message) => void child.send(message),
    kill: (signal) => child.kill(signal),
    exited: child.exited.then(() => ({
      exitCode: child.exitCode,
      signal: child.signalCode === null ? null : String(child.signalCode),
    })),
  };
};

/** One for all workers, so that a conversation goes on wherever its next turn comes in. */
function createEmulatorSocket(runFolder: string, log: Log) {
  // By its own number, as workers have theirs: two gateways on one directory do not share it.
  const path = socketPathOf(runFolder, process.pid);
  const socket = madeOnce(async (): Promise<Bun.Server<undefined>> => {
    const { createQwenWebEmulator } = await import("../emulator/qwen-web-emulator.ts");
    const emulator = createQwenWebEmulator({ maxRecordedRequests: 0 });
    rmSync(path, { force: true });
    const server = Bun.serve({
      unix: path,
      // As in server/listen.ts: a slow answer is not cut.
      idleTimeout: 0 as never,
      fetch: (request) => emulator.fetch(request),
    });
    chmodSync(path, 0o600);
    log.info("The built-in emulator answers all workers");
    return server;
  });

  return {
    async open(): Promise<string> {
      await socket.get();
      return path;
    },
    close() {
      void socket
        .ifAsked()
        .then((server) => server?.stop(true))
        .catch(() => {});
      rmSync(path, { force: true });
    },
  };
}
