// The workers of one gateway: started, kept alive, told of one another and of other settings, stopped. Serves nobody itself.

import { rmSync } from "node:fs";
import { longestTimerMs } from "../config/setting-kinds.ts";
import { reasonOf } from "../contract/thrown.ts";
import type { MetricRow } from "../telemetry/merge-metrics.ts";
import type { Log } from "../telemetry/log.ts";
import { restartDelayMs, type SupervisorTimes, usualTimes } from "./restart-delay.ts";
import { endGroups } from "./left-behind.ts";
import { createLines } from "./lines.ts";
import { createMergedMetrics } from "./merged-metrics.ts";
import type { ReloadOutcome, Roster, Served, WorkerSettings } from "./messages.ts";
import { socketPathOf } from "./run-folder.ts";
import { createSwitchboard } from "./switchboard.ts";
import { type SpawnWorker, type WorkerEnd, WorkerProcess } from "./worker-process.ts";

export interface SupervisorOptions {
  /** How many. */
  readonly count: number;
  readonly spawn: SpawnWorker;
  /** In force at the start. */
  readonly settings: WorkerSettings;
  readonly runFolder: string;
  /** Makes the built-in emulator answer on a socket. @returns its path */
  openEmulator(): Promise<string>;
  /** Somebody who looks after the gateway wants the settings read again. */
  askReload(): Promise<ReloadOutcome>;
  readonly log: Log;
  /** @defaultValue `usualTimes` */
  readonly times?: Partial<SupervisorTimes>;
}

export interface Supervisor {
  /**
   * Resolves when all workers serve. One that does not come up behind the first is tried again later.
   * @throws {StartFailure} when the first one cannot serve
   */
  start(): Promise<{ readonly url: string; readonly upstreams: readonly string[] }>;
  /**
   * Has one worker after the other serve by these from now on. Each keeps its socket, and ends what it runs as it began.
   * @returns what serves by them, each in a few words
   * @throws {Error} when they cannot be used: everything is as it was
   */
  reload(settings: WorkerSettings): Promise<readonly string[]>;
  /** Resolves with a sentence when the workers end again and again, however often they are started. */
  readonly gaveUp: Promise<string>;
  /**
   * Lets running replies end.
   * @param withinMs after so long workers that are still there are killed
   * @returns whether all ended in good order
   */
  stop(withinMs: number): Promise<boolean>;
  /** At once. */
  kill(): void;
  /** Process ids of those that serve, by their number. */
  pids(): readonly number[];
}

/** Says what is to be said to whoever started the program. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
  readonly exitCode: 1 | 2;

  constructor(sentence: string, exitCode: 1 | 2 = 1) {
    super(sentence);
    this.exitCode = exitCode;
  }
}

/** One worker's place: whoever sits in it has its number. */
interface Place {
  readonly number: number;
  process: WorkerProcess | undefined;
  /** Ends in a row that came soon after the start. */
  failures: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { count, runFolder, log } = options;
  const times = { ...usualTimes, ...options.times };
  const places = Array.from({ length: count }, (_, index): Place => ({
    number: index + 1,
    process: undefined,
    failures: 0,
    timer: undefined,
  }));
  const first = places[0]!;
  const metrics = createMergedMetrics();
  const lines = createLines<WorkerProcess>();
  const switchboard = createSwitchboard(() => ready());
  const gaveUp = Promise.withResolvers<string>();
  let { settings } = options;
  let { port } = settings.config;
  /** Rises with each change of the settings. */
  let revision = 0;
  let keeper = first.number;
  let restarts = 0;
  /** The first one serves, or did. */
  let hasStarted = false;
  let isStopping = false;
  let pinging: ReturnType<typeof setInterval> | undefined;

  function ready(): WorkerProcess[] {
    return places.flatMap(({ process }) => (process?.isReady === true ? [process] : []));
  }

  function rosterFor(number: number): Roster {
    const others = ready()
      .filter((one) => one.number !== number)
      .map((one) => ({ number: one.number, socketPath: socketPathOf(runFolder, one.pid) }));
    return { others, keeper };
  }

  /** Resolves when every worker that serves knows who else does. Never rejects. */
  async function tellRoster(): Promise<void> {
    await Promise.all(ready().map((one) => one.tell("roster", rosterFor(one.number))));
  }

  /** One that goes keeps nothing any more: another one does, if there is one. */
  async function replaceKeeper(leaving: number): Promise<void> {
    if (keeper === leaving) keeper = ready()[0]?.number ?? keeper;
    await tellRoster();
  }

  async function scrape() {
    await Promise.all(
      ready().map(async (one) => {
        // Who does not answer in time counts with what it told last.
        const rows = await one.ask("metrics", null, times.scrapeMs).catch(() => undefined);
        if (rows !== undefined && places[one.number - 1]?.process === one) metrics.note(one.number, rows);
      }),
    );
    return metrics.scrape(ownRows(ready().length, restarts));
  }

  /** @throws {Error} when the system starts no process */
  function open(place: Place): WorkerProcess {
    const process = new WorkerProcess(place.number, options.spawn, {
      change: (change) => switchboard.change(change),
      reload: () => options.askReload(),
      async pass(note) {
        const others = ready().filter((one) => one !== process);
        const had = await Promise.all(others.map((one) => one.ask("note", note, times.noteMs).catch(() => false)));
        return had.includes(true);
      },
      enterLine: (key) => lines.enter(key, process),
      leaveLine(key) {
        lines.leave(key, process);
        return null;
      },
      guard({ pid, isOver }) {
        if (isOver) process.guarded.delete(pid);
        else process.guarded.add(pid);
        return null;
      },
      async leaving() {
        process.isReady = false;
        if (!isStopping) await replaceKeeper(place.number);
        return null;
      },
      farewell(rows) {
        metrics.note(place.number, rows);
        return null;
      },
      scrape,
      emulator: () => options.openEmulator(),
    });
    place.process = process;
    return process;
  }

  async function begin(place: Place): Promise<Served> {
    const startedWith = revision;
    let process: WorkerProcess;
    try {
      process = open(place);
    } catch (error) {
      place.failures++;
      restartLater(place);
      return notStarted(place, error);
    }
    const ended = process.exited.then((end) => onEnd(place, process, end));
    const order = {
      number: place.number,
      count,
      port,
      runFolder,
      settings,
      roster: rosterFor(place.number),
      switches: switchboard.all(),
    };
    const served = await process.ask("serve", order, times.startMs).catch((error: unknown) => notStarted(place, error));
    if ("failed" in served) {
      process.kill("SIGKILL");
      await ended;
      return served;
    }
    process.isReady = true;
    process.hasServed = true;
    // From here on its place is kept, and on this port.
    hasStarted = true;
    ({ port } = served);
    await tellRoster();
    // Switched, or read again, while it started. At once: what is switched from here on comes behind it.
    await Promise.all(switchboard.since(order.switches).map((change) => process.tell("apply", change)));
    if (startedWith !== revision) await adopt(process);
    return served;
  }

  async function onEnd(place: Place, process: WorkerProcess, end: WorkerEnd): Promise<void> {
    if (place.process === process) place.process = undefined;
    rmSync(socketPathOf(runFolder, process.pid), { force: true });
    endGroups(process.guarded, times.leftMs);
    lines.drop(process);
    await metrics.left(place.number);
    if (isStopping || !hasStarted) return;
    const { hasServed, livedMs } = process;
    place.failures = hasServed && livedMs >= times.soundMs ? 0 : place.failures + 1;
    const delayMs = restartDelayMs(place.failures, times);
    const told = { worker: place.number, pid: process.pid, ...end, delayMs };
    log[end.exitCode === 0 ? "info" : "error"]("A worker ended: another one takes its place", told);
    await replaceKeeper(place.number);
    restartLater(place);
  }

  function hasNoHope(): boolean {
    return places.every(({ process, failures }) => process?.isReady !== true && failures >= times.mostFailures);
  }

  /** Has it serve by the settings in force. Never rejects: one that cannot ends what it runs, and another one starts with them. */
  async function adopt(process: WorkerProcess): Promise<void> {
    try {
      await process.ask("reload", settings, times.reloadMs);
    } catch (error) {
      const reason = reasonOf(error);
      log.error("A worker cannot use the settings: another one takes its place", { worker: process.number, reason });
      await process.tell("stop", null);
    }
  }

  function restartLater(place: Place): void {
    // The first one is waited for at the start: whoever started the program is told why it does not come up.
    if (isStopping || !hasStarted) return;
    if (hasNoHope()) return gaveUp.resolve(hopeless);
    place.timer = setTimeout(() => void restart(place), restartDelayMs(place.failures, times));
  }

  async function restart(place: Place): Promise<void> {
    if (isStopping) return;
    restarts++;
    const served = await begin(place);
    if ("failed" in served) log.error("A worker cannot start", { worker: place.number, reason: served.failed });
    else log.info("A worker serves again", { worker: place.number, pid: place.process?.pid });
  }

  /** A worker whose event loop stands still for so long serves nobody: it is ended, and another one starts. */
  async function ping(process: WorkerProcess): Promise<void> {
    try {
      await process.ask("ping", null, times.pingMs);
      process.missedPings = 0;
    } catch {
      process.missedPings++;
      // Twice: after a sleep of the machine the first answer is late for no fault of its own.
      if (process.missedPings < 2 || !process.isReady || isStopping) return;
      log.error("A worker does not answer: it is killed", { worker: process.number, pid: process.pid });
      process.kill("SIGKILL");
    }
  }

  return {
    async start() {
      const served = await begin(first);
      if ("failed" in served) throw new StartFailure(served.failed, served.exitCode);
      if (isStopping) return { url: served.url, upstreams: served.upstreams };
      const others = await Promise.all(places.slice(1).map((place) => begin(place)));
      for (const other of others) if ("failed" in other) log.error("A worker cannot start", { reason: other.failed });
      pinging = setInterval(() => void Promise.all(ready().map(ping)), times.pingMs);
      pinging.unref();
      return { url: served.url, upstreams: served.upstreams };
    },
    async reload(next) {
      const [trial] = ready();
      // One that refuses them leaves all as they were.
      const upstreams = (await trial?.ask("reload", next, times.reloadMs)) ?? [];
      settings = next;
      revision++;
      // Also those that began to serve meanwhile, by the settings before.
      for (const process of ready()) if (process !== trial) await adopt(process);
      return upstreams;
    },
    gaveUp: gaveUp.promise,
    async stop(withinMs) {
      isStopping = true;
      clearInterval(pinging);
      const running = places.flatMap(({ process, timer }) => {
        clearTimeout(timer);
        return process === undefined ? [] : [process];
      });
      const killAll = (): void => {
        for (const process of running) process.kill("SIGKILL");
      };
      // A timer that is given more runs out at once.
      const late = setTimeout(killAll, Math.min(withinMs, longestTimerMs));
      for (const process of running) void process.tell("stop", null);
      const ends = await Promise.all(running.map(({ exited }) => exited));
      clearTimeout(late);
      return ends.every(({ exitCode }) => exitCode === 0);
    },
    kill() {
      isStopping = true;
      for (const { process } of places) process?.kill("SIGKILL");
    },
    pids: () => ready().map(({ pid }) => pid),
  };
}

function notStarted({ number }: Place, error: unknown): Served {
  return { failed: `Cannot start worker ${number}: ${reasonOf(error)}`, exitCode: 1 };
}

const hopeless = "All workers end soon after they have started, again and again: the log says why";

function ownRows(workers: number, restarts: number): MetricRow[] {
  const row = (name: string, help: string, type: "gauge" | "counter", value: number) => ({
    name,
    help,
    type,
    values: [{ value, labels: {} }],
    aggregator: "sum" as const,
  });
  return [
    row("qwen_gateway_workers", "Workers that serve", "gauge", workers),
    row("qwen_gateway_worker_restarts_total", "Workers that took the place of one that ended", "counter", restarts),
    // The library's enumeration of types is of its own module; its values are these words.
  ] as unknown as MetricRow[];
}
