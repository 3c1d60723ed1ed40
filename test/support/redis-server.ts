// A real redis-server on a free port, as a child process in a folder of its own: stopped, killed and started again by tests.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./binary.ts";
import { freePort, isListening } from "./ports.ts";

export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** It is there, and says nothing. */
  pause(): void;
  resume(): void;
  /** At once; what it has written to its log is there after `start`. */
  kill(): Promise<void>;
  /** In good order. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Runs a command beside the gateway. */
  run(command: string, ...values: string[]): Promise<unknown>;
  /** Writes down every command from now on, one a line, as the server saw them. */
  monitor(): Promise<{ readonly lines: () => readonly string[] } & Disposable>;
}

export function findRedis(): string | undefined {
  const found = Bun.which("redis-server") ?? ["/usr/bin/redis-server"].find((path) => existsSync(path));
  if (found === undefined) console.warn("There is no redis-server here: the tests of the shared store do not run");
  return found;
}

/** @param settings more of its command line, such as `["--requirepass", "secret"]` */
export async function startRedis(executable: string, settings: readonly string[] = []): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-redis-"));
  const port = freePort();
  const url = `redis://127.0.0.1:${port}/0`;
  const fixed = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "yes"];
  // Else it answers before what it writes is on the disk, and a killed one has lost it.
  const durable = ["--appendfsync", "always", "--logfile", join(folder, "log")];
  let child: Bun.Subprocess | undefined;

  async function start(): Promise<void> {
    const started = Bun.spawn([executable, ...fixed, ...durable, ...settings], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    child = started;
    await eventually(
      async () => {
        if (started.exitCode !== null)
          throw new Error(`redis-server ended: ${await Bun.file(join(folder, "log")).text()}`);
        return (await isListening(port)) ? true : undefined;
      },
      () => "redis-server listens",
    );
  }

  await start();
  return {
    url,
    port,
    get pid() {
      return child?.pid ?? 0;
    },
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    async kill() {
      child?.kill("SIGKILL");
      await child?.exited;
    },
    async stop() {
      child?.kill("SIGTERM");
      await child?.exited;
    },
    start,
    async run(command, ...values) {
      const client = new Bun.RedisClient(url, { autoReconnect: false });
      try {
        await client.connect();
        return await client.send(command, values);
      } finally {
        client.close();
      }
    },
    async monitor() {
      let text = "";
      const socket = await Bun.connect({
        hostname: "127.0.0.1",
        port,
        socket: {
          data(_, bytes) {
            text += bytes.toString();
          },
        },
      });
      socket.write("MONITOR\r\n");
      await eventually(
        async () => (text.startsWith("+OK") ? true : undefined),
        () => "the server tells its commands",
      );
      return {
        lines: () => text.split("\r\n").slice(1),
        [Symbol.dispose]: () => void socket.end(),
      };
    },
    async [Symbol.asyncDispose]() {
      child?.kill("SIGKILL");
      await child?.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
