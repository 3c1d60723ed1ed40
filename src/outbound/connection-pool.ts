// Sockets to upstreams: made within a time limit, verified where they are encrypted, and kept for a while when idle.

import type { Socket } from "bun";

export interface ConnectionUser {
  /** The bytes are the socket's again after the call. */
  data(bytes: Uint8Array): void;
  closed(error: unknown): void;
}

export interface PooledConnection {
  use(user: ConnectionUser): void;
  /** All of it is written, as fast as the peer takes it. */
  write(bytes: Uint8Array): void;
  pause(): void;
  resume(): void;
  close(): void;
}

export interface PoolOptions {
  readonly connectTimeoutMs?: number;
  readonly idleMs?: number;
  readonly maxIdle?: number;
  readonly ca?: string;
}

export interface ConnectionPool {
  /** An idle connection for this key, the one that was used last. */
  take(key: string): PooledConnection | undefined;
  /** @throws when it cannot be made in time, or its certificate is not trusted */
  connect(url: URL, signal: AbortSignal): Promise<PooledConnection>;
  give(key: string, connection: PooledConnection): void;
  closeIdle(): void;
}

interface IdleConnection {
  readonly connection: PooledConnection;
  readonly since: number;
}

export function createConnectionPool(options: PoolOptions): ConnectionPool {
  const { connectTimeoutMs = 10_000, idleMs = 30_000, maxIdle = 256 } = options;
  const idle = new Map<string, IdleConnection[]>();
  let timer: ReturnType<typeof setInterval> | undefined;

  function forget(key: string, connection: PooledConnection): void {
    const left = (idle.get(key) ?? []).filter((one) => one.connection !== connection);
    if (left.length > 0) idle.set(key, left);
    else idle.delete(key);
    if (idle.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  function closeOld(): void {
    const oldest = performance.now() - idleMs;
    for (const [key, connections] of idle) {
      for (const { connection, since } of connections) {
        if (since > oldest) continue;
        forget(key, connection);
        connection.close();
      }
    }
  }

  return {
    take(key) {
      const last = idle.get(key)?.at(-1);
      if (last === undefined) return undefined;
      forget(key, last.connection);
      return last.connection;
    },
    connect: (url, signal) => openConnection(url, signal, connectTimeoutMs, options.ca),
    give(key, connection) {
      const connections = idle.get(key) ?? [];
      if (connections.length >= maxIdle) return connection.close();
      // Whatever comes on an idle connection ends it: nobody asked for anything.
      const drop = (): void => {
        forget(key, connection);
        connection.close();
      };
      connection.use({ data: drop, closed: drop });
      connection.resume();
      connections.push({ connection, since: performance.now() });
      idle.set(key, connections);
      timer ??= setInterval(closeOld, Math.max(idleMs / 4, 10)).unref();
    },
    closeIdle() {
      const all = [...idle.values()].flat();
      idle.clear();
      clearInterval(timer);
      timer = undefined;
      for (const { connection } of all) connection.close();
    },
  };
}

function openConnection(
  url: URL,
  signal: AbortSignal,
  connectTimeoutMs: number,
  ca: string | undefined,
): Promise<PooledConnection> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(connectTimeoutMs)]);
  return new Promise((resolve, reject) => {
    const connection = new SocketConnection();
    const fail = (error: unknown): void => {
      limit.removeEventListener("abort", onLimit);
      connection.close();
      reject(error);
    };
    const onLimit = (): void => fail(signal.aborted ? signal.reason : timedOut());
    limit.addEventListener("abort", onLimit, { once: true });
    const isEncrypted = url.protocol === "https:";
    const ready = (): void => {
      limit.removeEventListener("abort", onLimit);
      resolve(connection);
    };
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    Bun.connect({
      hostname,
      port: Number(url.port || (isEncrypted ? 443 : 80)),
      ...(isEncrypted
        ? { tls: { serverName: hostname, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) } }
        : {}),
      socket: {
        binaryType: "uint8array",
        open(socket) {
          connection.attach(socket);
          // Given up while it was being made.
          if (limit.aborted) return connection.close();
          socket.setNoDelay(true);
          if (!isEncrypted) ready();
        },
        handshake(_socket, isTrusted, error) {
          if (isTrusted && error === null) ready();
          else fail(error ?? new Error("the certificate is not trusted"));
        },
        data: (_socket, bytes) => connection.onData(bytes),
        drain: () => connection.onDrain(),
        // The peer has said all it will say: an answer without a length ends here.
        end: () => connection.onClosed(undefined),
        close: (_socket, error) => connection.onClosed(error ?? undefined),
        error: (_socket, error) => connection.onClosed(error),
        connectError: (_socket, error) => fail(error),
      },
    }).catch(fail);
  });
}

function timedOut(): Error {
  return Object.assign(new Error("the connection could not be made in time"), { code: "ETIMEDOUT" });
}

class SocketConnection implements PooledConnection {
  #socket: Socket | undefined;
  #user: ConnectionUser | undefined;
  /** Written as the socket takes it. */
  #unwritten: Uint8Array | undefined;
  #isPaused = false;
  #isClosed = false;

  attach(socket: Socket): void {
    this.#socket = socket;
  }

  use(user: ConnectionUser): void {
    this.#user = user;
    if (this.#isClosed) user.closed(undefined);
  }

  write(bytes: Uint8Array): void {
    const written = this.#socket?.write(bytes) ?? 0;
    this.#unwritten = written < bytes.length ? bytes.subarray(Math.max(written, 0)) : undefined;
  }

  onDrain(): void {
    const rest = this.#unwritten;
    if (rest !== undefined) this.write(rest);
  }

  pause(): void {
    if (this.#isPaused || this.#isClosed) return;
    this.#isPaused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#isPaused || this.#isClosed) return;
    this.#isPaused = false;
    this.#socket?.resume();
  }

  close(): void {
    this.#isClosed = true;
    this.#user = undefined;
    this.#unwritten = undefined;
    this.#socket?.terminate();
  }

  onData(bytes: Uint8Array): void {
    this.#user?.data(bytes);
  }

  onClosed(error: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#user?.closed(error);
    this.#socket?.terminate();
  }
}
