// Sockets that a service manager hands over: the runtime cannot take them, and would listen elsewhere without a word.

import { ConfigError } from "../config/config-error.ts";
import type { Environment } from "../config/load-config.ts";

/** @throws {ConfigError} when there are any for this process */
export function refuseHandedSockets(environment: Environment, pid: number): void {
  const { LISTEN_FDS: count, LISTEN_PID: receiver } = environment;
  if (count === undefined || count === "" || count === "0") return;
  if (receiver !== undefined && receiver !== String(pid)) return;
  throw new ConfigError([
    "Cannot use the sockets of socket activation (LISTEN_FDS): let systemd-socket-proxyd take them and name the gateway's address to it",
  ]);
}
