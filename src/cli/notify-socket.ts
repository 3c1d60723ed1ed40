// Datagrams to the socket of a service manager: the runtime knows no such sockets, so the system's library is called. Loaded
// only where there is one.

import { dlopen, ptr } from "bun:ffi";

export interface NotifySocket {
  /** @returns false when it could not be sent */
  send(text: string): boolean;
  /** Microseconds of the clock that the manager compares by. */
  monotonicMicros(): bigint;
}

// Of Linux, on all of its machines that the program is built for.
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0x80002;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;
const CLOCK_MONOTONIC = 1;
const mostPathBytes = 107;

const libraries = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

const symbols = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
} as const;

/**
 * @param path absolute, or of an abstract socket with "@" first
 * @throws {Error} when the path is no such path, or there is no such library
 */
export function openNotifySocket(path: string): NotifySocket {
  const address = encodeAddress(path);
  const libc = openLibrary();
  return {
    send(text) {
      const descriptor = libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
      if (descriptor < 0) return false;
      try {
        const bytes = Buffer.from(text);
        const { length } = bytes;
        const sent = libc.sendto(descriptor, ptr(bytes), length, MSG_DONTWAIT_NOSIGNAL, ptr(address), address.length);
        return Number(sent) === length;
      } finally {
        libc.close(descriptor);
      }
    },
    monotonicMicros() {
      const time = new BigInt64Array(2);
      libc.clock_gettime(CLOCK_MONOTONIC, ptr(time));
      return time[0]! * 1_000_000n + time[1]! / 1000n;
    },
  };
}

/** A family in the machine's byte order, which is little-endian wherever the program runs, and the path. */
function encodeAddress(path: string): Uint8Array {
  const name = Buffer.from(path);
  if (!/^[/@]./.test(path) || name.length > mostPathBytes) {
    throw new Error("its address is neither an absolute path nor the name of an abstract socket");
  }
  if (path.startsWith("@")) name[0] = 0;
  const end = path.startsWith("@") ? [] : [0];
  return Buffer.concat([Buffer.of(AF_UNIX, 0), name, Buffer.from(end)]);
}

function openLibrary() {
  let failure: unknown;
  for (const name of libraries) {
    try {
      return dlopen(name, symbols).symbols;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
