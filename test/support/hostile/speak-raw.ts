// Bytes to a socket as they are, and all that comes back: what no HTTP client would let one send.

export interface RawAnswer {
  readonly text: string;
  /** Of each answer that came, in order. */
  readonly statuses: readonly number[];
  /** The server ended the connection, and not our patience. */
  readonly isClosed: boolean;
  readonly tookMs: number;
}

export interface RawOptions {
  /** Longest wait for the server to close. */
  readonly patienceMs?: number;
  /** Sent again and again, one each `everyMs`, until it closes. */
  readonly drip?: { readonly bytes: string; readonly everyMs: number };
}

/** Ends when the server closes, or when patience ends. */
export async function speakRaw(port: number, bytes: string, options: RawOptions = {}): Promise<RawAnswer> {
  const { patienceMs = 5000, drip } = options;
  const startedAtMs = performance.now();
  const closed = Promise.withResolvers<boolean>();
  let text = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, chunk) {
        text += chunk.toString("latin1");
      },
      close: () => closed.resolve(true),
      error: () => closed.resolve(true),
    },
  });
  const send = (some: string): void => void socket.write(Buffer.from(some, "latin1"));
  send(bytes);
  const dripping = drip && setInterval(() => send(drip.bytes), drip.everyMs);
  const patience = setTimeout(() => closed.resolve(false), patienceMs);
  const isClosed = await closed.promise;
  clearInterval(dripping);
  clearTimeout(patience);
  socket.end();
  const statuses = [...text.matchAll(/(?:^|\n|\})HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  return { text, statuses, isClosed, tookMs: performance.now() - startedAtMs };
}
