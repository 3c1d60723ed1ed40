// The whole gateway without a socket, with a server behind it that answers whatever a test plays: in the words of the Qwen
// web backend, or of chat completions.

import { type App, createApp } from "../../../src/app.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { createQwenWebEmulator } from "../../../src/emulator/qwen-web-emulator.ts";
import { createMemoryStore } from "../../../src/store/memory-store.ts";
import { createLog } from "../../../src/telemetry/create-log.ts";
import type { Lane } from "./wire-replies.ts";

/** How the server answers a question for a completion. */
export type PlayedAnswer = (request: Request) => Response | Promise<Response>;

export interface SurfaceStage extends AsyncDisposable {
  readonly lane: Lane;
  /** From here on, and for all that follow. */
  play(answer: PlayedAnswer): void;
  post(
    path: string,
    body: unknown,
    init?: { signal?: AbortSignal; headers?: Record<string, string> },
  ): Promise<Response>;
  /** Bodies of the questions for completions, oldest first. */
  readonly asked: readonly unknown[];
}

export interface SurfaceStageOptions {
  readonly lane: Lane;
  /** @defaultValue vllm */
  readonly dialect?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly clock?: () => number;
}

const webAddress = "https://web.test";
const compatibleAddress = "https://compatible.test";

const environments: Readonly<Record<Lane, Readonly<Record<string, string>>>> = {
  web: { QWEN_TOKEN: "test-token", QWEN_BASE_URL: webAddress, QWEN_AUTH_URL: webAddress },
  compatible: {
    UPSTREAM_BASE_URL: `${compatibleAddress}/v1`,
    UPSTREAM_API_KEY: "sk-one",
    DEFAULT_MODEL: "qwen3.6-27b",
  },
};

export async function startSurfaceStage(options: SurfaceStageOptions): Promise<SurfaceStage> {
  const { lane, dialect = "vllm", clock = Date.now } = options;
  // Chats are made there, and models listed; completions are the test's.
  const emulator = createQwenWebEmulator({ seed: 1, tokenDelayMs: 0 });
  const asked: unknown[] = [];
  let answer: PlayedAnswer = () => new Response("nothing is played", { status: 500 });
  const { config } = loadConfig({
    environment: {
      RETRY_MAX_ATTEMPTS: "1",
      ...environments[lane],
      ...(lane === "compatible" ? { UPSTREAM_DIALECT: dialect } : {}),
      ...options.environment,
    },
    flags: {},
  });
  const app: App = await createApp(config, {
    log: createLog({ level: "silent", format: "json", write: () => {} }),
    store: createMemoryStore({ clock, sessionTimeoutMs: 3_600_000 }),
    clock,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname.endsWith("/chat/completions")) {
        asked.push(await request.clone().json());
        return answer(request);
      }
      if (lane === "web") return isStoredChat(request, pathname) ? notFound() : emulator.fetch(request);
      return pathname.endsWith("/models") ? Response.json({ object: "list", data: [model] }) : notFound();
    },
  });
  return {
    lane,
    asked,
    play(next) {
      answer = next;
    },
    post: (path, body, init = {}) =>
      app.handle(
        new Request(`http://127.0.0.1${path}`, {
          method: "POST",
          headers: { "content-type": "application/json", host: "127.0.0.1", ...init.headers },
          body: JSON.stringify(body),
          ...(init.signal === undefined ? {} : { signal: init.signal }),
        }),
      ),
    [Symbol.asyncDispose]: () => app.stop(),
  };
}

const model = { id: "qwen3.6-27b", object: "model", created: 1, owned_by: "x" };

/** Nothing is stored of what a test played: what breaks off stays so. */
function isStoredChat({ method }: Request, pathname: string): boolean {
  return method === "GET" && /\/chats\/[0-9a-f-]{36}$/.test(pathname);
}

function notFound(): Response {
  return Response.json({ error: "not found" }, { status: 404 });
}

/** A stream in so many pieces; what is held back waits for `more`. */
export function playBytes(...chunks: readonly (string | Uint8Array)[]): PlayedAnswer {
  return () => new Response(streamOf(chunks), { headers: { "content-type": "text/event-stream" } });
}

export function streamOf(chunks: readonly (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) {
        const bytes = typeof chunk === "string" ? encoder.encode(chunk) : chunk;
        if (bytes.length > 0) controller.enqueue(bytes);
      }
      controller.close();
    },
  });
}
