// The hidden command "worker": one of several processes that serve on one port. Started by serve-workers.ts, which also tells
// it the settings and when to stop.

import { type App, createApp } from "../app.ts";
import { ConfigError } from "../config/config-error.ts";
import { maxFetches } from "../config/max-fetches.ts";
import { createLog, type LiveLog } from "../telemetry/create-log.ts";
import { createFellows, type MovedFellows } from "../workers/fellows.ts";
import { createLink } from "../workers/link.ts";
import type { AskedOfSupervisor, AskedOfWorker, Served, ServeOrder, WorkerSettings } from "../workers/messages.ts";
import type { CommandContext, ExitCode } from "./command.ts";
import { tellStartError } from "./describe-start-error.ts";
import { awaitStopSignal, ignoreStraySignals } from "./stop-signals.ts";
import { useCompilersAsUsual } from "./use-compilers.ts";

/** The supervisor answers at once, or is gone. */
const wordMs = 2000;

interface Serving {
  readonly app: App;
  readonly fellows: MovedFellows;
  readonly log: LiveLog;
  settings: WorkerSettings;
}

export async function serveWorker(context: CommandContext): Promise<ExitCode> {
  const send = process.send?.bind(process);
  if (send === undefined) {
    context.complain('Workers are started by the gateway itself: run "qwen-gateway serve --workers 4"');
    return 2;
  }
  const stopping = Promise.withResolvers<string>();
  let serving: Serving | undefined;

  /** @throws {Error} before it serves */
  function requireServing(): Serving {
    if (serving === undefined) throw new Error("it does not serve yet");
    return serving;
  }

  const supervisor = createLink<AskedOfSupervisor, AskedOfWorker>((message) => void send(message), {
    async serve(order) {
      const begun = await begin(order);
      if ("failed" in begun) return begun;
      serving = begun.serving;
      return begun.served;
    },
    roster(roster) {
      requireServing().fellows.seat(roster);
      return null;
    },
    async reload(settings) {
      const present = requireServing();
      const before = present.settings;
      present.settings = settings;
      try {
        return (await present.app.reload()).upstreams;
      } catch (error) {
        present.settings = before;
        throw error;
      }
    },
    async apply(change) {
      await requireServing().fellows.apply(change);
      return null;
    },
    note: (note) => serving?.fellows.hear(note) ?? false,
    metrics: () => requireServing().app.gatherMetrics(),
    stop() {
      stopping.resolve("the supervisor");
      return null;
    },
    ping: () => null,
  });

  async function begin(order: ServeOrder): Promise<Exclude<Served, { url: string }> | Begun> {
    const { config } = order.settings;
    const log = createLog({ level: config.logLevel, format: config.logFormat, fields: { worker: order.number } });
    process.on("unhandledRejection", (reason) => log.error("A background task failed", {}, reason));
    let app: App | undefined;
    try {
      const fellows = createFellows(order, supervisor);
      const state: { settings: WorkerSettings } = { settings: order.settings };
      app = await createApp(
        { ...config, port: order.port },
        {
          log,
          fellows,
          origins: order.settings.origins,
          environment: order.settings.environment,
          readSettings: () => withPort((serving ?? state).settings, order.port),
          maxFetches: maxFetches(context.environment),
        },
      );
      const { url, port, upstreams } = await app.start();
      useCompilersAsUsual();
      return { serving: { app, fellows, log, ...state }, served: { url, port, upstreams } };
    } catch (error) {
      await app
        ?.stop()
        .catch((reason: unknown) => log.debug("Could not clean up after the failed start", { reason: String(reason) }));
      return failureOf(error, { ...config, port: order.port }, log);
    }
  }

  process.on("message", (message) => supervisor.receive(message));
  // Nobody restarts it any more, or tells it when to stop: what runs may end.
  process.on("disconnect", () => {
    supervisor.close("the supervisor is gone");
    stopping.resolve("the end of its supervisor");
  });
  // A closed terminal and a reload are the supervisor's business.
  process.on("SIGHUP", () => {});
  ignoreStraySignals(process);
  void awaitStopSignal(process, () => process.exit(1)).then(stopping.resolve);

  const reason = await stopping.promise;
  // Before it serves nothing has to be ended.
  if (serving === undefined) return 0;
  const { app, log } = serving;
  log.info("Stopping: running replies may end", { reason, drainTimeoutMs: app.config.drainTimeoutMs });
  // Where nobody hears it any more nobody has to.
  await supervisor.ask("leaving", null, wordMs).catch(() => {});
  try {
    await app.stop();
    await supervisor.ask("farewell", await app.gatherMetrics(), wordMs).catch(() => {});
    return 0;
  } catch (error) {
    log.error("Could not stop in good order", {}, error);
    return 1;
  }
}

interface Begun {
  readonly serving: Serving;
  readonly served: Served;
}

/** The one that the first worker took is no change of the settings. */
function withPort(settings: WorkerSettings, port: number): WorkerSettings {
  return { ...settings, config: { ...settings.config, port } };
}

function failureOf(error: unknown, config: WorkerSettings["config"], log: LiveLog) {
  if (error instanceof ConfigError) return { failed: error.message, exitCode: 2 } as const;
  return { failed: tellStartError(error, config, log), exitCode: 1 } as const;
}
