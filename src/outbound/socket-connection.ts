// One socket to an upstream: made within a time limit, verified where it is encrypted, written as fast as the peer takes
// it. Knows nothing of HTTP.

import type { Socket, SocketHandler } from "bun";
import { plainHost } from "./plain-host.ts";

export interface ConnectionUser {
  /** A fresh array each time (Bun 1.4.5): nobody writes to it again. */
  data(bytes: Uint8Array): void;
  closed(error: unknown): void;
}

export interface ConnectOptions {
  /** Name lookup, connection and handshake together. */
  readonly timeoutMs: number;
  /** Certificate authorities besides the built-in ones, in PEM. */
  readonly ca: string | undefined;
  /** Asked for the address that was really reached, whatever its name resolved to before. Undefined: any will do. */
  readonly allowsAddress?: ((address: string) => boolean) | undefined;
}

/** @throws when it cannot be made in time, or its certificate is not trusted; the signal's reason when it is aborted */
export function openConnection(url: URL, signal: AbortSignal, options: ConnectOptions): Promise<SocketConnection> {
  return new Promise((resolve, reject) => {
    const isEncrypted = url.protocol === "https:";
    const hostname = plainHost(url.hostname);
    const connection = new SocketConnection(isEncrypted, (reason) => {
      const error = reason ?? refusalOf(connection, options);
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      if (error === undefined) return resolve(connection);
      connection.close();
      reject(error);
    });
    const timer = setTimeout(() => connection.settle(timedOut()), options.timeoutMs);
    const onAbort = (): void => connection.settle(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    Bun.connect<SocketConnection>({
      hostname,
      port: Number(url.port || (isEncrypted ? 443 : 80)),
      ...(isEncrypted ? { tls: trustOf(hostname, options.ca) } : {}),
      data: connection,
      socket: handlers,
    }).catch((error: unknown) => connection.settle(error));
  });
}

function refusalOf(connection: SocketConnection, { allowsAddress }: ConnectOptions): Error | undefined {
  if (allowsAddress === undefined || allowsAddress(connection.address)) return undefined;
  return Object.assign(new Error("the address is not a public one"), { code: "EADDRREFUSED" });
}

function trustOf(hostname: string, ca: string | undefined): Bun.TLSOptions {
  return { serverName: hostname, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) };
}

function timedOut(): Error {
  return Object.assign(new Error("the connection could not be made in time"), { code: "ETIMEDOUT" });
}

export class SocketConnection {
  readonly isEncrypted: boolean;
  #socket: Socket<SocketConnection> | undefined;
  #user: ConnectionUser | undefined;
  /** Told once: that it is ready, or why it will never be. */
  #onSettled: ((error: unknown) => void) | undefined;
  /** Written as the socket takes it. */
  #unwritten: readonly Uint8Array[] | undefined;
  #isPaused = false;
  #isClosed = false;

  constructor(isEncrypted: boolean, onSettled: (error: unknown) => void) {
    this.isEncrypted = isEncrypted;
    this.#onSettled = onSettled;
  }

  /** @param error undefined: it is ready */
  settle(error: unknown): void {
    const tell = this.#onSettled;
    this.#onSettled = undefined;
    tell?.(error);
  }

  attach(socket: Socket<SocketConnection>): void {
    this.#socket = socket;
    // Given up while it was being made.
    if (this.#isClosed) return this.close();
    socket.setNoDelay(true);
    if (!this.isEncrypted) this.settle(undefined);
  }

  /** Of the peer; "" when it is not known. */
  get address(): string {
    return this.#socket?.remoteAddress ?? "";
  }

  /** Whoever uses it hears of what comes from now on. */
  use(user: ConnectionUser): void {
    this.#user = user;
    if (this.#isClosed) user.closed(undefined);
  }

  /** All of it is written, as fast as the peer takes it. */
  write(pieces: readonly Uint8Array[]): void {
    this.#unwritten = pieces;
    this.writeOn();
  }

  /** Writes what the socket takes of what is not written yet. */
  writeOn(): void {
    const pieces = this.#unwritten;
    if (pieces === undefined || this.#isClosed) return;
    this.#unwritten = undefined;
    for (let index = 0; index < pieces.length; index++) {
      const piece = pieces[index]!;
      const written = this.#socket?.write(piece) ?? 0;
      if (written === piece.length) continue;
      this.#unwritten = [piece.subarray(Math.max(written, 0)), ...pieces.slice(index + 1)];
      return;
    }
  }

  /** The peer, or the socket on its way to it, has taken everything. */
  get isWritten(): boolean {
    return this.#unwritten === undefined;
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
    this.settle(error ?? Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" }));
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#user?.closed(error);
    this.#socket?.terminate();
  }
}

/** The same for all sockets: a connection costs no closures. */
const handlers: SocketHandler<SocketConnection> = {
  binaryType: "uint8array",
  open: (socket) => socket.data.attach(socket),
  handshake(socket, isTrusted, error) {
    socket.data.settle(
      isTrusted && error === null ? undefined : (error ?? new Error("the certificate is not trusted")),
    );
  },
  data: (socket, bytes) => socket.data.onData(bytes),
  drain: (socket) => socket.data.writeOn(),
  // The peer has said all it will say: an answer without a length ends here.
  end: (socket) => socket.data.onClosed(undefined),
  close: (socket, error) => socket.data.onClosed(error),
  error: (socket, error) => socket.data.onClosed(error),
  connectError: (socket, error) => socket.data.settle(error),
};
