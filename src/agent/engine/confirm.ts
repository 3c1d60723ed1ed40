// A person's word on what waits: the plan goes on from the store, or the server that asked gets its answer.

import { GatewayError } from "../../contract/gateway-error.ts";
import type { JsonObject } from "../../contract/json.ts";
import type { KeptQuestion } from "../../store/agent-store.ts";
import type { AgentEngine, AgentResult, Decision } from "../engine.ts";
import type { ToolServerView } from "../tools.ts";
import { type ActParts, actOn } from "./act.ts";
import { auditedCall, type PlannedCall } from "./call-tool.ts";
import { checkInput } from "./check-arguments.ts";
import { RunFailure } from "./failure.ts";
import { type Offer, showAgain } from "./offer.ts";
import { heldState, type Questions } from "./questions.ts";
import type { Outcome, Run } from "./run.ts";
import type { HeldCall } from "./run-state.ts";
import type { Runs } from "./runs.ts";
import type { BookedTool, ToolBook } from "./tool-book.ts";

export type ConfirmOptions = NonNullable<Parameters<AgentEngine["confirm"]>[3]>;

export interface ConfirmParts extends ActParts {
  readonly questions: Questions;
  readonly runs: Runs;
  discover(userId: string, signal: AbortSignal): Promise<ToolBook>;
  views(userId: string): readonly ToolServerView[];
}

/** @throws {GatewayError} what keeps the question open: arguments that do not fit, a service that is down */
export async function confirm(
  question: KeptQuestion,
  decision: Decision,
  options: ConfirmOptions,
  parts: ConfirmParts,
): Promise<AgentResult> {
  return question.kind === "plan"
    ? confirmPlan(question, decision, options, parts)
    : answerServer(question, decision, options, parts);
}

async function confirmPlan(
  { caller, id, ...question }: KeptQuestion,
  decision: Decision,
  options: ConfirmOptions,
  parts: ConfirmParts,
): Promise<AgentResult> {
  const { runs, questions } = parts;
  const { run, result } = runs.begin(caller, heldState(question), options);
  try {
    const approved = decision === "approve" ? await prepare(run, options.changed, parts) : undefined;
    await questions.take(caller, id, approved === undefined ? "rejected" : "approved");
    run.progress("analyzing", approved === undefined ? "Leaving it..." : "Going on with your confirmation...");
    runs.carryOut(run, () => (approved === undefined ? reject(run, parts) : approve(run, approved, parts)));
  } catch (error) {
    // Stopped meanwhile: that has been told as the result.
    const isStopped = run.signal.aborted;
    runs.giveUp(run, error);
    if (!isStopped) throw error;
  }
  return result;
}

interface PreparedCall {
  readonly held: HeldCall;
  /** Undefined: the tool is not what it was, no longer there, or forbidden. */
  readonly booked: BookedTool | undefined;
  readonly isForbidden: boolean;
  readonly changed?: JsonObject;
}

interface Approved {
  readonly offer: Offer;
  readonly calls: readonly PreparedCall[];
}

/** Before anything is decided. */
async function prepare(run: Run, changed: JsonObject | undefined, parts: ConfirmParts): Promise<Approved> {
  const { held, shown } = run.state;
  const book = await parts.discover(run.userId, run.signal);
  const calls = held.map((call): PreparedCall => {
    const booked = book.tools.find(({ tool }) => tool.hash === call.hash && tool.name === call.name);
    if (booked === undefined) requireReady(parts.views(run.userId), call.server);
    const isForbidden = booked?.verdict === "deny";
    return { held: call, booked: isForbidden ? undefined : booked, isForbidden };
  });
  const offer = showAgain(book, shown);
  const [only] = calls;
  if (changed === undefined) return { offer, calls };
  if (calls.length !== 1 || only === undefined) {
    throw invalidArguments("can be changed only when one command waits; reject it and send another request");
  }
  if (only.booked !== undefined) requireFit(changed, only.booked.tool.inputSchema);
  return { offer, calls: [{ ...only, changed }] };
}

async function approve(run: Run, { offer, calls }: Approved, parts: ConfirmParts): Promise<Outcome> {
  const planned = calls.flatMap(({ held, booked, changed }): PlannedCall[] => {
    if (booked === undefined) return [];
    const decision = changed !== undefined ? "changed" : held.isAsked ? "approved" : "unasked";
    return [{ callId: held.callId, booked, input: changed ?? held.input, decision }];
  });
  const missing = calls.find(({ booked }) => booked === undefined);
  if (missing === undefined) return actOn(run, offer, planned, parts);
  // All or nothing: what was agreed to was the whole.
  await audit(run, [missing.held], missing.isForbidden ? "denied" : "replaced", parts);
  const reason = missing.isForbidden
    ? "the settings forbid it by now"
    : "the tool is not the one any more that was asked about; send the request once more";
  throw new RunFailure("tool_changed", `Cannot call ${JSON.stringify(missing.held.name)}: ${reason}`);
}

async function reject(run: Run, parts: ConfirmParts): Promise<Outcome> {
  const { held } = run.state;
  await audit(run, held, "rejected", parts);
  return { kind: "answered", answer: `Not done, as you wished: ${held.map(({ name }) => name).join(", ")}.` };
}

async function audit(
  run: Run,
  calls: readonly HeldCall[],
  decision: "replaced" | "rejected" | "denied",
  { store }: ConfirmParts,
): Promise<void> {
  for (const call of calls) await store.beginCall(auditedCall(run, { ...call, decision }));
}

async function answerServer(
  { caller, id }: KeptQuestion,
  decision: Decision,
  options: ConfirmOptions,
  { questions }: ConfirmParts,
): Promise<AgentResult> {
  const { run, asked, answer } = questions.requireOpen(id);
  const content = options.changed ?? {};
  if (decision === "approve") requireFit(content, asked.schema);
  await questions.take(caller, id, decision === "approve" ? "approved" : "rejected");
  const result = run.listen(options);
  run.progress("analyzing", "Going on with your answer...");
  answer(decision === "approve" ? { action: "accept", content } : { action: "decline" });
  return result;
}

/** A tool that is missing because its server is down is not another tool. @throws {GatewayError} `overloaded` */
function requireReady(views: readonly ToolServerView[], server: string): void {
  const state = views.find(({ name }) => name === server)?.state;
  if (state !== "failed" && state !== "connecting") return;
  const message = `Cannot confirm: the service ${JSON.stringify(server)} cannot be reached; try again`;
  throw new GatewayError("overloaded", message, { retryable: true });
}

function requireFit(input: JsonObject, schema: JsonObject): void {
  const checked = checkInput(input, schema);
  if ("problem" in checked) throw invalidArguments(`do not fit: ${checked.problem}`);
}

function invalidArguments(reason: string): GatewayError {
  return new GatewayError("invalid-request", `Invalid request: "arguments" ${reason}`, { param: "arguments" });
}
