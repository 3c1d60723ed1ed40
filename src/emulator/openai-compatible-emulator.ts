// A Qwen server that speaks OpenAI chat completions, in the dialect of DashScope, vLLM, SGLang, Ollama, llama.cpp,
// LM Studio or others, with their quirks and failures on command. In process it is a `fetch`.

import { type Listener, listen, type ListenOptions } from "./listen.ts";
import { answerCall } from "./openai-compatible/answer-call.ts";
import {
  type CompatibleEmulatorOptions,
  createCompatibleState,
  type OpenAICompatibleEmulator,
} from "./openai-compatible/emulator-state.ts";
import { dialects } from "./openai-compatible/dialects/index.ts";
import type { DialectName } from "./openai-compatible/dialect.ts";
import { parseScript } from "./openai-compatible/script.ts";

export type { DialectName as CompatibleDialectName } from "./openai-compatible/dialect.ts";
export type {
  CompatibleEmulatorOptions,
  CompatibleRequest,
  OpenAICompatibleEmulator,
} from "./openai-compatible/emulator-state.ts";
export type { Quirk, ScriptedReply, ScriptEntry, StreamFault } from "./openai-compatible/script.ts";

export interface ServeCompatibleOptions extends CompatibleEmulatorOptions, ListenOptions {}

export interface ServedCompatibleEmulator extends Listener {
  readonly emulator: OpenAICompatibleEmulator;
}

/** @throws {RangeError} when the dialect has no such variant */
export function createOpenAICompatibleEmulator(
  options: CompatibleEmulatorOptions,
  transport: "in-process" | "http" = "in-process",
): OpenAICompatibleEmulator {
  const state = createCompatibleState(options, transport);
  /** Aborted by `reset`: frees the calls that are never answered. */
  let life = new AbortController();

  return {
    dialect: options.dialect,
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
    until: (test, signal) => state.log.until(test, signal),
    reset() {
      life.abort();
      life = new AbortController();
      state.scripts.clear();
      state.gates.clear();
      state.limits.clear();
      state.log.clear();
    },
  };
}

/** @throws {RangeError} when the dialect has no such variant */
export function serveOpenAICompatibleEmulator(options: ServeCompatibleOptions): ServedCompatibleEmulator {
  const emulator = createOpenAICompatibleEmulator(options, "http");
  const listener = listen(options, emulator, {
    order(body) {
      const script = parseScript(body);
      if ("problem" in script) return script.problem;
      emulator.script(...script.entries);
      return undefined;
    },
    routes: { "GET dialect": () => Response.json({ dialect: emulator.dialect }) },
  });
  return { ...listener, emulator };
}

/** Undefined: no such dialect. */
export function findCompatibleDialect(name: string): DialectName | undefined {
  return compatibleDialects().find((known) => known === name);
}

/** All names. */
export function compatibleDialects(): DialectName[] {
  return Object.values(dialects).map((dialect) => dialect.name);
}

/** Versions or settings that a dialect has; the first is its default. */
export function variantsOf(name: DialectName): readonly string[] {
  return dialects[name].variants;
}
