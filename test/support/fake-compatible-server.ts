// A server that speaks OpenAI chat completions on a free port: plays what it is told and remembers what it was asked.

export interface AskedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  /** Parsed; undefined without one, and for what is no JSON. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** As it came. */
  readonly bytes: Uint8Array;
}

export interface Play {
  /** @defaultValue 200 */
  readonly status?: number;
  /** @defaultValue `text/event-stream` for text that begins like one, else JSON */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** "open": nothing comes behind the body. "silent": not even a head comes. "break": the connection breaks behind it. */
  readonly after?: "end" | "open" | "silent" | "break";
  /** Until the head. @defaultValue 0 */
  readonly delayMs?: number;
}

export interface FakeServer extends AsyncDisposable {
  /** Ends in /v1. */
  readonly url: string;
  readonly requests: readonly AskedRequest[];
  /** Of chat completions alone. */
  readonly completions: readonly AskedRequest[];
  /** Requests whose answer has begun and neither ended nor been given up. */
  readonly openReplies: number;
  /** Bytes of bodies that have arrived, those of requests that are not in `requests` yet included. */
  readonly receivedBytes: number;
  /** Resolves as soon as no answer is open. */
  untilIdle(): Promise<void>;
}

/** Answers beside chat completions, by path; several are played one after the other, the last one for all that follow. */
export type Routes = Readonly<Record<string, Play | readonly Play[]>>;

/** @param plays of chat completions, one after the other; the last one for all that follow */
export function serveCompatible(plays: readonly Play[], routes: Routes = {}): FakeServer {
  const requests: AskedRequest[] = [];
  const completions: AskedRequest[] = [];
  let openReplies = 0;
  let receivedBytes = 0;
  let waiting: (() => void)[] = [];

  function begin(): () => void {
    openReplies++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      openReplies--;
      if (openReplies === 0) for (const resolve of waiting.splice(0)) resolve();
      waiting = [];
    };
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    reusePort: false,
    development: false,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const end = begin();
      request.signal.addEventListener("abort", end, { once: true });
      const bytes = await readAll(request, (size) => {
        receivedBytes += size;
      });
      const asked = { method: request.method, path: pathname, headers: request.headers, body: parse(bytes), bytes };
      requests.push(asked);
      if (!pathname.endsWith("/chat/completions")) {
        const asks = requests.filter(({ path }) => path === pathname).length;
        const route = [routes[pathname] ?? { status: 404, body: "" }].flat();
        return answer(route[Math.min(asks, route.length) - 1]!, request, end);
      }
      completions.push(asked);
      const play = plays[Math.min(completions.length, plays.length) - 1]!;
      if (play.delayMs !== undefined) await Bun.sleep(play.delayMs);
      return answer(play, request, end);
    },
  });

  return {
    url: `${server.url.href}v1`,
    requests,
    completions,
    get openReplies() {
      return openReplies;
    },
    get receivedBytes() {
      return receivedBytes;
    },
    untilIdle: () => (openReplies === 0 ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve))),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

async function readAll(request: Request, onChunk: (size: number) => void): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  // A client that gives up breaks its body off: what came is what was asked.
  const reader = request.body?.getReader();
  for (;;) {
    const result = await reader?.read().catch(() => undefined);
    if (result === undefined || result.done) return Buffer.concat(chunks);
    chunks.push(result.value);
    onChunk(result.value.length);
  }
}

function parse(bytes: Uint8Array): AskedRequest["body"] {
  if (bytes[0] !== 0x7b) return undefined;
  // The wing sends objects, and forms, which do not begin with a brace.
  return JSON.parse(new TextDecoder().decode(bytes)) as AskedRequest["body"];
}

function answer(play: Play, request: Request, onEnd: () => void): Response | Promise<Response> {
  request.signal.addEventListener("abort", onEnd, { once: true });
  if (play.after === "silent") return new Promise(() => {});
  const bytes = typeof play.body === "string" ? new TextEncoder().encode(play.body) : play.body;
  const isStream = /^(?:data|event|id|:)/.test(new TextDecoder().decode(bytes.subarray(0, 8)));
  const contentType = play.contentType ?? (isStream ? "text/event-stream" : "application/json");
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes);
      if (play.after === "open") return;
      onEnd();
      if (play.after !== "break") return controller.close();
      // What was enqueued would be lost with an error at once.
      setTimeout(() => controller.error(new Error("broken off")), 20);
    },
    cancel: onEnd,
  });
  return new Response(body, {
    status: play.status ?? 200,
    headers: { "content-type": contentType, ...play.headers },
  });
}
