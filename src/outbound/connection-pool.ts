// Connections to upstreams that are kept for a while when idle, for each origin and credential.

import { type ConnectionUser, openConnection, type SocketConnection } from "./socket-connection.ts";

export interface PoolOptions {
  /** @defaultValue 10_000 */
  readonly connectTimeoutMs?: number;
  /** @defaultValue 30_000 */
  readonly idleMs?: number;
  /** For each key. @defaultValue 1024 */
  readonly maxIdle?: number;
  readonly ca?: string;
  /** @defaultValue any */
  readonly allowsAddress?: (address: string) => boolean;
}

export interface ConnectionPool {
  /** An idle connection for this key, the one that was used last. */
  take(key: string): SocketConnection | undefined;
  /** @throws when it cannot be made in time, or its certificate is not trusted */
  connect(url: URL, signal: AbortSignal): Promise<SocketConnection>;
  give(key: string, connection: SocketConnection): void;
  closeIdle(): void;
}

export function createConnectionPool(options: PoolOptions): ConnectionPool {
  const { connectTimeoutMs = 10_000, idleMs = 30_000, maxIdle = 1024 } = options;
  const connectOptions = { timeoutMs: connectTimeoutMs, ca: options.ca, allowsAddress: options.allowsAddress };
  /** Of each key, the one that was used last at the end. */
  const idle = new Map<string, IdleConnection[]>();
  let timer: ReturnType<typeof setInterval> | undefined;

  function forget(key: string, one: IdleConnection): void {
    const connections = idle.get(key);
    const at = connections?.lastIndexOf(one) ?? -1;
    if (at >= 0) connections?.splice(at, 1);
  }

  function stopTimer(): void {
    clearInterval(timer);
    timer = undefined;
  }

  function closeOld(): void {
    const oldest = performance.now() - idleMs;
    for (const [key, connections] of idle) {
      for (const one of connections.filter(({ since }) => since <= oldest)) one.data();
      // Not when it is taken: the next answer gives it back.
      if (connections.length === 0) idle.delete(key);
    }
    if (idle.size === 0) stopTimer();
  }

  return {
    take(key) {
      return idle.get(key)?.pop()?.connection;
    },
    connect: (url, signal) => openConnection(url, signal, connectOptions),
    give(key, connection) {
      const connections = idle.get(key) ?? [];
      if (connections.length >= maxIdle) return connection.close();
      const one = new IdleConnection(connection, key, forget);
      if (connections.push(one) === 1) idle.set(key, connections);
      timer ??= setInterval(closeOld, Math.max(idleMs / 4, 10)).unref();
      connection.resume();
      // Last: it may have been closed already.
      connection.use(one);
    },
    closeIdle() {
      const all = [...idle.values()].flat();
      idle.clear();
      stopTimer();
      for (const { connection } of all) connection.close();
    },
  };
}

/** Whatever comes on an idle connection ends it: nobody asked for anything. */
class IdleConnection implements ConnectionUser {
  readonly connection: SocketConnection;
  readonly since = performance.now();
  readonly #key: string;
  readonly #forget: (key: string, dropped: IdleConnection) => void;

  constructor(connection: SocketConnection, key: string, forget: (key: string, dropped: IdleConnection) => void) {
    this.connection = connection;
    this.#key = key;
    this.#forget = forget;
  }

  data(): void {
    this.#forget(this.#key, this);
    this.connection.close();
  }

  closed(): void {
    this.data();
  }
}
