// An engine with a scripted model, scripted tool servers, a database in memory, and a time that only the test moves.

import { createAgentEngine } from "../../src/agent/engine/create-engine.ts";
import type { AgentEngineSettings } from "../../src/agent/engine/engine-options.ts";
import type { AgentEngine, AgentProgress, AgentResult, RunOptions } from "../../src/agent/engine.ts";
import type { AgentStore } from "../../src/store/agent-store.ts";
import { openChatDatabase } from "../../src/store/chat-database.ts";
import { inMemory } from "../../src/store/open-database.ts";
import { createSqliteAgent } from "../../src/store/sqlite/agent.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { type ScriptedAnswer, type ScriptedModel, scriptModel } from "./scripted-model.ts";
import { calendar, type ScriptedServers, type ScriptedToolServers, scriptToolServers } from "./scripted-tools.ts";

export interface AgentStageOptions {
  readonly servers?: ScriptedServers;
  readonly answers?: readonly ScriptedAnswer[];
  readonly settings?: Partial<AgentEngineSettings>;
  /** Of the database. @defaultValue in memory */
  readonly path?: string;
}

export interface AgentStage {
  readonly engine: AgentEngine;
  readonly model: ScriptedModel;
  readonly tools: ScriptedToolServers;
  readonly store: AgentStore;
  readonly progress: AgentProgress[];
  /** User and conversation, oldest first. */
  readonly forgotten: readonly string[];
  /** Moves the time, and rings what was due. */
  pass(ms: number): void;
  run(query: string, options?: RunOptions): Promise<AgentResult>;
  /** Timers that have not rung and were not stopped. */
  readonly waitingTimers: number;
}

export const noon = Date.UTC(2026, 10, 27, 12);

export function setAgentStage(options: AgentStageOptions = {}): AgentStage {
  let nowMs = noon;
  const timers = new Map<() => void, number>();
  const clock = () => nowMs;
  const model = scriptModel(...(options.answers ?? []));
  const tools = scriptToolServers(options.servers ?? { calendar: calendar() });
  const database = openChatDatabase(options.path ?? inMemory, silentLog);
  const store = createSqliteAgent(database, { clock, sessionTimeoutMs: 60 * 60_000 });
  const progress: AgentProgress[] = [];
  const forgotten: string[] = [];
  const engine = createAgentEngine({
    toolServers: tools,
    askModel: model.ask,
    forget: (userId, conversation) => void forgotten.push(`${userId} ${conversation}`),
    store,
    clock,
    log: silentLog,
    startTimer(action, delayMs) {
      // Two timers may have the same action.
      const ring = () => action();
      timers.set(ring, nowMs + delayMs);
      return () => timers.delete(ring);
    },
    settings: {
      timeoutMs: 60_000,
      maxSteps: 20,
      confirmExpiryMs: 600_000,
      confirm: "destructive",
      allow: [],
      ask: [],
      deny: [],
      ...options.settings,
    },
  });
  return {
    engine,
    model,
    tools,
    store,
    progress,
    forgotten,
    pass(ms) {
      nowMs += ms;
      for (const [ring, dueMs] of timers) {
        if (dueMs > nowMs) continue;
        timers.delete(ring);
        ring();
      }
    },
    run: (query, runOptions = {}) =>
      engine.processQuery("anna", query, { onProgress: (one) => void progress.push(one), ...runOptions }),
    get waitingTimers() {
      return timers.size;
    },
  };
}

/** A wait that the test ends. */
export function gate<Value = void>() {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  return { opened: promise, open: resolve, fail: reject };
}
