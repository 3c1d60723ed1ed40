// qwen-gateway emulate: the built-in Qwen web backend over HTTP, for demonstrations and tests without an account.

import { type Command, type FlagValues, UsageError } from "./command.ts";
import { describeStartError } from "./describe-start-error.ts";
import { awaitStopSignal } from "./stop-signals.ts";

const DEFAULT_PORT = 8788;
const LONGEST_WAIT_MS = 3_600_000;

export const emulateCommand: Command = {
  name: "emulate",
  summary: "Serves an emulated Qwen web backend: no account, no network, no intelligence",
  example: "qwen-gateway emulate --port 8788 --seed 1",
  notes: "A gateway that talks to it: QWEN_BASE_URL=http://127.0.0.1:8788 QWEN_TOKEN=demo qwen-gateway",
  flags: [
    { name: "host", value: "TEXT", description: "Address to listen on (default 127.0.0.1)" },
    { name: "port", value: "NUMBER", description: `Port to listen on; 0 takes a free one (default ${DEFAULT_PORT})` },
    { name: "seed", value: "NUMBER", description: "Equal seeds give equal wording, chunks and ids (default random)" },
    { name: "token-delay-ms", value: "NUMBER", description: "Pause between two pieces of an answer" },
    { name: "busy-ms", value: "NUMBER", description: "How long a chat refuses a new message after an answer" },
  ],
  async run(flags, context) {
    const hostname = flags["host"] ?? "127.0.0.1";
    const port = wholeNumber(flags, "port", 65_535) ?? DEFAULT_PORT;
    const seed = wholeNumber(flags, "seed", 4_294_967_295);
    const tokenDelayMs = wholeNumber(flags, "token-delay-ms", LONGEST_WAIT_MS);
    const busyMs = wholeNumber(flags, "busy-ms", LONGEST_WAIT_MS);

    const stopSignal = awaitStopSignal(process, () => process.exit(1));
    try {
      const { serveEmulator } = await import("../emulator/qwen-web-emulator.ts");
      const emulator = serveEmulator({
        hostname,
        port,
        ...(seed === undefined ? {} : { seed }),
        ...(tokenDelayMs === undefined ? {} : { tokenDelayMs }),
        ...(busyMs === undefined ? {} : { busyMs }),
      });
      context.print(`Emulated Qwen on ${emulator.url}`);
      await stopSignal;
      await emulator.stop();
      return 0;
    } catch (error) {
      const sentence = describeStartError(error, { host: hostname, port, dataDir: "." });
      if (sentence === undefined) throw error;
      context.complain(sentence);
      return 1;
    }
  },
};

function wholeNumber(flags: FlagValues, name: string, maximum: number): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= maximum) return value;
  throw new UsageError(`Cannot use --${name} ${JSON.stringify(text)}: it must be a whole number from 0 to ${maximum}`);
}
