// qwen-gateway emulate: a built-in Qwen server over HTTP, for demonstrations and tests without an account. The web
// backend unless --dialect names another kind of server.

import { announce } from "./announce.ts";
import { type Command, type FlagValues, UsageError } from "./command.ts";
import { describeListenError } from "./describe-start-error.ts";
import { numberFlag } from "./number-flag.ts";
import { awaitStopSignal } from "./stop-signals.ts";

const defaultPort = 8788;
const longestWaitMs = 3_600_000;
const dialects = "dashscope, dashscope-plans, modelscope, vllm, sglang, ollama, llama-cpp, lm-studio or generic";

export const emulateCommand: Command = {
  name: "emulate",
  summary: "Serves an emulated Qwen: no account, no network, no intelligence",
  example: "qwen-gateway emulate --port 8788 --seed 1",
  notes:
    "A gateway that talks to it: QWEN_BASE_URL=http://127.0.0.1:8788 QWEN_UPLOAD_URL=http://127.0.0.1:8788 QWEN_TOKEN=demo qwen-gateway\n" +
    "Another kind of server: qwen-gateway emulate --dialect vllm --port 8000",
  flags: [
    { name: "host", value: "TEXT", description: "Address to listen on (default 127.0.0.1)" },
    { name: "port", value: "NUMBER", description: `Port to listen on; 0 takes a free one (default ${defaultPort})` },
    { name: "seed", value: "NUMBER", description: "Equal seeds give equal wording, chunks and ids (default random)" },
    { name: "token-delay-ms", value: "NUMBER", description: "Pause between two pieces of an answer" },
    { name: "busy-ms", value: "NUMBER", description: "How long a chat refuses a new message after an answer" },
    { name: "dialect", value: "TEXT", description: `Not the web backend but a server that speaks as ${dialects} does` },
    { name: "variant", value: "TEXT", description: "Version or setting of that server, such as 0.12 of vllm" },
    { name: "keys", value: "TEXT", description: "Keys that it accepts, separated by commas (default any)" },
    { name: "models", value: "TEXT", description: "Models that it serves, separated by commas (default its own)" },
    { name: "context-tokens", value: "NUMBER", description: "Window of its models (default each model's own)" },
  ],
  async run(flags, context) {
    const hostname = flags["host"] ?? "127.0.0.1";
    const port = numberFlag(flags, "port", { most: 65_535 }) ?? defaultPort;
    try {
      const served = await serve(flags, { hostname, port });
      const stopSignal = awaitStopSignal(process, () => process.exit(1));
      announce(served.greeting, context);
      await stopSignal;
      await served.stop();
      return 0;
    } catch (error) {
      const sentence = describeListenError(error, { host: hostname, port });
      if (sentence === undefined) throw error;
      context.complain(sentence);
      return 1;
    }
  },
};

interface Served {
  readonly greeting: string;
  stop(): Promise<void>;
}

interface Address {
  readonly hostname: string;
  readonly port: number;
}

async function serve(flags: FlagValues, address: Address): Promise<Served> {
  const seed = numberFlag(flags, "seed", { most: 4_294_967_295 });
  const tokenDelayMs = numberFlag(flags, "token-delay-ms", { most: longestWaitMs });
  const busyMs = numberFlag(flags, "busy-ms", { most: longestWaitMs });
  const common = {
    ...address,
    ...(seed === undefined ? {} : { seed }),
    ...(tokenDelayMs === undefined ? {} : { tokenDelayMs }),
  };
  if (flags["dialect"] !== undefined) return serveDialect(flags["dialect"], flags, common);
  const stray = ofDialects.find((name) => flags[name] !== undefined);
  if (stray !== undefined) throw new UsageError(`Cannot use --${stray}: the web backend has none, give --dialect too`);
  const { serveEmulator } = await import("../emulator/qwen-web-emulator.ts");
  const { url, stop } = serveEmulator({ ...common, ...(busyMs === undefined ? {} : { busyMs }) });
  return { greeting: `Emulated Qwen on ${url}`, stop };
}

const ofDialects = ["variant", "keys", "models", "context-tokens"] as const;

async function serveDialect(
  name: string,
  flags: FlagValues,
  common: Address & { readonly seed?: number; readonly tokenDelayMs?: number },
): Promise<Served> {
  const { findCompatibleDialect, serveOpenAICompatibleEmulator, variantsOf } =
    await import("../emulator/openai-compatible-emulator.ts");
  const dialect = findCompatibleDialect(name);
  if (flags["busy-ms"] !== undefined) throw new UsageError("Cannot use --busy-ms with --dialect: it has no chats");
  if (dialect === undefined)
    throw new UsageError(`Cannot use --dialect ${JSON.stringify(name)}: it must be ${dialects}`);
  const variant = flags["variant"];
  const variants = variantsOf(dialect);
  if (variant !== undefined && !variants.includes(variant)) {
    throw new UsageError(`Cannot use --variant ${JSON.stringify(variant)}: ${dialect} has ${variants.join(", ")}`);
  }
  const { url, stop } = serveOpenAICompatibleEmulator({
    ...common,
    dialect,
    variant,
    keys: list(flags["keys"]),
    models: list(flags["models"]),
    contextTokens: numberFlag(flags, "context-tokens", { most: 100_000_000 }),
  });
  return { greeting: `Emulated ${dialect} on ${url}/v1`, stop };
}

function list(text: string | undefined): readonly string[] | undefined {
  const entries = text?.split(",").map((entry) => entry.trim());
  return entries?.filter((entry) => entry !== "");
}
