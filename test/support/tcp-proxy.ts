// A wire that tests can cut: connections to a port of this machine pass through it, or one of their directions does not.

export interface TcpProxy extends Disposable {
  readonly port: number;
  /** How often somebody has connected. */
  readonly connections: number;
  /** What the server says is swallowed; what it is told, it hears. */
  swallowAnswers(): void;
  /** For connections from now on. */
  mend(): void;
  /** Bytes that have gone to the server. */
  readonly sentBytes: number;
}

/** @param hearing connections that hear the server; later ones wait for ever. @defaultValue all */
export async function startTcpProxy(target: number, hearing = Number.POSITIVE_INFINITY): Promise<TcpProxy> {
  let connections = 0;
  let sentBytes = 0;
  let isSwallowing = false;
  const listener = Bun.listen<{ server: Promise<Bun.Socket>; isMute: boolean }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(client) {
        connections++;
        const state = { isMute: connections > hearing };
        const server = Bun.connect({
          hostname: "127.0.0.1",
          port: target,
          socket: {
            data(_, bytes) {
              if (isSwallowing) state.isMute = true;
              // What is swallowed once leaves a hole: nothing may come behind it.
              if (!state.isMute) client.write(bytes);
            },
            close: () => void client.end(),
            error: () => void client.end(),
          },
        });
        server.catch(() => client.end());
        client.data = { server, isMute: false };
      },
      async data(client, bytes) {
        const copy = bytes.slice();
        const server = await client.data.server.catch(() => undefined);
        sentBytes += copy.length;
        server?.write(copy);
      },
      async close(client) {
        (await client.data.server.catch(() => undefined))?.end();
      },
      error() {},
    },
  });
  return {
    port: listener.port,
    get connections() {
      return connections;
    },
    get sentBytes() {
      return sentBytes;
    },
    swallowAnswers() {
      isSwallowing = true;
    },
    mend() {
      isSwallowing = false;
    },
    [Symbol.dispose]: () => listener.stop(true),
  };
}
