// A real HAProxy with the published configuration, as a child process in a folder of its own.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./binary.ts";
import { freePort, isListening } from "./ports.ts";

export interface HaProxy extends AsyncDisposable {
  readonly url: string;
  /** Of the master, whose children carry the connections. */
  readonly pid: number;
  /** Reads its file again: new workers take the port, the old ones end what they carry. */
  reload(): Promise<void>;
}

/** Debian's package puts it where users' PATH does not look. */
export function findHaProxy(): string | undefined {
  const found = Bun.which("haproxy") ?? ["/usr/sbin/haproxy"].find((path) => existsSync(path));
  if (found === undefined) console.warn("There is no haproxy here: its test does not run");
  return found;
}

/** @param gateways their ports on this machine */
export async function startHaProxy(executable: string, gateways: readonly number[]): Promise<HaProxy> {
  const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-haproxy-"));
  const port = freePort();
  const config = join(folder, "haproxy.cfg");
  await Bun.write(config, published(port, gateways));
  const child = Bun.spawn([executable, "-W", "-db", "-f", config, "-p", join(folder, "pid")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log: string[] = [];
  void collect(child.stderr, log);
  /** The first is the master. */
  const workers = (): number => log.join("").split("New worker").length - 1;

  async function untilWorkers(count: number): Promise<void> {
    await eventually(
      async () => {
        if (child.exitCode !== null) throw new Error(`haproxy ended: ${log.join("")}`);
        return workers() >= count && (await isListening(port)) ? true : undefined;
      },
      () => `haproxy has begun: ${log.join("")}`,
    );
  }

  try {
    await untilWorkers(1);
  } catch (error) {
    child.kill();
    throw error;
  }
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    async reload() {
      const before = workers();
      child.kill("SIGUSR2");
      await untilWorkers(before + 1);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The published file, with the addresses of this test. */
function published(port: number, gateways: readonly number[]): string {
  const text = readFileSync(join(import.meta.dir, "../../deploy/haproxy.cfg"), "utf8");
  const parts: (readonly [string, string])[] = [
    ["bind :8787", `bind 127.0.0.1:${port}`],
    ["maxconn 20000", "maxconn 2000"],
    [" resolvers docker init-addr last,libc,none", ""],
    ...gateways.map((each, index) => [`gateway-${index + 1}:8787`, `127.0.0.1:${each}`] as const),
  ];
  return parts.reduce((config, [from, to]) => {
    if (!config.includes(from)) throw new Error(`deploy/haproxy.cfg has no "${from}"`);
    return config.replace(from, to);
  }, text);
}

async function collect(stream: ReadableStream<Uint8Array>, into: string[]): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) into.push(decoder.decode(chunk, { stream: true }));
}
