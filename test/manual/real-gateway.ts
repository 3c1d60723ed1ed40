// A gateway of its own for a manual run, with the credentials and settings of the environment, and how to talk to it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RealGateway extends AsyncDisposable {
  readonly url: string;
  post(path: string, body: unknown): Promise<Response>;
  /** Undefined for a session that is not there. */
  session(id: string): Promise<SessionState | undefined>;
  /** Forgets it, and deletes its chats at Qwen. */
  deleteSession(id: string): Promise<boolean>;
}

export interface SessionState {
  readonly chatId: string;
  readonly parentId: string | null;
  readonly messageCount: number;
}

/** @throws {Error} with what it said, when it does not start */
export async function startRealGateway(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<RealGateway> {
  const ownDir = environment["DATA_DIR"] ? undefined : mkdtempSync(join(tmpdir(), "qwen-gateway-real-"));
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "..", "..", "src", "boot.ts"), "serve"], {
    env: {
      ...environment,
      HOST: "127.0.0.1",
      PORT: "0",
      API_KEY: "",
      DATA_DIR: environment["DATA_DIR"] || ownDir,
      QWEN_DELETE_CHATS: "true",
      LOG_LEVEL: "error",
      LOG_FORMAT: "pretty",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const stop = async (): Promise<void> => {
    child.kill();
    await child.exited;
    if (ownDir !== undefined) rmSync(ownDir, { recursive: true, force: true });
  };
  let url: string;
  try {
    url = await readUrl(child.stdout);
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    url,
    post: (path, body) =>
      fetch(url + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    async session(id) {
      const response = await fetch(`${url}/v1/sessions/${id}`);
      // The shape is what the scenarios verify.
      return response.status === 200 ? ((await response.json()) as SessionState) : undefined;
    },
    deleteSession: async (id) => (await fetch(`${url}/v1/sessions/${id}`, { method: "DELETE" })).ok,
    [Symbol.asyncDispose]: stop,
  };
}

async function readUrl(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of output) {
    text += decoder.decode(chunk, { stream: true });
    const url = / listens on (http:\S+)\n/.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`The gateway did not start: ${text.trim()}`);
}
