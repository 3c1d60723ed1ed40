// The compiled executable in front of an emulated server that speaks OpenAI's protocol: where real clients are proven.

import {
  type CompatibleDialectName,
  type CompatibleRequest,
  type OpenAICompatibleEmulator,
  serveOpenAICompatibleEmulator,
} from "../../src/emulator/openai-compatible-emulator.ts";
import { createPlace, startBinary } from "./binary.ts";

export interface ClientStage extends AsyncDisposable {
  /** Ends in `/v1`. */
  readonly baseUrl: string;
  readonly emulator: OpenAICompatibleEmulator;
  /** A model of that server. */
  readonly model: string;
  completions(): readonly CompatibleRequest[];
}

const models: Partial<Readonly<Record<CompatibleDialectName, string>>> = {
  dashscope: "qwen3.8-max",
  vllm: "Qwen/Qwen3.6-27B",
  ollama: "qwen3.6:27b",
  "llama-cpp": "Qwen3.6-27B-Q4_0.gguf",
};

export async function startClientStage(dialect: CompatibleDialectName): Promise<ClientStage> {
  const served = serveOpenAICompatibleEmulator({ hostname: "127.0.0.1", port: 0, seed: 1, tokenDelayMs: 1, dialect });
  const place = createPlace();
  const gateway = await startBinary(
    [],
    {
      PORT: "0",
      UPSTREAM_BASE_URL: `${served.url}/v1`,
      UPSTREAM_DIALECT: dialect,
      UPSTREAM_API_KEY: "sk-one",
      // The clients' own repetitions are to be seen.
      RETRY_MAX_ATTEMPTS: "1",
      ACCOUNT_COOLDOWN_MAX_MS: "1",
    },
    place,
  );
  return {
    baseUrl: `${gateway.url}/v1`,
    emulator: served.emulator,
    model: models[dialect] ?? "",
    completions: () => served.emulator.requests.filter(({ on }) => on === "completions"),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await served.stop();
      place[Symbol.dispose]();
    },
  };
}

export const onePixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
