// A real gateway on a free port over a real emulator on a free port: what the HTTP tests talk to.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { type ServedEmulator, type ServeEmulatorOptions, serveEmulator } from "../../src/emulator/qwen-web-emulator.ts";
import type { KeptOf } from "../../src/history/ended-exchange.ts";
import { createLog } from "../../src/telemetry/create-log.ts";

export interface Harness extends AsyncDisposable {
  readonly url: string;
  /** The gateway that runs now. */
  readonly app: App;
  readonly served: ServedEmulator;
  readonly emulator: ServedEmulator["emulator"];
  /** Every line that the gateway logged, as JSON text, level debug included. */
  readonly logLines: readonly string[];
  readonly dataDir: string;
  /** Ends this gateway in good order and starts another one on the same data, with some settings changed. */
  restart(changes?: Readonly<Record<string, string>>): Promise<void>;
  /** Other settings for the next start or reload; those without a value are taken away. */
  write(changes: Readonly<Record<string, string | undefined>>): void;
  /** Has the gateway read its settings again, with some of them changed; those without a value are taken away. */
  reload(changes: Readonly<Record<string, string | undefined>>): Promise<void>;
  post(
    path: string,
    body: unknown,
    init?: { headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Response>;
  /** POST /v1/chat/completions */
  chat(body: unknown, init?: { headers?: Record<string, string>; signal?: AbortSignal }): Promise<Response>;
  get(path: string): Promise<Response>;
}

export interface HarnessOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly emulator?: Partial<ServeEmulatorOptions>;
  /** Of the gateway. @defaultValue the real one */
  readonly clock?: () => number;
  /** What the history keeps of a caller. @defaultValue what HISTORY says */
  readonly keptOf?: KeptOf;
}

/** Clocks are short here; tests that need others set them. */
const quick = {
  HOST: "127.0.0.1",
  PORT: "0",
  QWEN_TOKEN: "test-token",
  RETRY_BASE_DELAY_MS: "5",
  RETRY_MAX_DELAY_MS: "20",
  LOG_LEVEL: "debug",
};

export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const served = serveEmulator({ hostname: "127.0.0.1", port: 0, seed: 1, tokenDelayMs: 0, ...options.emulator });
  const dataDir = mkdtempSync(join(tmpdir(), "qwen-gateway-test-"));
  const logLines: string[] = [];
  const environment: Record<string, string | undefined> = {
    ...quick,
    QWEN_BASE_URL: served.url,
    QWEN_AUTH_URL: served.url,
    QWEN_UPLOAD_URL: served.url,
    DATA_DIR: dataDir,
    ...options.environment,
  };
  let app: App;
  let url = "";

  const readSettings = () => ({ ...loadConfig({ environment, flags: {} }), environment: {} });

  async function start(): Promise<void> {
    const { config, origins } = readSettings();
    const log = createLog({
      level: config.logLevel,
      format: config.logFormat === "pretty" ? "pretty" : "json",
      write: (line) => void logLines.push(line),
    });
    app = await createApp(config, {
      log,
      origins,
      readSettings,
      ...(options.clock === undefined ? {} : { clock: options.clock }),
      ...(options.keptOf === undefined ? {} : { keptOf: options.keptOf }),
    });
    ({ url } = await app.start());
  }
  await start();

  const post: Harness["post"] = (path, body, init = {}) =>
    fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...init.headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
      ...(init.signal === undefined ? {} : { signal: init.signal }),
    });

  return {
    get url() {
      return url;
    },
    get app() {
      return app;
    },
    served,
    emulator: served.emulator,
    logLines,
    dataDir,
    async restart(changes = {}) {
      await app.stop();
      Object.assign(environment, changes);
      await start();
    },
    write: (changes) => void Object.assign(environment, changes),
    async reload(changes) {
      Object.assign(environment, changes);
      await app.reload();
    },
    post,
    chat: (body, init) => post("/v1/chat/completions", body, init),
    get: (path) => fetch(url + path),
    async [Symbol.asyncDispose]() {
      await app.stop();
      await served.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
