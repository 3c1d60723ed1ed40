// A gateway and its emulator without a socket between them, nor in front: for what must not depend on one.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { createQwenWebEmulator, type QwenWebEmulator } from "../../src/emulator/qwen-web-emulator.ts";
import { createLog } from "../../src/telemetry/create-log.ts";

export interface InProcess extends AsyncDisposable {
  readonly emulator: QwenWebEmulator;
  ask(messages: readonly object[], stream: boolean, signal?: AbortSignal): Promise<Response>;
}

export async function startInProcess(environment: Record<string, string> = {}): Promise<InProcess> {
  const emulator = createQwenWebEmulator({ seed: 1, tokenDelayMs: 0 });
  const dataDir = mkdtempSync(join(tmpdir(), "qwen-gateway-test-"));
  const { config } = loadConfig({
    environment: { DATA_DIR: dataDir, QWEN_TOKEN: "test-token", ...environment },
    flags: {},
  });
  const log = createLog({ level: "silent", format: "json", write: () => {} });
  const app = await createApp(config, { log, fetch: (request) => emulator.fetch(request) });
  return {
    emulator,
    ask: (messages, stream, signal) =>
      app.handle(
        new Request("http://127.0.0.1/v1/chat/completions", {
          method: "POST",
          headers: { "content-type": "application/json", host: "127.0.0.1" },
          body: JSON.stringify({ model: "qwen3-max", stream, messages }),
          ...(signal === undefined ? {} : { signal }),
        }),
      ),
    async [Symbol.asyncDispose]() {
      await app.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
