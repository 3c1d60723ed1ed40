// One call of a tool: told as progress, written to the audit log before it is made, stopped with its run, and its result
// made harmless.

import type { Clock } from "../../contract/clock.ts";
import { toGatewayError } from "../../contract/gateway-error.ts";
import type { Json, JsonObject } from "../../contract/json.ts";
import { canonicalJson } from "../../conversation/canonical-json.ts";
import { orAborted } from "../../outbound/or-aborted.ts";
import type { AgentStore, AuditedCall, CallDecision } from "../../store/agent-store.ts";
import type { Log } from "../../telemetry/log.ts";
import type { AgentCallResult } from "../engine.ts";
import type { Elicitation, ElicitationAnswer, ToolResult, ToolServers } from "../tools.ts";
import { briefText, cleanText, cutText, dataBlock } from "./clean-text.ts";
import type { Risk } from "./risk.ts";
import type { Run } from "./run.ts";
import type { Reply } from "./run-state.ts";
import type { BookedTool } from "./tool-book.ts";

export interface CallParts {
  readonly toolServers: Pick<ToolServers, "call">;
  readonly store: AgentStore;
  readonly clock: Clock;
  readonly log: Log;
  /** A server asks the person something. */
  elicit(run: Run, booked: BookedTool, asked: Elicitation): Promise<ElicitationAnswer>;
}

export interface PlannedCall {
  readonly callId: string;
  readonly booked: BookedTool;
  readonly input: JsonObject;
  readonly decision: CallDecision;
}

export interface MadeCall {
  readonly reply: Reply;
  /** As it stands among the run's. */
  readonly result: AgentCallResult;
}

/** What a model is shown of one result. More is seldom read and always paid for. */
const maxModelChars = 20_000;
/** What the client is told of it, and of its arguments. */
const maxResultChars = 65_536;
const maxErrorChars = 500;
/** Of a server that tells its progress without end. */
const mostToldSteps = 50;
const maxStepChars = 200;
/** What a follow-up knows of a call. */
const maxKeptChars = 1000;

/**
 * Failures of the tool are its reply.
 * @throws the reason of the run's signal; what keeps the audit log from being written
 */
export async function callTool(run: Run, call: PlannedCall, parts: CallParts): Promise<MadeCall> {
  const { booked, callId, input } = call;
  const { server: service, name: command } = booked.tool;
  run.signal.throwIfAborted();
  const position = ++run.state.calls;
  run.state.knownCalls = Math.max(run.state.knownCalls, position);
  const title = `Executing: ${briefText(command, maxStepChars)} (${position}/${run.state.knownCalls})`;
  run.progress("executing", title);
  const work = { server: service, name: command, risk: booked.risk, input, decision: call.decision };
  const key = await parts.store.beginCall(auditedCall(run, work));
  const round = run.state.rounds;
  const startedAtMs = parts.clock();
  const isOver = run.noteCall({ service, command, ...tellArguments(input) });
  let result: ToolResult | { readonly failure: string };
  try {
    result = await makeCall(run, call, title, parts);
  } finally {
    isOver();
  }
  const durationMs = Math.max(0, parts.clock() - startedAtMs);
  const outcome = readOutcome(result);
  await parts.store.endCall(key, { durationMs, success: outcome.success });
  keepForFollowUp(run, call, outcome);
  // A run that was stopped meanwhile has told its results.
  run.signal.throwIfAborted();
  const told = { service, command, ...tellArguments(input), ...tellOutcome(outcome), durationMs };
  run.state.results.push(told);
  noteFailure(run, `${service}/${command}`, round, outcome.success);
  // What comes next is not done behind the back of whoever is still to answer.
  await run.untilHeard();
  const note = call.decision === "changed" ? tellChange(input) : "";
  const text = note + dataBlock(run.state.mark, `${service}/${command}`, outcome.modelText);
  return { reply: { callId, text, isError: !outcome.success }, result: told };
}

function tellChange(input: JsonObject): string {
  return `The user has changed the arguments to ${cutText(JSON.stringify(input), maxModelChars).text}\n`;
}

async function makeCall(run: Run, { booked, input }: PlannedCall, title: string, parts: CallParts) {
  let told = 0;
  const calling = parts.toolServers.call(run.userId, booked.tool, input, {
    signal: run.signal,
    access: run.access,
    onProgress(message) {
      if (run.signal.aborted || told >= mostToldSteps) return;
      told += 1;
      run.progress("executing", `${title}: ${briefText(message, maxStepChars)}`);
    },
    elicit: (asked) => parts.elicit(run, booked, asked),
  });
  try {
    return await orAborted(calling, run.signal);
  } catch (error) {
    // Its audit record gets its end all the same.
    if (run.signal.aborted) return { failure: "Stopped before it ended: whether it was done is not known" };
    parts.log.warn("A tool call failed", { server: booked.tool.server, requestId: run.requestId });
    return { failure: toGatewayError(error).message };
  }
}

interface CallOutcome {
  readonly success: boolean;
  /** Whole, as far as it fits. */
  readonly modelText: string;
  readonly shown: Json;
}

function readOutcome(result: ToolResult | { readonly failure: string }): CallOutcome {
  if ("failure" in result) {
    const failure = briefText(result.failure, maxErrorChars);
    return { success: false, modelText: failure, shown: failure };
  }
  const { structured } = result;
  const json = structured === undefined ? "" : JSON.stringify(structured);
  const whole = result.text.trim() === "" ? json : result.text;
  // Cut before it is cleaned: it may be endless.
  const { text, isCut } = cutText(cleanText(cutText(whole, 4 * maxModelChars).text), maxModelChars);
  const isShorter = isCut || result.isCut || whole.length > 4 * maxModelChars;
  return {
    success: !result.isError,
    modelText: isShorter ? `${text}\n[The rest was left out: it is longer than what fits]` : text,
    shown:
      structured !== undefined && json.length <= maxResultChars
        ? structured
        : cutText(cleanText(cutText(whole, maxResultChars).text), maxResultChars).text,
  };
}

/** The person who asked sees what was done in their name. */
function tellArguments(input: JsonObject): Pick<AgentCallResult, "arguments"> {
  return JSON.stringify(input).length > maxResultChars ? {} : { arguments: input };
}

function tellOutcome({
  success,
  shown,
  modelText,
}: CallOutcome): Pick<AgentCallResult, "success" | "result" | "error"> {
  return success ? { success, result: shown } : { success, error: briefText(modelText, maxErrorChars) };
}

function keepForFollowUp(run: Run, { booked, input }: PlannedCall, { success, modelText }: CallOutcome): void {
  const argumentsText = JSON.stringify(input);
  run.state.turnCalls.push({
    server: booked.tool.server,
    tool: booked.tool.name,
    argumentsText: argumentsText.length > maxKeptChars ? "{}" : argumentsText,
    outcome: cutText(modelText, maxKeptChars).text,
    success,
  });
}

/** A later call of the same tool that goes well makes up for one that failed; one of the same answer does not. */
function noteFailure(run: Run, tool: string, round: number, success: boolean): void {
  const { state } = run;
  if (success) state.failed = state.failed.filter((failed) => failed.tool !== tool || failed.round >= round);
  else state.failed.push({ tool, round });
}

export interface AuditedWork {
  readonly server: string;
  readonly name: string;
  readonly risk: Risk;
  readonly input: JsonObject;
  readonly decision: CallDecision;
}

export function auditedCall(run: Run, { server, name, risk, input, decision }: AuditedWork): AuditedCall {
  const argumentsDigest = Bun.SHA256.hash(canonicalJson(input), "hex");
  return { caller: run.userId, sessionId: run.state.sessionId, server, tool: name, risk, decision, argumentsDigest };
}
