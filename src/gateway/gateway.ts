// One exchange from request to Response: the paragraph that every surface and every upstream share.

import type { Access } from "../contract/access.ts";
import type { ChatRequest } from "../contract/chat-request.ts";
import { errorHeaders } from "../contract/error-headers.ts";
import { GatewayError, toGatewayError } from "../contract/gateway-error.ts";
import { settledWithin } from "../contract/settled-within.ts";
import { statusOn, type Surface } from "../contract/surface.ts";
import type { ModelInfo } from "../contract/upstream.ts";
import { estimatePrompt } from "../conversation/estimate-prompt.ts";
import { randomId } from "../contract/random-id.ts";
import { silentMetrics } from "../telemetry/metrics.ts";
import { createAdmission } from "./queues/admission.ts";
import { Arrivals } from "./arrivals.ts";
import { createBreaker, type UpstreamCircuits } from "./candidates/breaker.ts";
import { beginSpending, candidatesInScope, enterPlace, listScope } from "./candidates/caller-scope.ts";
import { contextTrimOf } from "./context-trim.ts";
import { Exchange } from "./exchange.ts";
import {
  type Asking,
  type ComposedExchange,
  type IncomingExchange,
  type Question,
  readQuestion,
} from "./exchange-request.ts";
import { hasFileReferences, withFiles } from "./file-references.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { createModelFinder, type FindModel } from "./candidates/find-model.ts";
import { createForwarder, type IncomingForward, type Running } from "./forward/forwarder.ts";
import { createGatewayLedger } from "./ledger.ts";
import { createLiveness } from "./replies/liveness.ts";
import { createModelCatalog } from "./candidates/model-catalog.ts";
import { type Candidate, createModelRoutes } from "./candidates/model-routes.ts";
import type { Pauses } from "./candidates/pauses.ts";
import { rememberRefusal } from "./records/remember-exchange.ts";
import type { Spending } from "./quotas/quotas.ts";
import { plainDisplay } from "./forms/reply-display.ts";
import { createRunningReplies, type RunningReplies } from "./replies/running-replies.ts";
import { createSessionDeletion, type SessionDeletion } from "./turns/session-deletion.ts";
import { createTurns } from "./turns/turns.ts";
import type { QueueView } from "./queues/upstream-queues.ts";

export interface Gateway extends Omit<SessionDeletion, "deleteChats" | "deleteChatsLater"> {
  /**
   * Answers one request on a surface. Never throws: what goes wrong is told in the surface's own shape.
   * The answer carries the surface's headers; `x-request-id` is the server's to add.
   */
  exchange(surface: Surface, incoming: IncomingExchange): Promise<Response>;
  /**
   * Runs a composed request like a received one. The answer is the surface's stream, or its whole reply, without headers
   * of its own.
   * @throws {GatewayError} what fails before the first word
   */
  converse(surface: Surface, composed: ComposedExchange): Promise<Response>;
  /** Passes one request on to an upstream that serves its endpoint. Never throws: errors are told in OpenAI's shape. */
  forward(incoming: IncomingForward): Promise<Response>;
  /** Those that may be used. @param access undefined: all */
  listModels(signal: AbortSignal, access?: Access): Promise<readonly ModelInfo[]>;
  readonly findModel: FindModel;
  /** Puts the uploaded files that a request names in their place. @throws {GatewayError} `invalid-request` for one that is not kept */
  showFiles(request: ChatRequest, caller: string): Promise<ChatRequest>;
  /** Replies that run now. */
  openReplies(): number;
  /** Who waits and runs at each upstream that was asked so far. */
  queues(): readonly QueueView[];
  /** The same one by one, and how to end one. */
  readonly replies: RunningReplies;
  /** Upstreams that get no new requests for now. */
  readonly pauses: Pauses;
  /** Which upstreams are passed over. */
  readonly circuits: UpstreamCircuits;
  /**
   * Resolves when no reply runs any more; at the deadline what still runs is ended with a typed error first. Called again, the
   * earlier deadline counts.
   */
  drain(deadlineMs: number): Promise<void>;
}

/** A request that may become an exchange. */
interface Admitted {
  readonly surface: Surface;
  readonly incoming: Asking;
  readonly question: Question;
  /** That of the question, or what of it is passed on. */
  readonly request: ChatRequest;
  readonly candidates: readonly Candidate[];
  /** Gives its place back. */
  leave(): void;
  readonly spending: Spending | undefined;
}

/** After the deadline of a drain, how long the ends of what was cut may take. */
const cutMs = 5000;

export function createGateway(options: GatewayOptions): Gateway {
  const { store, upstreams, log, metrics = silentMetrics, commitMs = 250 } = options;
  const { counts, queues, pauses, ...shared } = options.ledger ?? createGatewayLedger(metrics);
  const admission = createAdmission({ ...options.admission, counts });
  const arrivals = new Arrivals();
  const liveness = createLiveness(options.liveness);
  const { deleteChats, deleteChatsLater, ...deletion } = createSessionDeletion(options);
  const turns = createTurns({
    store,
    deletion: { deleteChats, deleteChatsLater },
    match: options.sessionMatch,
    commitMs,
    storeDown: options.storeDown,
    log,
    shared,
  });
  const catalog = createModelCatalog({ upstreams, clock: options.clock });
  const { modelRoutes = {}, defaultModel, breakerOpenMs = 30_000 } = options;
  const routes = createModelRoutes({ upstreams, catalog, routes: modelRoutes, defaultModel });
  const trialMs = Math.max(breakerOpenMs, options.liveness.firstByteMs);
  const breaker = createBreaker({ openMs: breakerOpenMs, trialMs, clock: options.clock });
  const contextTrim = contextTrimOf(options.contextTrim ?? "off", catalog);
  const running = new Set<Running>();
  /** Requests whose answer has not begun. Some run no exchange yet: they wait for their session's turn. */
  let arriving = 0;
  /** Where the time went of exchanges that failed before their head. */
  const timings = new WeakMap<GatewayError, string>();
  let isClosed = false;
  const idleListeners = new Set<() => void>();

  const forward = createForwarder({
    ...options,
    catalog,
    routes: modelRoutes,
    breaker,
    queues,
    liveness,
    admission,
    metrics,
    pauses,
    refuseWhenClosed() {
      if (isClosed) throw shuttingDown();
    },
    began: (exchange) => void running.add(exchange),
    ended(exchange) {
      running.delete(exchange);
      tellIdle();
    },
  });

  function tellIdle(): void {
    if (running.size > 0 || arriving > 0) return;
    for (const tell of idleListeners) tell();
    idleListeners.clear();
  }

  function begin({ surface, incoming, request, question, candidates, leave, spending }: Admitted): Exchange {
    const turn = turns.create(request, incoming.caller, question.hints);
    if (isClosed) throw shuttingDown();
    const exchange = new Exchange({
      surface,
      candidates,
      breaker,
      queues,
      request,
      display: question.display,
      turn,
      identity: {
        replyId: incoming.replyId ?? randomId(),
        model: request.model ?? candidates[0]?.model ?? defaultModel,
        createdAtMs: options.clock(),
      },
      caller: incoming.caller,
      requestId: incoming.requestId,
      clientSignal: incoming.signal,
      onAbandoned: incoming.onAbandoned,
      outlet: incoming.outlet,
      toSocket: incoming.toSocket,
      liveness,
      retry: options.retry,
      retryBudgetMs: options.retryBudgetMs,
      contextTrim,
      holdHeadersMs: options.holdHeadersMs,
      log,
      metrics,
      trace: options.tracing?.reply(incoming.requestId, {
        operation: "chat",
        surface: surface.name,
        model: request.model,
        stream: request.stream,
      }),
      history: options.history,
      debugStreaming: options.debugStreaming,
      spending,
      onEnd(error) {
        leave();
        spending?.end();
        running.delete(exchange);
        tellIdle();
        // Somebody may have it since their list was read.
        if (error?.kind === "model-not-found") catalog.renew();
      },
    });
    running.add(exchange);
    return exchange;
  }

  /** The exchange itself logs how it ended: this is for requests that never became one. */
  function tellRefusal(error: unknown, surface: Surface, asking: Asking, request: ChatRequest | undefined): void {
    const { requestId, signal } = asking;
    const known = toGatewayError(error);
    const hasLeft = isHangUp(error, signal);
    rememberRefusal(options.history, { surface, asking, request }, known, hasLeft);
    const fields = {
      requestId,
      surface: surface.name,
      status: statusOn(surface, known.kind),
      kind: known.kind,
      param: known.param,
    };
    if (hasLeft) return;
    metrics.requestRefused(surface.name, known.kind);
    if (known.kind !== "internal") log.info(`request refused: ${known.message}`, fields);
    else log.error(known.message, fields, error);
  }

  /** Each message costs a hash, and a history of millions would hold up everybody else's words. */
  function refuseTooMany(messages: number): void {
    if (options.maxMessages === undefined || messages <= options.maxMessages) return;
    throw new GatewayError(
      "invalid-request",
      `Cannot read the request: it has ${messages} messages, and MAX_MESSAGES allows ${options.maxMessages}`,
      { param: "messages" },
    );
  }

  /** @throws {GatewayError} when the caller may use none of them */
  function inScope(candidates: readonly Candidate[], { request }: Question, { access }: Asking): readonly Candidate[] {
    if (access?.scopes === undefined) return candidates;
    return candidatesInScope(candidates, access.scopes, request.model, defaultModel);
  }

  function withPolicy(request: ChatRequest): ChatRequest {
    if (!options.stream) return { ...request, stream: false };
    return options.streamUsage === "always" ? { ...request, includeUsage: true } : request;
  }

  /** @throws {GatewayError} what fails while a status can still be chosen */
  async function serve(
    surface: Surface,
    incoming: Asking,
    read: () => Question,
    pass?: (question: Question, candidates: readonly Candidate[]) => ChatRequest,
  ): Promise<Response> {
    arriving++;
    let exchange: Exchange | undefined;
    let leave: (() => void) | undefined;
    let question: Question | undefined;
    let spending: Spending | undefined;
    try {
      leave = enterPlace(admission, options.quotas, incoming);
      await arrivals.enter();
      question = read();
      refuseTooMany(question.request.messages.length);
      if (hasFileReferences(question.request)) {
        question = { ...question, request: await withFiles(question.request, incoming.caller, options.findFile) };
      }
      const found = routes.find(question.request.model, question.upstream);
      const candidates = pauses.without(inScope(found instanceof Promise ? await found : found, question, incoming));
      const asked = question.request;
      const counted = beginSpending(options.quotas, incoming.access, {
        sessionId: question.hints.sessionId,
        promptTokens: () => estimatePrompt(asked),
      });
      if (counted !== undefined) spending = await counted;
      const request = pass?.(question, candidates) ?? asked;
      exchange = begin({ surface, incoming, request, question, candidates, leave, spending });
      incoming.onAdmitted?.();
      return await exchange.respond();
    } catch (error) {
      if (exchange === undefined) {
        leave?.();
        spending?.end();
        tellRefusal(error, surface, incoming, question?.request);
      }
      const known = toGatewayError(error);
      if (exchange !== undefined) timings.set(known, exchange.serverTiming);
      throw known;
    } finally {
      arriving--;
      tellIdle();
    }
  }

  return {
    async exchange(surface, incoming) {
      try {
        return await serve(
          surface,
          incoming,
          () => readQuestion(surface, incoming, withPolicy, options.display ?? plainDisplay),
          ({ request, hints, display }, candidates) => {
            // What a thin client is told is kept, and therefore read.
            const isPassed = !hints.thin && isSpoken(surface.name, candidates);
            if (!isPassed) return request;
            const isChecked = request.format !== undefined && request.wantsProbabilities !== true;
            const isReplyRead = isChecked || display !== undefined;
            return { ...request, received: incoming.body, ...(isReplyRead ? { isReplyRead } : {}) };
          },
        );
      } catch (error) {
        const known = toGatewayError(error);
        return Response.json(surface.encodeError(known, incoming.requestId), {
          status: statusOn(surface, known.kind),
          headers: withTiming(errorHeaders(known), timings.get(known)),
        });
      }
    },
    converse: (surface, composed) => serve(surface, composed, () => composed),
    async forward(incoming) {
      arriving++;
      try {
        return await forward(incoming);
      } finally {
        arriving--;
        tellIdle();
      }
    },
    listModels: (signal, access) => catalog.list(signal, access?.scopes && listScope(access.scopes)),
    showFiles: async (request, caller) =>
      hasFileReferences(request) ? withFiles(request, caller, options.findFile) : request,
    findModel: createModelFinder(catalog, routes, defaultModel),
    ...deletion,
    openReplies: () => running.size,
    queues: () => queues.views(),
    replies: createRunningReplies(running),
    pauses,
    circuits: breaker,
    async drain(deadlineMs) {
      const idle = new Promise<void>((resolve) => {
        idleListeners.add(resolve);
        tellIdle();
      });
      await settledWithin(idle, deadlineMs);
      isClosed = true;
      for (const exchange of running) exchange.end(shuttingDown());
      await settledWithin(idle, cutMs);
      liveness.stop();
    },
  };
}

function withTiming(headers: Record<string, string>, timing: string | undefined): Record<string, string> {
  return timing === undefined ? headers : { ...headers, "server-timing": timing };
}

/** Whether one of them speaks the client's own protocol. */
function isSpoken(protocol: string, candidates: readonly Candidate[]): boolean {
  for (const { upstream } of candidates) if (upstream.protocol === protocol) return true;
  return false;
}

/** A client that leaves before its answer began is no fault. */
function isHangUp(error: unknown, client: AbortSignal): boolean {
  return client.aborted && (error === client.reason || error instanceof GatewayError);
}

function shuttingDown(): GatewayError {
  return new GatewayError(
    "overloaded",
    "The gateway is shutting down before the answer is complete: send the message again",
  );
}
