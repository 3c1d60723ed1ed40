// What a service manager is told, in which order, and that one which does not listen costs nothing.

import { expect, test } from "bun:test";
import { refuseHandedSockets } from "../../../src/cli/handed-sockets.ts";
import { connectServiceManager, createServiceManager, watchdogMs } from "../../../src/cli/service-manager.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { eventually } from "../../support/binary.ts";

function fakeSocket(refusals = 0) {
  const told: string[] = [];
  let left = refusals;
  return {
    told,
    send(text: string): boolean {
      if (left-- > 0) return false;
      told.push(text);
      return true;
    },
    monotonicMicros: () => 42n,
  };
}

test("createServiceManager tells states in order, again when the queue was full", async () => {
  const socket = fakeSocket(2);
  const manager = createServiceManager(socket, undefined, silentLog);
  manager.ready("Listens on\nhttp://a");
  manager.reloading();
  manager.stopping(30_000);
  await eventually(
    async () => (socket.told.length === 3 ? true : undefined),
    () => socket.told.join(),
  );

  expect(socket.told).toEqual([
    "READY=1\nSTATUS=Listens on http://a",
    "RELOADING=1\nMONOTONIC_USEC=42",
    "STOPPING=1\nSTATUS=Running replies may end\nEXTEND_TIMEOUT_USEC=40000000",
  ]);
});

test("createServiceManager says that it lives once it is ready", async () => {
  const socket = fakeSocket();
  createServiceManager(socket, 1, silentLog).ready("here");
  await eventually(
    async () => (socket.told.length >= 4 ? true : undefined),
    () => socket.told.join(),
  );

  expect(socket.told.slice(1, 4)).toEqual(["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
});

test.each([
  [{}, undefined],
  [{ WATCHDOG_USEC: "60000000" }, 30_000],
  [{ WATCHDOG_USEC: "60000000", WATCHDOG_PID: "7" }, 30_000],
  [{ WATCHDOG_USEC: "60000000", WATCHDOG_PID: "8" }, undefined],
  [{ WATCHDOG_USEC: "soon" }, undefined],
])("watchdogMs of %j is %p", (environment: Record<string, string>, expected) => {
  expect(watchdogMs(environment, 7)).toBe(expected);
});

test.each(["relative/path", "/".padEnd(200, "x")])("a NOTIFY_SOCKET that is none is a warning: %s", async (path) => {
  const lines: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void lines.push(message) };
  const manager = await connectServiceManager({ NOTIFY_SOCKET: path }, log);
  manager.ready("here");

  expect(lines).toEqual(["Cannot tell the service manager how the gateway is"]);
});

test("refuseHandedSockets refuses those of this process only", () => {
  expect(() => refuseHandedSockets({ LISTEN_FDS: "1", LISTEN_PID: "7" }, 7)).toThrow("systemd-socket-proxyd");
  expect(() => refuseHandedSockets({ LISTEN_FDS: "1", LISTEN_PID: "8" }, 7)).not.toThrow();
  expect(() => refuseHandedSockets({ LISTEN_FDS: "0", LISTEN_PID: "7" }, 7)).not.toThrow();
  expect(() => refuseHandedSockets({}, 7)).not.toThrow();
});
