// The running captures: begun with a request, found again wherever the exchange calls out, closed when both sides are quiet.
// Loaded when capturing is switched on.

import { AsyncLocalStorage } from "node:async_hooks";
import type { HttpClient, OutboundRequest, OutboundResponse } from "../outbound/http-client.ts";
import type { LogFields } from "../telemetry/log.ts";
import { MemoryBudget } from "./budget.ts";
import type { Cover } from "./cover-secrets.ts";
import { ExchangeCapture } from "./exchange-capture.ts";
import type { Wire } from "./format.ts";
import { piecesOf } from "./pieces.ts";
import { tellReason } from "./reason-of.ts";
import { recordCall } from "./recorded-call.ts";
import { recordStream } from "./recorded-stream.ts";
import type { Spool } from "./spool.ts";

export interface RecorderOptions {
  readonly spool: Spool;
  readonly cover: Cover;
  /** Bytes of the bodies of one exchange. */
  readonly maxExchangeBytes: number;
  /** Whether the capture of this session is wanted. */
  wants(sessionId: string | undefined): boolean;
  clock(): number;
}

/** Where it is looked for. */
export interface RecorderSwitch {
  /** Undefined: nothing is captured. */
  readonly recorder: Recorder | undefined;
}

/** A request as the edge sees it. */
export interface CapturedTrip {
  readonly request: Request;
  readonly requestId: string;
}

/** Which exchange calls out, and to whom. */
export interface Calling {
  readonly capture: ExchangeCapture;
  readonly upstream: string;
}

/** All captures that are not written yet. */
const maxHeldBytes = 64 * 1024 * 1024;
/** Stop calls and the last line of the log follow the end. */
const quietMs = 250;
/** Work that nobody waits for any more, such as a response in the background. */
const longestMs = 30 * 60_000;

export class Recorder {
  readonly cover: Cover;
  readonly #options: RecorderOptions;
  readonly #budget = new MemoryBudget(maxHeldBytes);
  readonly #running = new Map<string, ExchangeCapture>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #calling = new AsyncLocalStorage<Calling>();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.cover = options.cover;
  }

  /** Begins with a request whose body has not been read. */
  begin({ request, requestId }: CapturedTrip): void {
    const capture = new ExchangeCapture({
      requestId,
      startedAtMs: this.#options.clock(),
      maxBytes: this.#options.maxExchangeBytes,
      budget: this.#budget,
      now: () => performance.now(),
      onQuiet: () => this.#closeIn(capture, quietMs, "ended"),
      onBusy: () => this.#closeIn(capture, longestMs, "stopped"),
    });
    this.#running.set(requestId, capture);
    this.#closeIn(capture, longestMs, "stopped");
    capture.asked({
      method: request.method,
      url: this.cover.url(targetOf(request.url)),
      headers: this.cover.headers(request.headers),
    });
    if (request.body !== null) void readAlong(request.clone().body, capture, this.#options.maxExchangeBytes);
  }

  /** The answer as it goes out. @returns the same, noted while it is read */
  answer({ request, requestId }: CapturedTrip, response: Response, isPassedOn: boolean): Response {
    const capture = this.#running.get(requestId);
    if (capture === undefined) return response;
    const session = response.headers.get("x-session-id") ?? request.headers.get("x-session-id") ?? undefined;
    const isStranger = (response.status === 401 || response.status === 403) && !capture.hasCalls;
    if (isStranger || !this.#options.wants(session)) {
      this.#drop(capture);
      return response;
    }
    const { status, headers } = response;
    capture.answered({ status, headers: this.cover.headers(headers) });
    const type = headers.get("content-type") ?? "";
    if (!isPassedOn && type.startsWith("application/json")) {
      // It is there as a whole: a copy costs the client nothing.
      void this.#readWhole(response.clone(), capture);
      return response;
    }
    if (response.body === null) {
      capture.ends({ of: "answer", how: "complete" });
      return response;
    }
    const body = recordStream(response.body, {
      chunk: (bytes) => capture.bytes("answer", bytes),
      over: (how, error) => capture.ends({ of: "answer", how, ...tellReason(error, this.cover) }),
    });
    return new Response(body, { status, headers });
  }

  /** Runs work as this exchange's, so that its calls are known. */
  running<Result>(requestId: string, upstream: string, work: () => Result): Result {
    const capture = this.#running.get(requestId);
    return capture === undefined ? work() : this.#calling.run({ capture, upstream }, work);
  }

  /** Undefined: nobody's, or that of a capture which is over. */
  get calling(): Calling | undefined {
    const calling = this.#calling.getStore();
    return calling?.capture.isClosed === false ? calling : undefined;
  }

  /** Sends a request of a captured exchange. */
  record(
    http: HttpClient,
    request: OutboundRequest,
    context: { readonly wire: Wire; readonly calling: Calling },
  ): Promise<OutboundResponse> {
    return recordCall(http, request, { ...context, recorder: this });
  }

  as(calling: Calling, work: () => void): void {
    this.#calling.run(calling, work);
  }

  /** A line of the log that tells a request id. */
  logged(level: string, message: string, fields: LogFields): void {
    const id = fields["requestId"];
    const capture = typeof id === "string" ? this.#running.get(id) : undefined;
    if (capture === undefined) return;
    const told: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(fields)) {
      if (value !== undefined) told[name] = typeof value === "string" ? this.cover.text(value) : value;
    }
    capture.logged({ level, message: this.cover.text(message), fields: told });
  }

  /** Closes what still runs and resolves when it is written. */
  async close(): Promise<void> {
    for (const capture of [...this.#running.values()]) this.#finish(capture, "stopped");
    await this.#options.spool.settled();
  }

  /** Never rejects: one that another worker sends may break off, and its reader is told so by the answer itself. */
  async #readWhole(answer: Pick<Response, "bytes">, capture: ExchangeCapture): Promise<void> {
    try {
      for (const piece of piecesOf(await answer.bytes())) capture.bytes("answer", piece);
      capture.ends({ of: "answer", how: "complete" });
    } catch (error) {
      capture.ends({ of: "answer", how: "failed", ...tellReason(error, this.cover) });
    }
  }

  #closeIn(capture: ExchangeCapture, ms: number, why: "ended" | "stopped"): void {
    const { requestId } = capture;
    clearTimeout(this.#timers.get(requestId));
    const timer = setTimeout(() => this.#finish(capture, why), ms);
    timer.unref();
    this.#timers.set(requestId, timer);
  }

  #finish(capture: ExchangeCapture, why: "ended" | "stopped"): void {
    this.#leave(capture);
    capture.close(why);
    this.#options.spool.put(capture);
  }

  #drop(capture: ExchangeCapture): void {
    this.#leave(capture);
    capture.forget();
  }

  #leave({ requestId }: ExchangeCapture): void {
    clearTimeout(this.#timers.get(requestId));
    this.#timers.delete(requestId);
    this.#running.delete(requestId);
  }
}

/** Path and query. Before them stands what the client wrote as its host, which need not make an address, or nothing. */
function targetOf(url: string): string {
  return url.startsWith("/") ? url : url.slice(url.indexOf("/", url.indexOf("://") + 3));
}

/** The client's body, beside whoever really reads it. */
async function readAlong(
  body: ReadableStream<Uint8Array> | null,
  capture: ExchangeCapture,
  maxBytes: number,
): Promise<void> {
  let read = 0;
  try {
    for await (const chunk of body ?? []) {
      capture.bytes("request", chunk);
      read += chunk.length;
      // What is left of it would only pile up; the chunk that did not fit is told as cut.
      if (read > maxBytes || capture.isClosed) break;
    }
    capture.ends({ of: "request", how: read > maxBytes ? "given-up" : "complete" });
  } catch {
    capture.ends({ of: "request", how: "failed", reason: "the client broke off" });
  }
}
