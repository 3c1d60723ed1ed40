// A line between the browser and the gateway that a test can cut: a proxy of bytes.

import type { Socket } from "bun";

export interface CuttableLine extends Disposable {
  readonly url: string;
  /** Ends every connection, without a farewell. New ones go through. */
  cut(): void;
}

export function createCuttableLine(port: number): CuttableLine {
  const near = new Set<Socket<{ far: Promise<Socket> }>>();
  const listener = Bun.listen<{ far: Promise<Socket> }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        near.add(socket);
        const far = Bun.connect({
          hostname: "127.0.0.1",
          port,
          socket: {
            data: (_, bytes) => void socket.write(bytes),
            close: () => void socket.end(),
          },
        });
        socket.data = { far };
      },
      async data(socket, bytes) {
        // The view is of a buffer that is used again.
        const copy = bytes.slice();
        (await socket.data.far).write(copy);
      },
      async close(socket) {
        near.delete(socket);
        (await socket.data.far).end();
      },
    },
  });
  return {
    url: `http://127.0.0.1:${listener.port}`,
    cut() {
      for (const socket of near) socket.terminate();
    },
    [Symbol.dispose]: () => listener.stop(true),
  };
}
