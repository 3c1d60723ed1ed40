// A Qwen web backend to demonstrate and to test with: real chat trees, real framing, made-up answers.
// In process it is a `fetch`; `serveEmulator` puts it on a socket.

import { userIdOf } from "./accounts.ts";
import { answerCall } from "./answer-call.ts";
import { createEmulatorState, type EmulatorOptions, type QwenWebEmulator, type Transport } from "./emulator-state.ts";
import { type Listener, listen, type ListenOptions } from "./listen.ts";
import { member } from "./request-log.ts";
import { parseScript } from "./script.ts";
import { storedChat } from "./stored-chat.ts";

export type { EmulatorOptions, QwenWebEmulator } from "./emulator-state.ts";
export type { RecordedRequest } from "./request-log.ts";
export type { ScriptedReply, ScriptEntry, StreamFault } from "./script.ts";

export interface ServeEmulatorOptions extends EmulatorOptions, ListenOptions {}

export interface ServedEmulator extends Listener {
  readonly emulator: QwenWebEmulator;
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
    files: () => state.files.all(),
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
  const listener = listen(options, emulator, {
    order(body) {
      const script = parseScript(body);
      if ("problem" in script) return script.problem;
      emulator.script(...script.entries);
      return undefined;
    },
    routes: {
      "GET chats": () => Response.json(emulator.chats()),
      "GET files": () => Response.json(emulator.files()),
      "POST tokens": (body) => markToken(emulator, body),
    },
  });
  return { ...listener, emulator };
}

function markToken(emulator: QwenWebEmulator, body: unknown): Response {
  const token = member(body, "token");
  const state = member(body, "state");
  if (typeof token !== "string" || (state !== "ready" && state !== "expired" && state !== "revoked")) {
    return Response.json({ error: "token and state (ready, expired, revoked) are needed" }, { status: 400 });
  }
  emulator.setTokenState(token, state);
  return Response.json({ token: state });
}
