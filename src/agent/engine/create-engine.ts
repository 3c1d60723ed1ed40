// The agent's engine: queries, confirmations and cancelling of all users over the same tool servers and the same model.

import { GatewayError } from "../../contract/gateway-error.ts";
import { randomId } from "../../contract/random-id.ts";
import { orAborted } from "../../outbound/or-aborted.ts";
import type { AgentEngine } from "../engine.ts";
import type { ToolServerView } from "../tools.ts";
import { act } from "./act.ts";
import { createJudges } from "./caller-rules.ts";
import { confirm, type ConfirmParts } from "./confirm.ts";
import { describeTools, writeExamples } from "./describe.ts";
import type { AgentEngineOptions } from "./engine-options.ts";
import { RunFailure } from "./failure.ts";
import { chooseTools, countServices } from "./offer.ts";
import { openingMessages } from "./prompts.ts";
import { parseQuery } from "./query.ts";
import { Questions } from "./questions.ts";
import { createJudge } from "./risk.ts";
import type { Outcome, Run, StartTimer } from "./run.ts";
import { createRunState } from "./run-state.ts";
import { countOf, Runs } from "./runs.ts";
import { Steps } from "./steps.ts";
import { type BookedTool, createToolBooks, type ToolBook } from "./tool-book.ts";
import { createToolIndexer } from "./tool-index.ts";

/** What a follow-up knows of its session. */
const mostTurns = 8;
const defaultMaxTokens = 400_000;
const sessionIdPattern = /^[\x21-\x7e]{1,200}$/;

const systemTimer: StartTimer = (action, delayMs) => {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
};

export function createAgentEngine(options: AgentEngineOptions): AgentEngine {
  const { toolServers, store, settings, clock, log, startTimer = systemTimer } = options;
  const steps = new Steps();
  const books = createToolBooks(createJudge(settings), createToolIndexer());
  const judgeOf = createJudges(settings, settings.perCaller ?? []);
  const questions = new Questions({ store, clock, startTimer, expiryMs: settings.confirmExpiryMs });
  const runs = new Runs({ clock, startTimer, timeoutMs: settings.timeoutMs, log }, store, options.forget);
  const parts: ConfirmParts = {
    toolServers: { call: steps.paced((...call) => toolServers.call(...call)) },
    store,
    clock,
    log,
    questions,
    runs,
    askModel: steps.paced(options.askModel),
    maxSteps: settings.maxSteps,
    maxTokens: settings.maxTokens ?? defaultMaxTokens,
    discover: steps.paced(async (userId: string, signal: AbortSignal) =>
      books.of(await orAborted(toolServers.discover(userId, signal), signal), judgeOf(userId)),
    ),
    views: (userId) => toolServers.views(userId),
    elicit: (run, booked, asked) => questions.elicit(run, booked, asked),
    hold: (run, offer, calls) => questions.hold(run, offer, calls),
  };

  async function answer(run: Run): Promise<Outcome> {
    const { state, userId } = run;
    const turns = await store.findTurns(userId, state.sessionId, mostTurns);
    const book = await parts.discover(userId, run.signal);
    const services = countOf(countServices(book.usable).size, "service");
    run.progress("discovering", `Found ${services} with ${countOf(book.usable.length, "command")}`);
    const views = toolServers.views(userId);
    if (book.usable.length === 0) throw noTools(views);
    for (const { needsSignIn, error } of views)
      if (needsSignIn === true && error !== undefined) run.progress("discovering", error);
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

  // The engine comes with the first request, which now waits for its tool servers to start.
  setImmediate(books.practise);

  /** Who looks at the tools is about to use them. */
  async function survey(userId: string, signal: AbortSignal): Promise<ToolBook> {
    const book = await parts.discover(userId, signal);
    setImmediate(book.prepare);
    return book;
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
      const { run, result } = runs.begin(userId, state, runOptions);
      run.progress("analyzing", "Analyzing your request...");
      runs.carryOut(run, () => answer(run));
      return result;
    },
    async confirm(userId, confirmationId, decision, confirmOptions = {}) {
      return confirm(await questions.require(userId, confirmationId), decision, confirmOptions, parts);
    },
    drop: (userId, confirmationId) => questions.drop(userId, confirmationId),
    async cancel(userId, sessionId) {
      return runs.cancel(userId, sessionId);
    },
    async capabilities(userId, signal) {
      return describeTools(await survey(userId, signal), toolServers.views(userId));
    },
    async examples(userId, signal) {
      return writeExamples(await survey(userId, signal));
    },
    settled: () => runs.settled(),
    async close() {
      await runs.close();
      books.close();
    },
  };
}

function noTools(views: readonly ToolServerView[]): RunFailure {
  const unsigned = views.find(({ needsSignIn }) => needsSignIn === true)?.error;
  if (unsigned !== undefined) return new RunFailure("no_tools", unsigned);
  const failed = views.filter(({ state }) => state === "failed").map(({ name }) => JSON.stringify(name));
  return new RunFailure("no_tools", `Cannot carry out the request: ${reasonOf(views, failed)}`);
}

function reasonOf(views: readonly ToolServerView[], failed: readonly string[]): string {
  if (views.length === 0) return "there is no tool server yet, qwen-gateway mcp add makes one";
  if (failed.length === 0) return "no service has a command that may be used";
  return `${failed.join(", ")} cannot be reached`;
}

/** @throws {GatewayError} `invalid-request` */
function parseSessionId(sessionId: string | undefined): string {
  if (sessionId === undefined) return randomId();
  if (sessionIdPattern.test(sessionId)) return sessionId;
  const message = 'Invalid request: "session_id" must be 1 to 200 visible characters of ASCII';
  throw new GatewayError("invalid-request", message, { param: "session_id" });
}
