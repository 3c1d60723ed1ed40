// The loop of a run: the model says what to call, it is called, the results go back, until the model answers in words,
// asks, or a call needs a person's word.

import { GatewayError } from "../../contract/gateway-error.ts";
import { orAborted } from "../../outbound/or-aborted.ts";
import type { AskModel, ModelAnswer } from "../engine.ts";
import { auditedCall, callTool, type CallParts, type MadeCall, type PlannedCall } from "./call-tool.ts";
import { briefText, cleanText, cutText, withoutMarks } from "./clean-text.ts";
import { RunFailure } from "./failure.ts";
import type { Offer } from "./offer.ts";
import { resultMessage } from "./prompts.ts";
import { type ReadCalls, readCalls, readQuestion, type ReadyCall, withUndeclaredCall } from "./read-calls.ts";
import type { Outcome, Run } from "./run.ts";

export interface ActParts extends CallParts {
  readonly askModel: AskModel;
  /** Calls of tools in one run. */
  readonly maxSteps: number;
  /** Tokens of all answers of one run, questions included. */
  readonly maxTokens: number;
  /** Stores the calls that wait. */
  hold(run: Run, offer: Offer, calls: readonly ReadyCall[]): Promise<Outcome>;
}

const maxAnswerTokens = 4096;
const maxAnswerChars = 16_000;
/** Answers of the model that call nothing real: looking for tools, mending arguments. */
const mostIdleRounds = 10;
/** Reading calls at the same time. */
const mostAtOnce = 8;

/** @throws {RunFailure} beyond a limit; what the model's upstream refuses; the reason of the run's signal */
export async function act(run: Run, offer: Offer, parts: ActParts): Promise<Outcome> {
  for (;;) {
    const answer = withUndeclaredCall(await askNext(run, offer, parts), offer);
    if (answer.toolCalls.length === 0) return conclude(run, answer.text);
    const read = readCalls(answer.toolCalls, offer, run.state);
    // Nothing of such an answer is carried out, whatever else it calls.
    if (read.question !== undefined) return { kind: "clarification", question: read.question };
    await beginBatch(run, answer, read, parts);
    const outcome = await takeBatch(run, offer, read.ready, parts);
    if (outcome !== undefined) return outcome;
  }
}

/** The calls that were held, now that a person has agreed, and all that comes of them. */
export async function actOn(run: Run, offer: Offer, calls: readonly PlannedCall[], parts: ActParts): Promise<Outcome> {
  run.state.held = [];
  await makeCalls(run, calls, parts);
  endBatch(run);
  return act(run, offer, parts);
}

async function askNext(run: Run, offer: Offer, parts: ActParts): Promise<ModelAnswer> {
  const { state, signal } = run;
  if (state.totalTokens >= parts.maxTokens) {
    throw new RunFailure(
      "token_limit",
      `The run was ended: it has used ${state.totalTokens} tokens, and may use ${parts.maxTokens}`,
    );
  }
  if (state.rounds >= parts.maxSteps + mostIdleRounds) throw tooManyRounds(state.rounds);
  const answer = await orAborted(
    parts.askModel({
      messages: [...state.messages],
      tools: offer.definitions,
      toolChoice: "auto",
      model: state.model,
      maxTokens: maxAnswerTokens,
      conversation: run.conversation,
      userId: run.userId,
      access: run.access,
      requestId: run.requestId,
      signal,
    }),
    signal,
  );
  state.rounds += 1;
  state.totalTokens += answer.totalTokens;
  return answer;
}

function conclude({ state }: Run, said: string): Outcome {
  const text = withoutMarks(state.mark, said);
  const question = readQuestion(text);
  if (question !== undefined) return { kind: "clarification", question };
  const words = cutText(cleanText(text), maxAnswerChars).text.trim();
  const answer = words === "" ? sumUp(state.results) : words;
  if (answer === "") throw new GatewayError("upstream-failed", "Cannot go on: the model has answered nothing");
  const failed = state.failed.at(-1);
  if (failed === undefined) return { kind: "answered", answer };
  const last = state.results.findLast((one) => !one.success && `${one.service}/${one.command}` === failed.tool);
  const reason = last?.error === undefined ? "" : `: ${last.error}`;
  const message = `Cannot carry out ${JSON.stringify(briefText(failed.tool, 200))}${reason}`;
  return { kind: "failed", answer, failure: { code: "command_failed", message } };
}

function sumUp(results: Run["state"]["results"]): string {
  return results.map(({ command, success }) => `${command}: ${success ? "done" : "failed"}.`).join(" ");
}

async function beginBatch(run: Run, { text }: ModelAnswer, read: ReadCalls, parts: ActParts): Promise<void> {
  const { state } = run;
  const content = text === "" ? [] : [{ type: "text" as const, text }];
  state.messages.push({ role: "assistant", content, toolCalls: read.toolCalls });
  state.batch = read.toolCalls.map(({ callId }) => callId);
  state.replies = [...read.replies];
  state.knownCalls = Math.max(state.knownCalls, state.calls + read.ready.length);
  for (const { tool, risk } of read.denied) {
    const { server, name } = tool;
    await parts.store.beginCall(auditedCall(run, { server, name, risk, input: {}, decision: "denied" }));
  }
  for (const { booked, problem } of read.misfit) {
    const { server: service, name: command } = booked.tool;
    state.results.push({ service, command, success: false, error: problem, durationMs: 0 });
    state.failed.push({ tool: `${service}/${command}`, round: state.rounds });
  }
}

/** @returns when a person has to be asked: the question */
async function takeBatch(run: Run, offer: Offer, ready: readonly ReadyCall[], parts: ActParts) {
  const asked = ready.findIndex(({ booked }) => booked.verdict === "ask");
  const [now, later] = asked < 0 ? [ready, []] : [ready.slice(0, asked), ready.slice(asked)];
  const unasked = now.map((call) => ({ ...call, decision: "unasked" as const }));
  const isWell = await makeCalls(run, unasked, parts);
  if (later.length > 0 && isWell) {
    requireSteps(run, later.length, parts);
    return parts.hold(run, offer, later);
  }
  leaveOut(run, later);
  endBatch(run);
  return undefined;
}

/** @returns false when one has failed */
async function makeCalls(run: Run, calls: readonly PlannedCall[], parts: ActParts): Promise<boolean> {
  const isReading = calls.every(({ booked }) => booked.risk === "read");
  return isReading && calls.length > 1 ? makeAtOnce(run, calls, parts) : makeInTurn(run, calls, parts);
}

async function makeAtOnce(run: Run, calls: readonly PlannedCall[], parts: ActParts): Promise<boolean> {
  requireSteps(run, calls.length, parts);
  const made: MadeCall[] = [];
  for (let first = 0; first < calls.length; first += mostAtOnce) {
    const part = calls.slice(first, first + mostAtOnce);
    made.push(...(await Promise.all(part.map((call) => callTool(run, call, parts)))));
  }
  // They ended in any order, and are told in that of their calls.
  run.state.results.splice(-made.length, made.length, ...made.map(({ result }) => result));
  run.state.replies.push(...made.map(({ reply }) => reply));
  return made.every(({ result }) => result.success);
}

async function makeInTurn(run: Run, calls: readonly PlannedCall[], parts: ActParts): Promise<boolean> {
  for (const [position, call] of calls.entries()) {
    requireSteps(run, 1, parts);
    const { reply, result } = await callTool(run, call, parts);
    run.state.replies.push(reply);
    if (result.success) continue;
    leaveOut(run, calls.slice(position + 1));
    return false;
  }
  return true;
}

/** What follows a call that failed may have been meant to build upon it. */
function leaveOut(run: Run, calls: readonly { readonly callId: string }[]): void {
  const text = "Not called: a call before it, in the same answer, has failed";
  run.state.replies.push(...calls.map(({ callId }) => ({ callId, text, isError: true })));
}

/** Results go into the conversation in the order of their calls. */
function endBatch({ state }: Run): void {
  const replies = new Map(state.replies.map((reply) => [reply.callId, reply] as const));
  for (const callId of state.batch) {
    const { text, isError } = replies.get(callId) ?? { text: "Not called", isError: true };
    state.messages.push(resultMessage(callId, text, isError));
  }
  state.batch = [];
  state.replies = [];
}

function requireSteps(run: Run, count: number, { maxSteps }: ActParts): void {
  if (run.state.calls + count > maxSteps) throw tooManySteps(maxSteps);
}

function tooManySteps(maxSteps: number): RunFailure {
  return new RunFailure(
    "step_limit",
    `The run was ended: it wanted more than ${maxSteps} calls of tools, the most that it may make`,
  );
}

/** Calls that could not be made count as none: of tools that are not there, or with arguments that do not fit. */
function tooManyRounds(rounds: number): RunFailure {
  return new RunFailure(
    "step_limit",
    `The run was ended: after ${rounds} questions to the model there was no answer, only calls that could not all be made`,
  );
}
