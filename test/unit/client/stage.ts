// What the client's tests stand on: a clock by hand, a scripted fetch, a server that plays connections, an ear for callbacks.

import type { SSECallbacks } from "../../../src/client/events.ts";
import type { Fetch } from "../../../src/client/options.ts";
import type { Timers } from "../../../src/client/timers.ts";

/** Time passes when told so. */
export class ManualTimers implements Timers {
  nowMs = 0;
  /** Delays of all timers ever set, in order. */
  readonly delays: number[] = [];
  readonly #waiting = new Map<number, { readonly dueMs: number; readonly action: () => void }>();
  #nextHandle = 1;

  get pending(): number {
    return this.#waiting.size;
  }

  setTimeout(action: () => void, delayMs: number): unknown {
    this.delays.push(delayMs);
    this.#waiting.set(this.#nextHandle, { dueMs: this.nowMs + delayMs, action });
    return this.#nextHandle++;
  }

  clearTimeout(handle: unknown): void {
    this.#waiting.delete(handle as number);
  }

  /** Lets everything that is due happen in its order, and what follows from it. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await settle();
    for (;;) {
      const due = [...this.#waiting].filter(([, { dueMs }]) => dueMs <= untilMs);
      const next = due.sort(([, one], [, other]) => one.dueMs - other.dueMs)[0];
      if (next === undefined) break;
      this.#waiting.delete(next[0]);
      this.nowMs = Math.max(this.nowMs, next[1].dueMs);
      next[1].action();
      await settle();
    }
    this.nowMs = untilMs;
  }
}

/** Promises and streams have come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Callbacks that write down what they hear, as `[name, argument]`. */
export function createEar() {
  const heard: [name: string, value?: unknown][] = [];
  const hear = (name: string) => (value?: unknown) => void heard.push(value === undefined ? [name] : [name, value]);
  const callbacks: SSECallbacks = {
    onStage: hear("stage"),
    onToken: hear("token"),
    onReasoning: hear("reasoning"),
    onSources: hear("sources"),
    onQualityScore: hear("quality"),
    onFollowUps: hear("follow-ups"),
    onMetadata: hear("metadata"),
    onProgress: hear("progress"),
    onDone: hear("done"),
    onReconnect: (message) => void heard.push(["reconnect", message]),
    onComplete: hear("complete"),
    onError: hear("error"),
  };
  /** So many callbacks have been called. */
  async function until(count: number): Promise<void> {
    while (heard.length < count) await new Promise((resolve) => setImmediate(resolve));
  }
  const named = (name: string) => heard.filter(([one]) => one === name).map(([, value]) => value);
  return { heard, callbacks, until, named, names: () => heard.map(([name]) => name) };
}

export const frame = (data: unknown, id?: number): string =>
  `${id === undefined ? "" : `id: ${id}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;

export const eventStreamHead = { "content-type": "text/event-stream" };

/** An answer that comes in these pieces and ends. */
export function streamOf(...pieces: readonly (string | Uint8Array)[]): Response {
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(typeof piece === "string" ? encoder.encode(piece) : piece);
      controller.close();
    },
  });
  return new Response(stream, { headers: eventStreamHead });
}

/** An answer whose pieces come when the test says so; it knows nothing of the request's signal. */
export function openStream(headers: Readonly<Record<string, string>> = eventStreamHead) {
  const encoder = new TextEncoder();
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
    cancel() {
      isCancelled = true;
    },
  });
  return {
    response: new Response(stream, { headers }),
    stream,
    push: (text: string) => controller.enqueue(encoder.encode(text)),
    end: () => controller.close(),
    drop: () => controller.error(new TypeError("connection reset")),
    isCancelled: () => isCancelled,
  };
}

export interface Asked {
  readonly url: string;
  readonly method: string | undefined;
  readonly headers: Headers;
  readonly body: unknown;
  readonly signal: AbortSignal | null | undefined;
}

type Answer = Response | Error | "silence";
export type Answers = (Answer | (() => Answer))[];

/** Answers one request after the other by the script; the last entry answers all that follow. */
export function scriptedFetch(...answers: Answers) {
  const asked: Asked[] = [];
  const fetch: Fetch = async (url, init) => {
    const entry = answers[Math.min(asked.length, answers.length - 1)];
    const body = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
    asked.push({ url, method: init.method, headers: new Headers(init.headers), body, signal: init.signal });
    const answer = typeof entry === "function" ? entry() : entry;
    if (answer === "silence" || answer === undefined) return new Promise<Response>(() => {});
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { fetch, asked };
}

/** As tests of pages replace it: an answer that holds no more than what its author had in mind. */
export const sparseFetch =
  (answer: object): Fetch =>
  () =>
    Promise.resolve(answer as Response);

export const dropped = () => new TypeError("connection refused");

/** Waits between attempts are over at once; silence never ends. */
export const hastyTimers: Timers = {
  setTimeout: (action, delayMs) => (delayMs < 60_000 ? setImmediate(action) : undefined),
  clearTimeout: (handle) => clearImmediate(handle as NodeJS.Immediate),
};
