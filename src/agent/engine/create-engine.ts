// The agent's engine: queries, confirmations and cancelling of all users over the same tool servers and the same model.

import { GatewayError } from "../../contract/gateway-error.ts";
import { randomId } from "../../conversation/random-id.ts";
import type { KeptQuestion } from "../../store/agent-store.ts";
import type { AgentEngine, AgentResult, Decision, RunOptions } from "../engine.ts";
import { act, actOn, type ActParts } from "./act.ts";
import { auditedCall, type PlannedCall } from "./call-tool.ts";
import { checkInput } from "./check-arguments.ts";
import { describeTools, writeExamples } from "./describe.ts";
import type { AgentEngineOptions } from "./engine-options.ts";
import { failureOf, RunFailure } from "./failure.ts";
import { chooseTools, countServices, type Offer, showAgain } from "./offer.ts";
import { openingMessages } from "./prompts.ts";
import { parseQuery } from "./query.ts";
import { heldState, Questions } from "./questions.ts";
import { createJudge } from "./risk.ts";
import { type Outcome, Run, type RunParts, type StartTimer, untilAborted } from "./run.ts";
import { createRunState, type HeldCall } from "./run-state.ts";
import { type BookedTool, createToolBooks } from "./tool-book.ts";
import { createToolIndexer } from "./tool-index.ts";

/** What a follow-up knows of its session. */
const mostTurns = 8;
const maxTokens = 400_000;
const sessionIdPattern = /^[\x21-\x7e]{1,200}$/;

const systemTimer: StartTimer = (action, delayMs) => {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
};

export function createAgentEngine(options: AgentEngineOptions): AgentEngine {
  const { toolServers, store, settings, clock, log, startTimer = systemTimer } = options;
  const books = createToolBooks(createJudge(settings), createToolIndexer());
  const questions = new Questions({ store, clock, startTimer, expiryMs: settings.confirmExpiryMs });
  const runParts: RunParts = { clock, startTimer, timeoutMs: settings.timeoutMs, log };
  const running = new Set<Run>();
  const parts: ActParts = {
    toolServers,
    store,
    clock,
    log,
    askModel: options.askModel,
    maxSteps: settings.maxSteps,
    maxTokens: settings.maxTokens ?? maxTokens,
    elicit: (run, booked, asked) => questions.elicit(run, booked, asked),
    hold: (run, offer, calls) => questions.hold(run, offer, calls),
  };

  const discover = async (userId: string, signal: AbortSignal) =>
    books.of(await untilAborted(signal, toolServers.discover(userId, signal)));

  /** Works until there is an outcome, and tells it. Never rejects. */
  async function carryOut(run: Run, work: () => Promise<Outcome>): Promise<void> {
    let outcome: Outcome;
    try {
      outcome = await work();
    } catch (error) {
      if (!run.signal.aborted) log.warn("agent run failed", { requestId: run.requestId, ...failureOf(error) });
      outcome = { kind: "failed", failure: failureOf(error) };
    }
    await rememberTurn(run, outcome);
    running.delete(run);
    if (outcome.kind === "answered") run.progress("completed", tellCompletion(run));
    run.end(outcome);
  }

  async function rememberTurn({ userId, state }: Run, outcome: Outcome): Promise<void> {
    const { query, turnCalls: calls } = state;
    try {
      await store.rememberTurn(userId, state.sessionId, state.turnId, { query, calls, answer: wordsOf(outcome) });
    } catch (error) {
      // The work is done: a follow-up that knows less is better than a result that nobody gets.
      log.error("turn of the agent was not kept", {}, error);
    }
  }

  async function plan(run: Run): Promise<Outcome> {
    const { state, userId } = run;
    const turns = await store.findTurns(userId, state.sessionId, mostTurns);
    const book = await discover(userId, run.signal);
    const services = countServices(book.usable);
    run.progress(
      "discovering",
      `Found ${count(services.size, "service")} with ${count(book.usable.length, "command")}`,
    );
    if (services.size === 0) throw noTools(toolServers.views(userId));
    run.progress("selecting", "Selecting commands...");
    const find = (server: string, name: string): BookedTool | undefined =>
      book.usable.find(({ tool }) => tool.server === server && tool.name === name);
    const used = turns.flatMap(({ calls }) => calls.flatMap(({ server, tool }) => find(server, tool) ?? []));
    const offer = chooseTools(book, state.query, { queries: turns.map(({ query }) => query).reverse(), tools: used });
    const known = turns.map((turn) => ({
      turn,
      aliases: turn.calls.map(({ server, tool }) => find(server, tool)?.alias ?? tool),
    }));
    state.messages.push(...openingMessages(state.mark, clock(), state.query, known));
    return act(run, offer, parts);
  }

  function start(run: Run, runOptions: RunOptions): Promise<AgentResult> {
    running.add(run);
    return run.listen(runOptions);
  }

  async function confirmPlan(question: KeptQuestion, decision: Decision, runOptions: ConfirmOptions) {
    const { caller, id } = question;
    const run = new Run(caller, runOptions.requestId ?? randomId(), heldState(question), runParts);
    const result = start(run, runOptions);
    try {
      const { offer, calls } = await prepare(run, decision, runOptions);
      await questions.take(caller, id, decision === "approve" ? "approved" : "rejected");
      run.progress("analyzing", decision === "approve" ? "Going on with your confirmation..." : "Leaving it...");
      void carryOut(run, () => (decision === "approve" ? approve(run, offer, calls) : reject(run, calls)));
    } catch (error) {
      running.delete(run);
      // Stopped meanwhile: that has been told as the result.
      if (!run.signal.aborted) {
        run.end({ kind: "failed", failure: failureOf(error) });
        throw error;
      }
    }
    return result;
  }

  /** Before anything is decided, so that changed arguments that do not fit leave the question open. */
  async function prepare(run: Run, decision: Decision, { changed }: ConfirmOptions) {
    const { held, shown } = run.state;
    const book = await discover(run.userId, run.signal);
    const calls = held.map((call) => {
      const booked = book.tools.find(({ tool }) => tool.hash === call.hash && tool.name === call.name);
      return { held: call, booked: booked?.verdict === "deny" ? undefined : booked };
    });
    const [only] = calls;
    if (changed === undefined || decision === "reject") return { offer: showAgain(book, shown), calls };
    if (calls.length !== 1 || only === undefined) {
      throw invalidArguments("can be changed only when one command waits; reject it and send another request");
    }
    if (only.booked !== undefined) {
      const checked = checkInput(changed, only.booked.tool.inputSchema);
      if ("problem" in checked) throw invalidArguments(`do not fit: ${checked.problem}`);
    }
    return { offer: showAgain(book, shown), calls: [{ ...only, changed }] };
  }

  async function approve(run: Run, offer: Offer, calls: readonly PreparedCall[]): Promise<Outcome> {
    const planned = calls.flatMap(({ held, booked, changed }): PlannedCall[] => {
      if (booked === undefined) return [];
      const decision = changed !== undefined ? "changed" : held.isAsked ? "approved" : "unasked";
      return [{ callId: held.callId, booked, input: changed ?? held.input, decision }];
    });
    const missing = calls.find(({ booked }) => booked === undefined)?.held;
    if (missing === undefined) return actOn(run, offer, planned, parts);
    // All or nothing: what was agreed to was the whole.
    await audit(run, [missing], "replaced");
    const name = JSON.stringify(missing.name);
    throw new RunFailure(
      "tool_changed",
      `Cannot call ${name}: the tool is not the one any more that was asked about; send the request once more`,
    );
  }

  async function reject(run: Run, calls: readonly PreparedCall[]): Promise<Outcome> {
    await audit(
      run,
      calls.map(({ held }) => held),
      "rejected",
    );
    return { kind: "answered", answer: `Not done, as you wished: ${calls.map(({ held }) => held.name).join(", ")}.` };
  }

  async function audit(run: Run, calls: readonly HeldCall[], decision: "replaced" | "rejected"): Promise<void> {
    for (const call of calls) await store.beginCall(auditedCall(run, { ...call, decision }));
  }

  async function answerServer(question: KeptQuestion, decision: Decision, runOptions: ConfirmOptions) {
    const { run, asked, answer } = questions.requireOpen(question.id);
    const content = runOptions.changed ?? {};
    const checked = checkInput(content, asked.schema);
    if (decision === "approve" && "problem" in checked) throw invalidArguments(`do not fit: ${checked.problem}`);
    await questions.take(question.caller, question.id, decision === "approve" ? "approved" : "rejected");
    const result = run.listen(runOptions);
    run.progress("analyzing", "Going on with your answer...");
    answer(decision === "approve" ? { action: "accept", content } : { action: "decline" });
    return result;
  }

  return {
    async processQuery(userId, query, runOptions = {}) {
      const state = createRunState({
        turnId: randomId(),
        sessionId: parseSessionId(runOptions.sessionId),
        query: parseQuery(query),
        mark: randomId().slice(0, 12),
        model: runOptions.model,
      });
      const run = new Run(userId, runOptions.requestId ?? randomId(), state, runParts);
      const result = start(run, runOptions);
      run.progress("analyzing", "Analyzing your request...");
      void carryOut(run, () => plan(run));
      return result;
    },
    async confirm(userId, confirmationId, decision, runOptions = {}) {
      const question = await questions.require(userId, confirmationId);
      return (question.kind === "plan" ? confirmPlan : answerServer)(question, decision, runOptions);
    },
    drop: (userId, confirmationId) => questions.drop(userId, confirmationId),
    async cancel(userId, sessionId) {
      const runs = [...running].filter((run) => run.userId === userId && run.state.sessionId === sessionId);
      for (const run of runs) run.stop("cancelled", "The run was stopped, as asked");
      return runs.length > 0;
    },
    async capabilities(userId, signal) {
      return describeTools(await discover(userId, signal), toolServers.views(userId));
    },
    async examples(userId, signal) {
      return writeExamples(await discover(userId, signal));
    },
    async close() {
      for (const run of running) run.stop("cancelled", "The run was stopped: the gateway ends");
      books.close();
    },
  };
}

type ConfirmOptions = NonNullable<Parameters<AgentEngine["confirm"]>[3]>;

interface PreparedCall {
  readonly held: HeldCall;
  /** Undefined: the tool is not what it was, or no longer there. */
  readonly booked: BookedTool | undefined;
  readonly changed?: NonNullable<ConfirmOptions["changed"]>;
}

function wordsOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case "answered":
    case "pending":
      return outcome.answer;
    case "clarification":
      return outcome.question;
    case "failed":
      return outcome.answer ?? `Failed. ${outcome.failure.message}`;
  }
}

function tellCompletion({ state: { results } }: Run): string {
  const well = results.filter(({ success }) => success).length;
  return results.length === well
    ? `Completed: ${count(well, "command")}`
    : `Completed: ${well} of ${count(results.length, "command")} succeeded`;
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

function noTools(views: ReturnType<AgentEngineOptions["toolServers"]["views"]>): RunFailure {
  const failed = views.filter(({ state }) => state === "failed").map(({ name }) => JSON.stringify(name));
  const reason =
    failed.length === 0 ? "no service has a command that may be used" : `${failed.join(", ")} cannot be reached`;
  return new RunFailure("no_tools", `Cannot carry out the request: ${reason}`);
}

/** @throws {GatewayError} `invalid-request` */
function parseSessionId(sessionId: string | undefined): string {
  if (sessionId === undefined) return randomId();
  if (sessionIdPattern.test(sessionId)) return sessionId;
  const message = 'Invalid request: "session_id" must be 1 to 200 visible characters of ASCII';
  throw new GatewayError("invalid-request", message, { param: "session_id" });
}

function invalidArguments(reason: string): GatewayError {
  return new GatewayError("invalid-request", `Invalid request: "arguments" ${reason}`, { param: "arguments" });
}
