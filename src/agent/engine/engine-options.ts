// What an engine is made of.

import type { Clock } from "../../contract/clock.ts";
import type { AgentStore } from "../../store/agent-store.ts";
import type { Log } from "../../telemetry/log.ts";
import type { AskModel, ForgetConversation } from "../engine.ts";
import type { ToolServers } from "../tools.ts";
import type { CallerRules } from "./caller-rules.ts";
import type { RiskRules } from "./risk.ts";
import type { StartTimer } from "./run.ts";

export interface AgentEngineSettings extends RiskRules {
  /** Longest work between a request and its result. What waits for a person does not work. */
  readonly timeoutMs: number;
  /** Calls of tools in one run. */
  readonly maxSteps: number;
  /** How long a question waits for its answer. */
  readonly confirmExpiryMs: number;
  /** Tokens of all questions and answers of one run. @defaultValue 400_000 */
  readonly maxTokens?: number;
  /** Rules of single callers beside the common ones. */
  readonly perCaller?: readonly CallerRules[];
}

export interface AgentEngineOptions {
  readonly toolServers: ToolServers;
  readonly askModel: AskModel;
  /** Told at the end of each run, and of each part of one. @defaultValue nothing is kept of questions */
  readonly forget?: ForgetConversation;
  /** Keeps questions, turns and the audit log. */
  readonly store: AgentStore;
  readonly settings: AgentEngineSettings;
  readonly clock: Clock;
  readonly log: Log;
  /** @defaultValue the system's */
  readonly startTimer?: StartTimer;
}
