// A real gateway in front of an emulated server that speaks OpenAI's protocol, and what a client reads of its answers.

import {
  type CompatibleDialectName,
  type CompatibleEmulatorOptions,
  type CompatibleRequest,
  type OpenAICompatibleEmulator,
  serveOpenAICompatibleEmulator,
} from "../../src/emulator/openai-compatible-emulator.ts";
import { type Harness, startHarness } from "./harness.ts";

export interface DialectStage extends AsyncDisposable {
  readonly harness: Harness;
  readonly emulator: OpenAICompatibleEmulator;
  /** The address that the gateway was given. */
  readonly baseUrl: string;
  readonly chat: Harness["chat"];
  /** Completions that were asked for, oldest first. */
  completions(): readonly CompatibleRequest[];
  /** The body of the newest of them. */
  lastBody(): Readonly<Record<string, unknown>>;
}

export interface DialectStageOptions {
  readonly dialect: CompatibleDialectName;
  readonly variant?: string;
  /** The gateway's; the emulator accepts these alone. @defaultValue one, where the dialect wants one */
  readonly keys?: readonly string[];
  readonly emulator?: Partial<CompatibleEmulatorOptions>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly clock?: () => number;
}

const hosted: readonly CompatibleDialectName[] = ["dashscope", "dashscope-plans", "modelscope"];

export async function startDialectStage(options: DialectStageOptions): Promise<DialectStage> {
  const { dialect, variant, keys = hosted.includes(dialect) ? ["sk-sp-one"] : [] } = options;
  // Some dialects stamp each chunk anew: an answer over the turn of a second would differ from one within it.
  const startedAtMs = Date.now();
  const served = serveOpenAICompatibleEmulator({
    clock: () => startedAtMs,
    hostname: "127.0.0.1",
    port: 0,
    seed: 1,
    tokenDelayMs: 0,
    dialect,
    variant,
    keys: keys.length === 0 ? undefined : keys,
    ...options.emulator,
  });
  const baseUrl = `${served.url}${hosted.includes(dialect) ? "/compatible-mode" : ""}/v1`;
  const harness = await startHarness({
    environment: {
      // No account and no emulated one: the server alone answers.
      QWEN_TOKEN: "",
      QWEN_BASE_URL: "https://chat.qwen.ai",
      UPSTREAM_BASE_URL: baseUrl,
      UPSTREAM_DIALECT: dialect,
      UPSTREAM_API_KEY: keys.join(","),
      ...options.environment,
    },
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  const completions = () => served.emulator.requests.filter(({ on }) => on === "completions");
  return {
    harness,
    emulator: served.emulator,
    baseUrl,
    chat: harness.chat,
    completions,
    // The gateway writes an object; anything else fails the assertion that reads it.
    lastBody: () => (completions().at(-1)?.body ?? {}) as Readonly<Record<string, unknown>>,
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      await served.stop();
    },
  };
}
