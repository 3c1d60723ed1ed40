import { expect, test } from "bun:test";
import { loadConfig } from "../../../src/config/load-config.ts";
import { longestTimerMs } from "../../../src/config/setting-kinds.ts";
import type { LogFields } from "../../../src/telemetry/log.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { createLink, type Link } from "../../../src/workers/link.ts";
import type {
  AskedOfSupervisor,
  AskedOfWorker,
  Roster,
  Served,
  ServeOrder,
  Switch,
  WorkerSettings,
} from "../../../src/workers/messages.ts";
import { restartDelayMs, type SupervisorTimes, usualTimes } from "../../../src/workers/restart-delay.ts";
import { createSupervisor } from "../../../src/workers/supervisor.ts";
import type { WorkerEnd } from "../../../src/workers/worker-process.ts";

const settingsOf = (environment: Record<string, string> = {}): WorkerSettings => ({
  ...loadConfig({ environment: { HOME: "/home/ann", PORT: "0", ...environment }, flags: {} }),
  environment: {},
});

/** A worker without a process: it answers over a channel, and ends when it is told to or killed. */
interface FakeWorker {
  readonly pid: number;
  order: ServeOrder | undefined;
  roster: Roster | undefined;
  readonly settings: WorkerSettings[];
  readonly changes: Switch[];
  readonly supervisor: Link<AskedOfSupervisor>;
  isStopped: boolean;
  killedBy: string | undefined;
  end(end: WorkerEnd): void;
}

interface StageOptions {
  readonly count?: number;
  readonly times?: Partial<SupervisorTimes>;
  /** @returns what the worker answers to its order. @defaultValue it serves */
  serve?(order: ServeOrder, started: number): Served | Promise<Served>;
  reload?(worker: number, settings: WorkerSettings): void | Promise<void>;
  isDeaf?(worker: number): boolean;
  heardRoster?(worker: FakeWorker): void;
  heardChange?(worker: FakeWorker): void;
  /** Throws when the system starts no process. */
  spawn?(): void;
}

function createStage({ count = 3, times, serve, reload, isDeaf, heardRoster, heardChange, spawn }: StageOptions = {}) {
  const workers: FakeWorker[] = [];
  const told: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
  const tell = (message: string, fields?: LogFields): void => {
    told.push({ message, fields });
    noteChange();
  };
  let heard = Promise.withResolvers<void>();
  const noteChange = (): void => {
    heard.resolve();
    heard = Promise.withResolvers();
  };

  const supervisor = createSupervisor({
    count,
    settings: settingsOf(),
    runFolder: "/nowhere",
    askReload: async () => ({ reason: "not here" }),
    openEmulator: async () => "/nowhere/emulator.sock",
    log: { ...silentLog, info: tell, warn: tell, error: tell },
    times: { firstDelayMs: 1, longestDelayMs: 2, ...times },
    spawn(hear) {
      spawn?.();
      const { promise: exited, resolve } = Promise.withResolvers<WorkerEnd>();
      const cross = (receive: (message: unknown) => void) => (message: unknown) => {
        const text = JSON.stringify(message);
        queueMicrotask(() => receive(JSON.parse(text)));
      };
      const worker: FakeWorker = {
        pid: 1000 + workers.length,
        order: undefined,
        roster: undefined,
        settings: [],
        changes: [],
        isStopped: false,
        killedBy: undefined,
        supervisor: createLink<AskedOfSupervisor, AskedOfWorker>(cross(hear), {
          async serve(order) {
            worker.order = order;
            noteChange();
            const port = order.port === 0 ? 4711 : order.port;
            return (
              (await serve?.(order, workers.length)) ?? {
                url: `http://127.0.0.1:${port}`,
                port,
                upstreams: ["qwen-web"],
              }
            );
          },
          roster(roster) {
            worker.roster = roster;
            heardRoster?.(worker);
            noteChange();
            return null;
          },
          async reload(settings) {
            await reload?.(worker.order?.number ?? 0, settings);
            worker.settings.push(settings);
            return ["qwen-web"];
          },
          apply(change) {
            worker.changes.push(change);
            heardChange?.(worker);
            noteChange();
            return null;
          },
          note: () => false,
          metrics: () => [],
          stop() {
            worker.isStopped = true;
            if (isDeaf?.(worker.order?.number ?? 0) !== true) worker.end({ exitCode: 0, signal: null });
            return null;
          },
          ping: () => (isDeaf?.(worker.order?.number ?? 0) === true ? new Promise<null>(() => {}) : null),
        }),
        end(end) {
          resolve(end);
          noteChange();
        },
      };
      workers.push(worker);
      return {
        pid: worker.pid,
        send: cross((message) => worker.supervisor.receive(message)),
        kill(signal) {
          worker.killedBy = signal;
          worker.end({ exitCode: null, signal });
        },
        exited,
      };
    },
  });

  return {
    supervisor,
    workers,
    told,
    /** Resolves when something that came from the supervisor makes it so. */
    async until(isSo: () => boolean): Promise<void> {
      while (!isSo()) await heard.promise;
    },
  };
}

const crash: WorkerEnd = { exitCode: null, signal: "SIGKILL" };

test("supervisor starts the first worker alone, and the others on its port; each knows the others", async () => {
  const first = Promise.withResolvers<void>();
  const stage = createStage({
    async serve({ number, port }) {
      if (number === 1) await first.promise;
      return { url: `http://127.0.0.1:${port || 4711}`, port: port || 4711, upstreams: ["a", "b"] };
    },
  });
  const starting = stage.supervisor.start();
  await stage.until(() => stage.workers[0]?.order !== undefined);
  expect(stage.workers).toHaveLength(1);
  first.resolve();

  expect(await starting).toEqual({ url: "http://127.0.0.1:4711", upstreams: ["a", "b"] });
  expect(stage.workers.map(({ order }) => [order?.number, order?.count, order?.port])).toEqual([
    [1, 3, 0],
    [2, 3, 4711],
    [3, 3, 4711],
  ]);
  for (const [index, { roster }] of stage.workers.entries()) {
    expect(roster?.keeper).toBe(1);
    expect(roster?.others.map(({ number }) => number)).toEqual([1, 2, 3].filter((number) => number !== index + 1));
  }
  expect(stage.supervisor.pids()).toEqual([1000, 1001, 1002]);
});

test("supervisor whose first worker cannot serve says why, and starts no other one", async () => {
  const refused = createStage({ serve: () => ({ failed: "Cannot listen on 127.0.0.1:1", exitCode: 2 }) });
  await expect(refused.supervisor.start()).rejects.toMatchObject({
    message: "Cannot listen on 127.0.0.1:1",
    exitCode: 2,
  });
  expect(refused.workers).toHaveLength(1);

  const stage = createStage({ serve: () => new Promise<Served>(() => {}) });
  const starting = stage.supervisor.start();
  await stage.until(() => stage.workers[0]?.order !== undefined);
  stage.workers[0]!.end({ exitCode: 7, signal: null });
  await expect(starting).rejects.toThrow("Cannot start worker 1: it ended with exit code 7");
  expect(stage.workers).toHaveLength(1);
});

test("supervisor puts another worker in the place of one that ended, and another one keeps", async () => {
  const stage = createStage();
  await stage.supervisor.start();
  stage.workers[0]!.end(crash);
  await stage.until(() => stage.workers.length === 4);
  await stage.until(
    () => stage.workers[1]!.roster?.others.some(({ socketPath }) => socketPath.includes("1003")) === true,
  );

  expect(stage.workers[3]!.order).toMatchObject({ number: 1, port: 4711, roster: { keeper: 2 } });
  expect([1, 2, 3].map((index) => stage.workers[index]!.roster?.keeper)).toEqual([2, 2, 2]);
  expect(stage.told.find(({ message }) => message.includes("A worker ended"))?.fields).toMatchObject({
    worker: 1,
    signal: "SIGKILL",
  });
});

test("supervisor ends what a worker that died has left running, and nothing that was over before", async () => {
  const { supervisor, workers, until } = createStage();
  await supervisor.start();
  const start = () => Bun.spawn(["sleep", "1000"], { detached: true, stdio: ["ignore", "ignore", "ignore"] });
  const [left, over] = [start(), start()];
  await workers[1]!.supervisor.ask("guard", { pid: left.pid, isOver: false }, 1000);
  await workers[1]!.supervisor.ask("guard", { pid: over.pid, isOver: false }, 1000);
  await workers[1]!.supervisor.ask("guard", { pid: over.pid, isOver: true }, 1000);
  workers[1]!.end(crash);
  await left.exited;
  await until(() => workers.length === 4);

  expect([left.signalCode, over.exitCode, over.signalCode]).toEqual(["SIGTERM", null, null]);
  over.kill();
  await supervisor.stop(1000);
});

test("supervisor kills what a worker has left running and does not hear SIGTERM", async () => {
  const { supervisor, workers } = createStage({ times: { leftMs: 1 } });
  await supervisor.start();
  const left = Bun.spawn(["sh", "-c", "trap '' TERM; echo begun; while :; do sleep 1; done"], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  await left.stdout.getReader().read();
  await workers[0]!.supervisor.ask("guard", { pid: left.pid, isOver: false }, 1000);
  workers[0]!.end(crash);
  await left.exited;

  expect(left.signalCode).toBe("SIGKILL");
  await supervisor.stop(1000);
});

test("supervisor has another worker keep while one ends what it runs, and counts what it says at the end", async () => {
  const stage = createStage();
  await stage.supervisor.start();
  const { supervisor } = stage.workers[0]!;
  await supervisor.ask("leaving", null, 1000);
  expect(stage.workers[1]!.roster).toMatchObject({ keeper: 2, others: [{ number: 3 }] });
  expect(stage.supervisor.pids()).toEqual([1001, 1002]);
  const row = {
    name: "told_total",
    help: "Told",
    type: "counter",
    values: [{ value: 7, labels: {} }],
    aggregator: "sum",
  };
  await supervisor.ask("farewell", [row as never], 1000);
  stage.workers[0]!.end({ exitCode: 0, signal: null });
  await stage.until(() => stage.workers[3]?.roster !== undefined);

  const { text } = await stage.workers[1]!.supervisor.ask("scrape", null, 1000);
  expect(text).toContain("told_total 7");
  expect(text).toContain("qwen_gateway_workers 3");
});

test("supervisor tries again when the system starts no process", async () => {
  let refusals = 0;
  const stage = createStage({
    spawn() {
      if (stage.workers.length >= 1 && refusals++ < 3) throw new Error("EAGAIN");
    },
  });
  await stage.supervisor.start();
  await stage.until(() => stage.supervisor.pids().length === 3);

  expect(stage.told.find(({ message }) => message === "A worker cannot start")?.fields).toEqual({
    reason: "Cannot start worker 2: EAGAIN",
  });
  expect(stage.supervisor.pids()).toHaveLength(3);
  await stage.supervisor.stop(1000);
});

test("supervisor whose first worker is not started by the system says why", async () => {
  const stage = createStage({
    spawn() {
      throw new Error("ENOENT");
    },
  });
  await expect(stage.supervisor.start()).rejects.toMatchObject({
    message: "Cannot start worker 1: ENOENT",
    exitCode: 1,
  });
});

test("supervisor puts another worker in the place of the first, also when that one ends before the others begin", async () => {
  const stage = createStage({
    count: 2,
    heardRoster({ pid, end }) {
      if (pid === 1000) end(crash);
    },
  });
  await stage.supervisor.start();
  await stage.until(() => stage.supervisor.pids().length === 2);

  expect(stage.workers.map(({ order }) => [order?.number, order?.port])).toContainEqual([1, 4711]);
  await stage.supervisor.stop(1000);
});

test("supervisor gives up when all end again and again, and not before", async () => {
  let isBroken = false;
  const stage = createStage({
    count: 2,
    times: { mostFailures: 3 },
    serve: ({ port }) =>
      isBroken ? { failed: "no disk", exitCode: 1 } : { url: "", port: port || 4711, upstreams: [] },
  });
  await stage.supervisor.start();
  isBroken = true;
  for (const worker of stage.workers) worker.end(crash);

  expect(await stage.supervisor.gaveUp).toContain("again and again");
  // Two that served, and each place tried at least as often as it must have failed.
  expect(stage.workers.length).toBeGreaterThanOrEqual(2 + 2 * 2);
});

test("supervisor has one worker after the other use other settings; also one that starts meanwhile", async () => {
  const order: number[] = [];
  const stage = createStage({ reload: (worker) => void order.push(worker) });
  await stage.supervisor.start();
  const next = settingsOf({ API_KEY: "another" });
  await stage.supervisor.reload(next);
  stage.workers[2]!.end(crash);
  await stage.until(() => stage.workers[3]?.order !== undefined);

  expect(order).toEqual([1, 2, 3]);
  expect(stage.workers.slice(0, 3).map(({ settings }) => settings[0]?.config.apiKey)).toEqual([
    ["another"],
    ["another"],
    ["another"],
  ]);
  expect(stage.workers[3]!.order?.settings.config.apiKey).toEqual(["another"]);
});

test("supervisor has a worker use other settings that began to serve while the first one tried them", async () => {
  const tried = Promise.withResolvers<void>();
  const stage = createStage({
    async reload(worker) {
      if (worker === 1) await tried.promise;
    },
  });
  await stage.supervisor.start();
  const reloading = stage.supervisor.reload(settingsOf({ API_KEY: "another" }));
  stage.workers[2]!.end(crash);
  await stage.until(() => stage.told.some(({ message }) => message === "A worker serves again"));
  tried.resolve();
  await reloading;

  expect(stage.workers[3]!.settings.map(({ config }) => config.apiKey)).toEqual([["another"]]);
});

test("supervisor leaves everything as it was when the first worker cannot use the settings", async () => {
  const stage = createStage({
    reload() {
      throw new Error("ADMIN_KEY is an API key");
    },
  });
  await stage.supervisor.start();
  await expect(stage.supervisor.reload(settingsOf({ API_KEY: "another" }))).rejects.toThrow("ADMIN_KEY is an API key");
  stage.workers[2]!.end(crash);
  await stage.until(() => stage.workers[3]?.order !== undefined);

  expect(stage.workers[1]!.settings).toHaveLength(0);
  expect(stage.workers[3]!.order?.settings.config.apiKey).toEqual([]);
});

test("supervisor has a worker that cannot use what another one uses already end in good order", async () => {
  const stage = createStage({
    reload(worker) {
      if (worker === 2) throw new Error("no");
    },
  });
  await stage.supervisor.start();
  await stage.supervisor.reload(settingsOf({ API_KEY: "another" }));
  await stage.until(() => stage.workers[3]?.order !== undefined);

  expect(stage.workers.map(({ isStopped }) => isStopped)).toEqual([false, true, false, false]);
  expect(stage.workers[3]!.order).toMatchObject({ number: 2, settings: { config: { apiKey: ["another"] } } });
});

test("supervisor tells all what is switched, also those that start later, and forgets what is switched back", async () => {
  const stage = createStage();
  await stage.supervisor.start();
  const pause = (upstream: string, isOn: boolean): Switch => ({ kind: "pause", upstream, isOn });
  await stage.workers[1]!.supervisor.ask("change", pause("a", true), 1000);
  await stage.workers[1]!.supervisor.ask("change", pause("b", true), 1000);
  await stage.workers[2]!.supervisor.ask("change", pause("a", false), 1000);
  await stage.workers[2]!.supervisor.ask("change", { kind: "capture", sessionId: "old", untilMs: 1 }, 1000);
  stage.workers[0]!.end(crash);
  await stage.until(() => stage.workers[3]?.order !== undefined);

  expect(stage.workers[0]!.changes.slice(0, 3)).toEqual([pause("a", true), pause("b", true), pause("a", false)]);
  expect(stage.workers[3]!.order?.switches).toEqual([pause("b", true)]);
});

test("supervisor tells a worker what was switched while it started", async () => {
  const begun = Promise.withResolvers<void>();
  const pause = (upstream: string, isOn: boolean): Switch => ({ kind: "pause", upstream, isOn });
  const stage = createStage({
    async serve({ port }, started) {
      if (started > 3) await begun.promise;
      return { url: "", port: port || 4711, upstreams: [] };
    },
  });
  await stage.supervisor.start();
  const { supervisor } = stage.workers[1]!;
  await supervisor.ask("change", pause("a", true), 1000);
  await supervisor.ask("change", pause("b", true), 1000);
  stage.workers[0]!.end(crash);
  await stage.until(() => stage.workers[3]?.order !== undefined);
  await supervisor.ask("change", pause("a", false), 1000);
  await supervisor.ask("change", pause("c", true), 1000);
  begun.resolve();
  await stage.until(() => stage.workers[3]!.changes.length === 2);

  expect(stage.workers[3]!.order?.switches).toEqual([pause("a", true), pause("b", true)]);
  expect(stage.workers[3]!.changes).toEqual([pause("a", false), pause("c", true)]);
});

test("supervisor tells a worker last what was switched last, also while it is told what it has missed", async () => {
  const begun = Promise.withResolvers<void>();
  const pause = (upstream: string, isOn: boolean): Switch => ({ kind: "pause", upstream, isOn });
  const stage = createStage({
    async serve({ port }, started) {
      if (started > 3) await begun.promise;
      return { url: "", port: port || 4711, upstreams: [] };
    },
    heardChange({ pid, changes, supervisor }) {
      if (pid === 1003 && changes.length === 1) void supervisor.ask("change", pause("b", false), 1000);
    },
  });
  await stage.supervisor.start();
  stage.workers[0]!.end(crash);
  await stage.until(() => stage.workers[3]?.order !== undefined);
  const { supervisor } = stage.workers[1]!;
  await supervisor.ask("change", pause("a", true), 1000);
  await supervisor.ask("change", pause("b", true), 1000);
  begun.resolve();
  await stage.until(() => stage.workers[3]!.changes.length === 3);

  expect(stage.workers[3]!.changes.at(-1)).toEqual(pause("b", false));
});

test("supervisor kills a worker that does not answer twice", async () => {
  const stage = createStage({ times: { pingMs: 5 }, isDeaf: (worker) => worker === 2 });
  await stage.supervisor.start();
  await stage.until(() => stage.workers[1]!.killedBy !== undefined);

  expect(stage.workers.slice(0, 3).map(({ killedBy }) => killedBy)).toEqual([undefined, "SIGKILL", undefined]);
  expect(stage.told.some(({ message }) => message.includes("does not answer"))).toBe(true);
  await stage.supervisor.stop(1);
});

test("supervisor that stops waits for all, starts none anew, and kills those that take too long", async () => {
  const stage = createStage({ isDeaf: (worker) => worker === 3 });
  await stage.supervisor.start();
  const isOrderly = await stage.supervisor.stop(1);

  expect(isOrderly).toBe(false);
  expect(stage.workers.map(({ isStopped, killedBy }) => [isStopped, killedBy])).toEqual([
    [true, undefined],
    [true, undefined],
    [true, "SIGKILL"],
  ]);
  expect(stage.workers).toHaveLength(3);
  expect(await createAndStop()).toBe(true);
});

test("supervisor lets workers end what runs for longer than a timer takes", async () => {
  const stage = createStage({ isDeaf: (worker) => worker === 3 });
  await stage.supervisor.start();
  const stopped = stage.supervisor.stop(longestTimerMs + 15_000);
  await Bun.sleep(20);
  stage.workers[2]!.end({ exitCode: 0, signal: null });

  expect(await stopped).toBe(true);
  expect(stage.workers[2]!.killedBy).toBeUndefined();
});

test("supervisor that stops while its first worker starts starts no other one", async () => {
  const begun = Promise.withResolvers<void>();
  const stage = createStage({
    async serve() {
      await begun.promise;
      return { url: "", port: 4711, upstreams: [] };
    },
    isDeaf: () => true,
  });
  const starting = stage.supervisor.start();
  await stage.until(() => stage.workers[0]?.order !== undefined);
  const stopping = stage.supervisor.stop(1);
  begun.resolve();
  await Promise.all([starting, stopping]);

  expect(stage.workers).toHaveLength(1);
});

async function createAndStop(): Promise<boolean> {
  const stage = createStage();
  await stage.supervisor.start();
  return stage.supervisor.stop(10_000);
}

test("restartDelayMs is nothing for a worker that was sound, and doubles up to a bound", () => {
  expect([0, 1, 2, 3, 7, 8, 60].map((failures) => restartDelayMs(failures, usualTimes))).toEqual([
    0, 100, 200, 400, 6400, 10_000, 10_000,
  ]);
});
