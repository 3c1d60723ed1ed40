// A server that speaks OpenAI chat completions on a free port: plays what it is told and remembers what it was asked.

export interface AskedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  /** Parsed; undefined without one. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** As it was received. */
  readonly text: string;
}

export interface Play {
  /** @defaultValue 200 */
  readonly status?: number;
  /** @defaultValue `text/event-stream` for text that begins like one, else JSON */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** "open": nothing comes behind the body. "silent": not even a head comes. */
  readonly after?: "end" | "open" | "silent";
  /** Until the head. @defaultValue 0 */
  readonly delayMs?: number;
}

export interface FakeServer extends AsyncDisposable {
  /** Ends in /v1. */
  readonly url: string;
  readonly requests: readonly AskedRequest[];
  /** Of chat completions alone. */
  readonly completions: readonly AskedRequest[];
  /** Completions that have begun and neither ended nor been given up. */
  readonly openReplies: number;
  /** Resolves as soon as no completion is open. */
  untilIdle(): Promise<void>;
}

/** Answers beside chat completions, by path. */
export type Routes = Readonly<Record<string, Play>>;

/** @param plays of chat completions, one after the other; the last one for all that follow */
export function serveCompatible(plays: readonly Play[], routes: Routes = {}): FakeServer {
  const requests: AskedRequest[] = [];
  const completions: AskedRequest[] = [];
  let openReplies = 0;
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
      const text = await request.text();
      // Sent by the wing: always an object.
      const body = text === "" ? undefined : (JSON.parse(text) as AskedRequest["body"]);
      const asked = { method: request.method, path: pathname, headers: request.headers, body, text };
      requests.push(asked);
      if (!pathname.endsWith("/chat/completions")) {
        const route = routes[pathname];
        return route === undefined ? new Response("", { status: 404 }) : answer(route, request, () => {});
      }
      completions.push(asked);
      const play = plays[Math.min(completions.length, plays.length) - 1]!;
      if (play.delayMs !== undefined) await Bun.sleep(play.delayMs);
      return answer(play, request, begin());
    },
  });

  return {
    url: `${server.url.href}v1`,
    requests,
    completions,
    get openReplies() {
      return openReplies;
    },
    untilIdle: () => (openReplies === 0 ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve))),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
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
      controller.close();
    },
    cancel: onEnd,
  });
  return new Response(body, {
    status: play.status ?? 200,
    headers: { "content-type": contentType, ...play.headers },
  });
}
