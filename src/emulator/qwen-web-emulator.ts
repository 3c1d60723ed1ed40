// A Qwen web backend to demonstrate and to test with: real chat trees, real framing, made-up answers.
// In process it is a `fetch`; `serveEmulator` puts it on a socket.

import { userIdOf } from "./accounts.ts";
import { answerCall } from "./answer-call.ts";
import { answerControl } from "./control-routes.ts";
import { createEmulatorState, type EmulatorOptions, type QwenWebEmulator, type Transport } from "./emulator-state.ts";
import { storedChat } from "./stored-chat.ts";

export type { EmulatorOptions, QwenWebEmulator } from "./emulator-state.ts";
export type { RecordedRequest } from "./request-log.ts";
export type { ScriptedReply, ScriptEntry, StreamFault } from "./script.ts";

export interface ServeEmulatorOptions extends EmulatorOptions {
  hostname: string;
  /** 0 takes a free one. */
  port: number;
}

export interface ServedEmulator {
  /** Without a slash at its end. */
  readonly url: string;
  readonly emulator: QwenWebEmulator;
  /** Open requests are cut. */
  stop(): Promise<void>;
}

export function createQwenWebEmulator(
  options: EmulatorOptions = {},
  transport: Transport = "in-process",
): QwenWebEmulator {
  const state = createEmulatorState(options, transport);
  /** Aborted by `reset`: frees the calls that are never answered. */
  let life = new AbortController();

  return {
    async fetch(request) {
      request.signal.throwIfAborted();
      return answerCall(request, state, life.signal);
    },
    requests: state.log.entries,
    script: (...entries) => state.scripts.add(entries),
    get pendingScripts() {
      return state.scripts.length;
    },
    release: (gate, count = 1) => state.gates.release(gate, count),
    setTokenState: state.accounts.setTokenState,
    chats: () => state.chats.all().map((chat) => storedChat(chat, userIdOf(chat.account))),
    until: (test, signal) => state.log.until(test, signal),
    reset() {
      life.abort();
      life = new AbortController();
      state.chats.clear();
      state.scripts.clear();
      state.gates.clear();
      state.accounts.clear();
      state.files.clear();
      state.tasks.clear();
      state.log.clear();
    },
  };
}

export function serveEmulator(options: ServeEmulatorOptions): ServedEmulator {
  const emulator = createQwenWebEmulator(options, "http");
  const server = Bun.serve({
    hostname: options.hostname,
    port: options.port,
    // Silent streams are part of the play.
    idleTimeout: 0,
    reusePort: false,
    development: false,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      try {
        return pathname.startsWith("/__emulator/")
          ? await answerControl(emulator, request)
          : await emulator.fetch(request);
      } catch (error) {
        // Nobody reads this answer: the client left while it was awaited.
        if (request.signal.aborted) return new Response(null, { status: 499 });
        throw error;
      }
    },
  });
  return {
    url: server.url.href.replace(/\/$/, ""),
    emulator,
    stop: () => server.stop(true),
  };
}
