// The socket of a service manager, as systemd would give it: what a gateway tells it is read here.

import { dlopen, ptr } from "bun:ffi";
import { join } from "node:path";
import { eventually } from "./binary.ts";

export interface NotifyListener extends Disposable {
  /** For NOTIFY_SOCKET. */
  readonly path: string;
  /** Everything that was told, oldest first. */
  readonly told: readonly string[];
  /** Resolves with the first message that fits, also when it came before. */
  until(fits: (message: string) => boolean): Promise<string>;
}

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

export function listenForNotices(folder: string): NotifyListener {
  const path = join(folder, "notify.socket");
  const { symbols } = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
    close: { args: ["i32"], returns: "i32" },
  });
  const descriptor = symbols.socket(AF_UNIX, SOCK_DGRAM, 0);
  const address = Buffer.concat([Buffer.of(AF_UNIX, 0), Buffer.from(`${path}\0`)]);
  if (symbols.bind(descriptor, ptr(address), address.length) !== 0) throw new Error(`Cannot listen on ${path}`);
  const told: string[] = [];
  const buffer = Buffer.alloc(4096);

  function read(): void {
    for (;;) {
      const count = Number(symbols.recv(descriptor, ptr(buffer), buffer.length, MSG_DONTWAIT));
      if (count <= 0) return;
      told.push(buffer.toString("utf8", 0, count));
    }
  }
  return {
    path,
    get told() {
      read();
      return told;
    },
    until: (fits) =>
      eventually(
        async () => {
          read();
          return told.find(fits);
        },
        () => `a message to the service manager, among ${JSON.stringify(told)}`,
      ),
    [Symbol.dispose]: () => void symbols.close(descriptor),
  };
}
