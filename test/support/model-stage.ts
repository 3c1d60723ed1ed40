// The compiled executable in front of an emulated Qwen of either kind, the web backend or a server of chat completions: for
// what clients do alike over both.

import { serveOpenAICompatibleEmulator } from "../../src/emulator/openai-compatible-emulator.ts";
import { serveEmulator } from "../../src/emulator/qwen-web-emulator.ts";
import { type Place, createPlace, startBinary } from "./binary.ts";

export const upstreamKinds = ["web", "dashscope"] as const;
export type UpstreamKind = (typeof upstreamKinds)[number];

export interface ModelReply {
  readonly text?: string;
  readonly calls?: readonly { readonly name: string; readonly arguments: object }[];
  /** Said over again, word by word, for longer than any test. */
  readonly isEndless?: true;
  /** Wait before the first word. */
  readonly delayMs?: number;
  /** The connection drops behind so many pieces. */
  readonly breaksAfter?: number;
  /** In place of an answer, by a name that both emulators know. */
  readonly refuse?: "rate-limited" | "internal-error";
}

export interface ModelStage extends AsyncDisposable {
  readonly kind: UpstreamKind;
  /** Without `/v1`, as Anthropic's clients want it. */
  readonly url: string;
  /** Ends in `/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  readonly place: Place;
  /** The next answer to a message with `match` in it. */
  script(reply: ModelReply, match?: string): void;
  /** The bodies of what the upstream was asked to answer, oldest first. */
  asked(): readonly string[];
  /** Resolves when the upstream has been asked for an answer. */
  begun(): Promise<unknown>;
  /** Resolves when a request has been given up by the gateway. */
  aborted(): Promise<unknown>;
  reset(): void;
}

/** @param settings variables of the gateway beside the upstream's own */
export async function startModelStage(
  kind: UpstreamKind,
  settings: Readonly<Record<string, string>> = {},
): Promise<ModelStage> {
  const place = createPlace();
  const served = serve(kind);
  const gateway = await startBinary([], { PORT: "0", ...served.settings, ...settings }, place);
  return {
    kind,
    url: gateway.url,
    baseUrl: `${gateway.url}/v1`,
    model: kind === "web" ? "qwen3-max" : "qwen3.8-max",
    place,
    script: served.script,
    asked: served.asked,
    begun: served.begun,
    aborted: served.aborted,
    reset: served.reset,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await served.stop();
      place[Symbol.dispose]();
    },
  };
}

const options = { hostname: "127.0.0.1", port: 0, seed: 1, tokenDelayMs: 0 };

function serve(kind: UpstreamKind) {
  return kind === "web" ? serveWeb() : serveCompatible();
}

function serveWeb() {
  const { emulator, url, stop } = serveEmulator(options);
  return {
    settings: { QWEN_TOKEN: "test-token", QWEN_BASE_URL: url, QWEN_AUTH_URL: url, QWEN_UPLOAD_URL: url, ...impatient },
    script: (reply: ModelReply, match?: string) => emulator.script(order(reply, match)),
    asked: () => bodiesOf(emulator.requests),
    begun: () => emulator.until((requests) => requests.some(({ on }) => on === "completions")),
    aborted: () => emulator.until((requests) => requests.some(({ aborted }) => aborted)),
    reset: () => emulator.reset(),
    stop,
  };
}

function serveCompatible() {
  const { emulator, url, stop } = serveOpenAICompatibleEmulator({ ...options, dialect: "dashscope" });
  return {
    settings: {
      UPSTREAM_BASE_URL: `${url}/v1`,
      UPSTREAM_DIALECT: "dashscope",
      UPSTREAM_API_KEY: "sk-one",
      ...impatient,
    },
    script: (reply: ModelReply, match?: string) => emulator.script(order(reply, match)),
    asked: () => bodiesOf(emulator.requests),
    begun: () => emulator.until((requests) => requests.some(({ on }) => on === "completions")),
    aborted: () => emulator.until((requests) => requests.some(({ aborted }) => aborted)),
    reset: () => emulator.reset(),
    stop,
  };
}

function written({ text = "", calls, isEndless, breaksAfter }: ModelReply) {
  return {
    text,
    ...(calls && { calls: [...calls] }),
    ...(isEndless && { repeat: 10_000, paceMs: 5 }),
    ...(breaksAfter !== undefined && { faults: [{ kind: "drop" as const, after: breaksAfter }] }),
  };
}

function order(reply: ModelReply, match?: string) {
  const { refuse, delayMs } = reply;
  return {
    ...(match !== undefined && { match }),
    ...(delayMs !== undefined && { delayMs }),
    ...(refuse === undefined ? { reply: written(reply) } : { refuse }),
  };
}

/** The clients' own repetitions are to be seen. */
const impatient = { RETRY_MAX_ATTEMPTS: "1", ACCOUNT_COOLDOWN_MAX_MS: "1" };

function bodiesOf(requests: readonly { readonly on: string; readonly body?: unknown }[]): readonly string[] {
  return requests.filter(({ on }) => on === "completions").map(({ body }) => JSON.stringify(body));
}
