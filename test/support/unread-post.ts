// A client that sends its request and reads nothing of the answer: its socket is paused from the beginning.

import type { Socket } from "bun";

export interface UnreadPost {
  readonly socket: Socket;
  /** Resolves when the connection is over. */
  readonly closed: Promise<void>;
}

/** POST of a JSON body. */
export async function postUnread(url: string, value: unknown): Promise<UnreadPost> {
  const { hostname, port, host, pathname } = new URL(url);
  const body = JSON.stringify(value);
  const closed = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open(opened) {
        opened.pause();
        opened.write(`POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      },
      data() {},
      close: () => closed.resolve(),
    },
  });
  return { socket, closed: closed.promise };
}
