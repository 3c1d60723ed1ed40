// Tells a service manager such as systemd how the program is: that it serves, reloads, stops, and that it lives. Where there is
// none, nothing is told and nothing is loaded.

import type { Environment } from "../config/load-config.ts";
import { reasonOf } from "../contract/thrown.ts";
import type { Log } from "../telemetry/log.ts";
import type { NotifySocket } from "./notify-socket.ts";

export interface ServiceManager {
  /** It serves. From now on it says regularly that it lives, if that is wanted. */
  ready(status: string): void;
  reloading(): void;
  /** @param withinMs how long that may take: the manager waits so long before it kills */
  stopping(withinMs: number): void;
}

const silentManager: ServiceManager = { ready() {}, reloading() {}, stopping() {} };

/** A full queue of the manager empties in a moment. */
const mostAttempts = 50;
const retryMs = 20;
/** Beside the drain: the databases are closed. */
const closingMs = 10_000;

/** Never rejects: a gateway that cannot tell how it is serves all the same. */
export async function connectServiceManager(environment: Environment, log: Log): Promise<ServiceManager> {
  const path = environment["NOTIFY_SOCKET"];
  if (path === undefined || path === "") return silentManager;
  try {
    const { openNotifySocket } = await import("./notify-socket.ts");
    return createServiceManager(openNotifySocket(path), watchdogMs(environment, process.pid), log);
  } catch (error) {
    log.warn("Cannot tell the service manager how the gateway is", { reason: reasonOf(error) });
    return silentManager;
  }
}

/** @param aliveEveryMs undefined: nobody watches */
export function createServiceManager(socket: NotifySocket, aliveEveryMs: number | undefined, log: Log): ServiceManager {
  let timer: ReturnType<typeof setInterval> | undefined;
  /** One after the other, so that the last word is the last one that is heard. */
  let telling: Promise<void> = Promise.resolve();

  async function send(text: string): Promise<void> {
    for (let attempt = 1; !socket.send(text); attempt++) {
      if (attempt >= mostAttempts) return log.warn("The service manager does not listen");
      await Bun.sleep(retryMs);
    }
  }

  function tell(...lines: readonly string[]): void {
    const text = lines.join("\n");
    telling = telling.then(() => send(text));
  }

  return {
    ready(status) {
      tell("READY=1", `STATUS=${oneLine(status)}`);
      if (aliveEveryMs === undefined || timer !== undefined) return;
      // By the event loop that serves: where that stands still, nothing is told, and the manager restarts the program.
      timer = setInterval(() => void socket.send("WATCHDOG=1"), aliveEveryMs);
      timer.unref();
    },
    reloading: () => tell("RELOADING=1", `MONOTONIC_USEC=${socket.monotonicMicros()}`),
    stopping(withinMs) {
      const micros = BigInt(withinMs + closingMs) * 1000n;
      tell("STOPPING=1", "STATUS=Running replies may end", `EXTEND_TIMEOUT_USEC=${micros}`);
    },
  };
}

/** Half of what the manager waits for, as it recommends. Undefined: it does not watch this process. */
export function watchdogMs(environment: Environment, pid: number): number | undefined {
  const micros = Number(environment["WATCHDOG_USEC"]);
  const isOther = environment["WATCHDOG_PID"] !== undefined && environment["WATCHDOG_PID"] !== String(pid);
  if (!Number.isInteger(micros) || micros < 2000 || isOther) return undefined;
  return Math.floor(micros / 2000);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}
