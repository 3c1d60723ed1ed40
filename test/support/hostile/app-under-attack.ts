// A whole gateway in process, in front of two emulators, whose every secret is known: what must never be seen outside.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, createApp } from "../../../src/app.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { createOpenAICompatibleEmulator } from "../../../src/emulator/openai-compatible-emulator.ts";
import { createQwenWebEmulator, type QwenWebEmulator } from "../../../src/emulator/qwen-web-emulator.ts";
import { createLog } from "../../../src/telemetry/create-log.ts";

/** Each of a form that nothing but its own name gives away. */
export const secrets = {
  apiKey: "kFuzzedGatewayKey7301",
  qwenToken: "kFuzzedAccountToken7302",
  qwenCookie: "kFuzzedCookieValue7303",
  jwtSecret: "kFuzzedJwtSecret7304-kFuzzedJwtSecret7304",
  masterKey: "73057305fade7305fade7305fade7305fade7305fade7305fade7305fade7305",
  upstreamKey: "kFuzzedUpstreamKey7306",
  toolServerWord: "kFuzzedToolServerWord7309",
  adminKey: "kFuzzedAdminKey7310",
} as const;

export const secretPattern = new RegExp(Object.values(secrets).join("|"));

/** A whole key of the gateway's own making. Whoever made it is told it once; the log never. */
export const storedKeyPattern = /qg-[a-z2-9]{8}-[\w-]{43}/;

/** A line of a stack, or a place in our sources. */
export const stackPattern = /\n\s+at .+[:(]|node_modules\/|\/src\/[\w-]+\/|\.ts:\d+|\$bunfs/;

/** Nobody listens there: the emulator answers in process. */
const compatibleHost = "compatible.test";

export interface AppUnderAttack extends AsyncDisposable {
  readonly app: App;
  readonly emulator: QwenWebEmulator;
  readonly logLines: string[];
  readonly dataDir: string;
}

export async function startAppUnderAttack(environment: Record<string, string> = {}): Promise<AppUnderAttack> {
  const emulator = createQwenWebEmulator({ seed: 1, tokenDelayMs: 0 });
  const compatible = createOpenAICompatibleEmulator({ dialect: "vllm", seed: 1, tokenDelayMs: 0 });
  const dataDir = mkdtempSync(join(tmpdir(), "qwen-gateway-test-"));
  const { config } = loadConfig({
    environment: {
      DATA_DIR: dataDir,
      QWEN_TOKEN: secrets.qwenToken,
      QWEN_COOKIES: `sid=${secrets.qwenCookie}`,
      JWT_SECRET: secrets.jwtSecret,
      API_KEY: secrets.apiKey,
      ADMIN_KEY: secrets.adminKey,
      MASTER_KEY: secrets.masterKey,
      UPSTREAM_BASE_URL: `http://${compatibleHost}/v1`,
      UPSTREAM_API_KEY: secrets.upstreamKey,
      UPSTREAM_DIALECT: "vllm",
      RETRY_BASE_DELAY_MS: "1",
      RETRY_MAX_DELAY_MS: "2",
      MAX_BODY_BYTES: "300000",
      ...environment,
    },
    flags: {},
  });
  const logLines: string[] = [];
  const log = createLog({ level: "debug", format: "json", write: (line) => void logLines.push(line) });
  const app = await createApp(config, {
    log,
    fetch: (request) => (new URL(request.url).host === compatibleHost ? compatible : emulator).fetch(request),
  });
  return {
    app,
    emulator,
    logLines,
    dataDir,
    async [Symbol.asyncDispose]() {
      await app.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
