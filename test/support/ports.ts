// Ports of this machine, for programs that tests start.

/** Below those that systems give to whoever asks for any: else somebody has it while a killed program is started again. */
const [first, count] = [20_000, 12_000];

/** Free a moment ago: for programs that cannot choose one themselves, or have to come back to it. */
export function freePort(): number {
  for (let attempt = 0; ; attempt++) {
    const port = first + Math.floor(Math.random() * count);
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      return port;
    } catch (error) {
      if (attempt > 100) throw error;
    }
  }
}

export async function isListening(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    // Refused: not yet.
    return false;
  }
}
