// Requests beside chat, passed on: whom to ask by the model that the body names, and what is told when nobody can be.

import type { Access } from "../../contract/access.ts";
import { errorHeaders } from "../../contract/error-headers.ts";
import type { ForwardBody, ForwardEndpoint } from "../../contract/forward.ts";
import { type GatewayError, httpStatus, toGatewayError } from "../../contract/gateway-error.ts";
import { openaiErrorBody } from "../../contract/openai-error.ts";
import type { Upstream } from "../../contract/upstream.ts";
import type { Tracing } from "../../telemetry/tracing.ts";
import type { Admission } from "../queues/admission.ts";
import { beginSpending, candidatesInScope, enterPlace } from "../candidates/caller-scope.ts";
import type { ModelCatalog } from "../candidates/model-catalog.ts";
import { createModelRoutes, type RouteOptions } from "../candidates/model-routes.ts";
import type { Pauses } from "../candidates/pauses.ts";
import type { RunningView } from "../replies/running-view.ts";
import type { Quotas, Spending } from "../quotas/quotas.ts";
import { ForwardClock } from "./forward-clock.ts";
import { ForwardedExchange, type ForwardedExchangeOptions } from "./forwarded-exchange.ts";
import { findJsonModel } from "./json-model.ts";
import { spliceModel } from "./model-place.ts";
import { notServed } from "./not-served.ts";
import { type IncomingUpload, Upload } from "./upload.ts";

/** What the server hands over: the edge has checked keys, host and size, and nothing else. */
export interface IncomingForward {
  readonly endpoint: ForwardEndpoint;
  /** JSON that was read whole, or a body that is still arriving. */
  readonly body: Uint8Array | IncomingUpload;
  readonly headers: Headers;
  /** Aborted when the client hangs up before it has an answer. */
  readonly signal: AbortSignal;
  readonly caller: string;
  /** What may be used for it, and how much. @defaultValue everything */
  readonly access?: Access | undefined;
  readonly requestId: string;
  /** Called when the body has arrived: the connection is silent from now on, and yet alive. */
  readonly onBodyOver?: (() => void) | undefined;
  /** Called when the client has stopped reading its answer: the connection may be closed. */
  readonly onAbandoned?: (() => void) | undefined;
}

/** Something that runs, and that a shutdown may have to end. */
export interface Running {
  end(error: GatewayError): void;
  /** What it is, for whoever looks after the gateway. */
  readonly view: RunningView;
}

export interface ForwarderOptions extends Pick<
  ForwardedExchangeOptions,
  "breaker" | "queues" | "liveness" | "retry" | "retryBudgetMs" | "log" | "metrics"
> {
  readonly upstreams: () => readonly Upstream[];
  readonly catalog: ModelCatalog;
  readonly routes: RouteOptions["routes"];
  readonly admission: Admission;
  readonly pauses: Pick<Pauses, "without">;
  readonly quotas?: Quotas | undefined;
  /** Undefined: no traces are sent. */
  readonly tracing?: Pick<Tracing, "reply"> | undefined;
  /** @throws {GatewayError} when nothing may begin any more */
  refuseWhenClosed(): void;
  began(running: Running): void;
  ended(running: Running): void;
}

/** The body's side of an exchange: bytes that were read, or an upload on its way. */
interface Body {
  readonly contentType: string;
  readonly model: string | undefined;
  readonly textBytes: number;
  bodyWith(model: string | undefined): ForwardBody;
  canRepeat(): boolean;
  failure(): GatewayError | undefined;
  cancel(): void;
}

const maxHeaderChars = 300;
/** What the body asks for is counted when its answer tells it. */
const noSession = { sessionId: undefined, promptTokens: () => 0 };
/** In the words of the conventions for GenAI, where they have one. */
const operations: Readonly<Record<string, string>> = { embeddings: "embeddings", rerank: "retrieval" };

/** Never throws: what goes wrong is told in OpenAI's shape. */
export function createForwarder(options: ForwarderOptions): (incoming: IncomingForward) => Promise<Response> {
  const { upstreams, catalog, admission, log, metrics } = options;

  function serving(endpoint: ForwardEndpoint): readonly Upstream[] {
    const found = upstreams().filter(({ forwarding }) => forwarding?.serves(endpoint) === true);
    if (found.length === 0) throw notServed(endpoint);
    return found;
  }

  async function begin(
    incoming: IncomingForward,
    clock: ForwardClock,
    spending: Spending | undefined,
    leave: () => void,
  ): Promise<ForwardedExchange> {
    const { endpoint, headers } = incoming;
    const able = serving(endpoint);
    const pinned = headers.get("x-upstream") ?? undefined;
    const hasChoice = (able.length > 1 && pinned === undefined) || Object.keys(options.routes).length > 0;
    const isHeldToModel = incoming.access?.scopes?.models !== undefined;
    const body = await readBody(incoming, clock, hasChoice, isHeldToModel);
    try {
      const found = createModelRoutes({
        upstreams: () => able,
        catalog,
        routes: options.routes,
        defaultModel: undefined,
      });
      const all = await found.find(body.model, pinned);
      const scopes = incoming.access?.scopes;
      const allowed = scopes === undefined ? all : candidatesInScope(all, scopes, body.model, undefined);
      const candidates = options.pauses.without(allowed);
      options.refuseWhenClosed();
      const exchange: ForwardedExchange = new ForwardedExchange({
        ...options,
        endpoint,
        candidates,
        clock,
        contentType: body.contentType,
        accept: plainHeader(headers.get("accept")) ?? "*/*",
        bodyWith: body.bodyWith,
        textBytes: body.textBytes,
        canRepeat: body.canRepeat,
        bodyFailure: body.failure,
        spending,
        caller: incoming.caller,
        requestId: incoming.requestId,
        trace: options.tracing?.reply(incoming.requestId, {
          operation: operations[endpoint] ?? "generate_content",
          surface: endpoint,
          model: body.model,
          stream: false,
        }),
        onAbandoned: () => incoming.onAbandoned?.(),
        onEnd() {
          body.cancel();
          leave();
          options.ended(exchange);
        },
      });
      options.began(exchange);
      return exchange;
    } catch (error) {
      body.cancel();
      throw error;
    }
  }

  /** An exchange itself logs how it ended: this is for requests that never became one. */
  function noteRefusal(error: GatewayError, cause: unknown, incoming: IncomingForward): void {
    const { endpoint, requestId, signal } = incoming;
    if (signal.aborted) return;
    metrics.requestRefused(endpoint, error.kind);
    const fields = {
      requestId,
      surface: endpoint,
      status: httpStatus[error.kind],
      kind: error.kind,
      param: error.param,
    };
    if (error.kind === "internal") log.error(error.message, fields, cause);
    else log.info(`request refused: ${error.message}`, fields);
  }

  return async (incoming) => {
    let exchange: ForwardedExchange | undefined;
    let leave: (() => void) | undefined;
    const clock = new ForwardClock(options.liveness, incoming.signal, () => incoming.onBodyOver?.());
    try {
      const leavePlace = enterPlace(admission, options.quotas, incoming);
      leave = leavePlace;
      const counted = beginSpending(options.quotas, incoming.access, noSession);
      if (counted !== undefined) {
        const spending = await counted;
        leave = () => {
          leavePlace();
          spending.end();
        };
        exchange = await begin(incoming, clock, spending, leave);
      } else exchange = await begin(incoming, clock, undefined, leave);
      return await exchange.respond();
    } catch (cause) {
      clock.stop();
      const error = toGatewayError(cause);
      if (exchange === undefined) {
        leave?.();
        if (!(incoming.body instanceof Uint8Array)) incoming.body.stream.cancel().catch(() => {});
        noteRefusal(error, cause, incoming);
      }
      return Response.json(openaiErrorBody(error), { status: httpStatus[error.kind], headers: errorHeaders(error) });
    }
  };
}

async function readBody(
  { body, signal }: IncomingForward,
  clock: ForwardClock,
  hasChoice: boolean,
  isHeldToModel: boolean,
): Promise<Body> {
  if (body instanceof Uint8Array) {
    const place = findJsonModel(body);
    return {
      contentType: "application/json",
      model: place?.model,
      textBytes: body.length,
      bodyWith: (model) => ({ type: "bytes", pieces: spliceModel(body, place, model) }),
      canRepeat: () => true,
      failure: () => undefined,
      cancel() {},
    };
  }
  const upload = new Upload(body, clock);
  const onAbort = (): void => upload.cancel();
  clock.signal.addEventListener("abort", onAbort, { once: true });
  try {
    await upload.begin(hasChoice, isHeldToModel);
  } catch (error) {
    upload.cancel();
    throw clock.signal.aborted && !signal.aborted ? clock.signal.reason : error;
  } finally {
    clock.signal.removeEventListener("abort", onAbort);
  }
  if (clock.signal.aborted) throw clock.signal.reason;
  return {
    contentType: plainHeader(body.contentType) ?? "application/octet-stream",
    model: upload.model,
    textBytes: 0,
    bodyWith: (model) => upload.bodyWith(model),
    canRepeat: () => upload.canRepeat,
    failure: () => upload.failure,
    cancel: () => upload.cancel(),
  };
}

/** What a client wrote, if it can be written anew. */
function plainHeader(value: string | null): string | undefined {
  return value !== null && value.length <= maxHeaderChars && /^[\x20-\x7e]+$/.test(value) ? value : undefined;
}
