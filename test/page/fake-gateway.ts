// A gateway with a script: serves the chat page as the real one does, and answers by docs/protocol-typed-chat.md what a test
// has written down. Keeps sessions in memory, lets connections break, and remembers what it was asked.

import { pageRoutes } from "../../src/server/page-route.ts";
import type { ServerRoute, Trip } from "../../src/server/trip.ts";

type Fields = Record<string, unknown>;

/** One step of an answer: an event, a wait, a gate that the test opens, a connection that breaks off, an early end. */
export type Step = Fields | { readonly waitMs: number } | { readonly gate: string } | { readonly drop: true };

export interface FakeGateway extends Disposable {
  readonly url: string;
  /** Bodies of `POST /api/chat/stream`, in order. */
  readonly asked: readonly Fields[];
  /** `METHOD path` of every request to the API, with the `Last-Event-ID` behind it where there is one. */
  readonly requests: readonly string[];
  /** What the answers say; asked anew for each. */
  script: (question: Fields) => readonly Step[];
  /** Status and body of the next `POST /api/chat/stream`, instead of a stream. */
  refusal: { readonly status: number; readonly message: string } | undefined;
  openGate(name: string): void;
  /** Ends the connections of all readers, as a network does that goes away. */
  dropReaders(): void;
  /** While it is true, `POST /api/chat/stream` is not answered. */
  holdsHead: boolean;
  /** Resolves when this request has come. @throws {Error} it did not */
  heard(request: string): Promise<void>;
  addSession(title: string, messages: readonly Fields[]): string;
}

interface StoredMessage extends Fields {
  readonly id: string;
  readonly parent_id: string | null;
  role: string;
  content: string;
  status: string;
}

interface Session {
  readonly id: string;
  title: string;
  updatedAtMs: number;
  readonly messages: StoredMessage[];
}

interface Running {
  readonly id: string;
  readonly frames: string[];
  readonly message: StoredMessage;
  isOver: boolean;
  isStopped: boolean;
  readonly readers: Set<() => void>;
}

export function startFakeGateway(options: { readonly key?: string } = {}): FakeGateway {
  const sessions = new Map<string, Session>();
  const streams = new Map<string, Running>();
  const asked: Fields[] = [];
  const requests: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const cutters = new Set<() => void>();
  const page: ServerRoute[] = pageRoutes();
  let count = 0;
  const nextId = (kind: string) => `${kind}-${++count}`;
  const gateOf = (name: string) => {
    const gate = gates.get(name) ?? Promise.withResolvers<void>();
    gates.set(name, gate);
    return gate;
  };

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    // A page that is developed shows its errors; this one is watched from outside.
    development: false,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const route = page.find(
        ({ path }) => path === pathname || (path.endsWith("*") && pathname.startsWith(path.slice(0, -1))),
      );
      if (route !== undefined) return route.answer({ request, path: pathname } as Trip);
      const lastEventId = request.headers.get("last-event-id");
      requests.push(`${request.method} ${pathname}${lastEventId === null ? "" : ` ${lastEventId}`}`);
      if (pathname === "/health") return Response.json({ status: "ok", upstreams: ["qwen-web", "vllm"] });
      if (options.key !== undefined && request.headers.get("authorization") !== `Bearer ${options.key}`) {
        return refuse(401, "Cannot serve this request: the API key is not known here");
      }
      return answerApi(request, pathname, lastEventId);
    },
  });

  async function answerApi(request: Request, path: string, lastEventId: string | null): Promise<Response> {
    if (path === "/v1/models") {
      const data = ["qwen3-max", "qwen3-coder-plus"].map((id) => ({ id, display_name: id }));
      return Response.json({ data });
    }
    if (path === "/api/chat/sessions") {
      const data = [...sessions.values()].toSorted((a, b) => b.updatedAtMs - a.updatedAtMs).map(summary);
      return Response.json({ data });
    }
    const [, sessionId] = /^\/api\/chat\/sessions\/(.+)$/.exec(path) ?? [];
    if (sessionId !== undefined) return answerSession(request.method, decodeURIComponent(sessionId));
    if (path === "/api/chat/stream") {
      const question = (await request.json()) as Fields;
      while (self.holdsHead) await Bun.sleep(5);
      return begin(question);
    }
    const [, streamId] = /^\/api\/chat\/stream\/(.+)$/.exec(path) ?? [];
    const running = streamId === undefined ? undefined : streams.get(streamId);
    if (running === undefined) return refuse(404, "Cannot find this stream");
    if (request.method !== "DELETE") return read(running, Number(lastEventId ?? 0));
    running.isStopped = true;
    return Response.json({ stream_id: running.id, stopped: !running.isOver });
  }

  function answerSession(method: string, id: string): Response {
    const session = sessions.get(id);
    if (session === undefined) return refuse(404, "Cannot find this session: it was deleted, or never was");
    if (method === "DELETE") {
      sessions.delete(id);
      return Response.json({ session_id: id, deleted: true });
    }
    return Response.json({ ...summary(session), messages: session.messages });
  }

  function begin(question: Fields): Response {
    asked.push(question);
    if (self.refusal !== undefined) {
      const { status, message } = self.refusal;
      self.refusal = undefined;
      return refuse(status, message);
    }
    const session = sessionFor(question);
    const user = userMessage(session, question);
    const message: StoredMessage = {
      id: nextId("answer"),
      parent_id: user.id,
      role: "assistant",
      content: "",
      reasoning: "",
      stages: [],
      created_at: Date.now(),
      status: "running",
      stream_id: nextId("stream"),
    };
    session.messages.push(message);
    const running: Running = {
      id: String(message["stream_id"]),
      frames: [],
      message,
      isOver: false,
      isStopped: false,
      readers: new Set(),
    };
    streams.set(running.id, running);
    void play(running, [
      {
        metadata: {
          stream_id: running.id,
          session_id: session.id,
          model: question["model"] ?? "qwen3-max",
          user_message_id: user.id,
          message_id: message.id,
          parent_id: user.id,
        },
      },
      ...self.script(question),
      {
        metadata: {
          upstream: "qwen-web",
          finish_reason: "stop",
          prompt_tokens: 12,
          completion_tokens: 34,
          total_tokens: 46,
        },
      },
    ]);
    return read(running, 0);
  }

  async function play(running: Running, steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (running.isStopped) break;
      if ("waitMs" in step) await Bun.sleep(Number(step.waitMs));
      else if ("gate" in step) await gateOf(String(step.gate)).promise;
      else if ("drop" in step) self.dropReaders();
      else {
        record(running.message, step);
        push(running, JSON.stringify(step));
        if ("error" in step) {
          running.message.status = "failed";
          return end(running);
        }
      }
    }
    running.message.status = running.isStopped ? "stopped" : "complete";
    push(running, "[DONE]");
    end(running);
  }

  function push(running: Running, data: string): void {
    running.frames.push(`id: ${running.frames.length + 1}\ndata: ${data}\n\n`);
    for (const wake of running.readers) wake();
  }

  function end(running: Running): void {
    running.isOver = true;
    for (const wake of running.readers) wake();
  }

  function read(running: Running, from: number): Response {
    let at = from;
    let wake = () => {};
    let cut = () => {};
    const leave = () => {
      running.readers.delete(wake);
      cutters.delete(cut);
    };
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        wake = () => {
          if (at < running.frames.length)
            controller.enqueue(new TextEncoder().encode(running.frames.slice(at).join("")));
          at = running.frames.length;
          if (!running.isOver) return;
          leave();
          controller.close();
        };
        cut = () => {
          leave();
          controller.error(new Error("The network is gone"));
        };
        running.readers.add(wake);
        cutters.add(cut);
        // The head goes out with the first byte.
        controller.enqueue(new TextEncoder().encode(": here\n\n"));
        wake();
      },
      cancel: leave,
    });
    return new Response(body, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-cache", "x-stream-id": running.id },
    });
  }

  function sessionFor(question: Fields): Session {
    const known = sessions.get(String(question["session_id"] ?? question["retry_of"]));
    if (known !== undefined) return known;
    const session: Session = {
      id: nextId("session"),
      title: String(question["message"]).slice(0, 60),
      updatedAtMs: Date.now(),
      messages: [],
    };
    sessions.set(session.id, session);
    return session;
  }

  function userMessage(session: Session, question: Fields): StoredMessage {
    session.updatedAtMs = Date.now();
    const again = session.messages.find(({ id }) => id === question["retry_of"]);
    if (again !== undefined) return again;
    const parent = question["parent_id"];
    const message: StoredMessage = {
      id: nextId("user"),
      parent_id: parent === undefined ? (session.messages.at(-1)?.id ?? null) : (parent as string | null),
      role: "user",
      content: String(question["message"]),
      created_at: Date.now(),
      status: "complete",
      attachments: ((question["attachments"] ?? []) as { name: string }[]).map(({ name }) => ({ name, type: "" })),
    };
    session.messages.push(message);
    return message;
  }

  const self: FakeGateway = {
    url: server.url.origin,
    asked,
    requests,
    script: () => [{ stage: "generation" }, { token: "Hello." }],
    refusal: undefined,
    holdsHead: false,
    async heard(request) {
      for (let waitedMs = 0; !requests.includes(request); waitedMs += 10) {
        if (waitedMs > 8000) throw new Error(`Nobody asked ${request}, but:\n${requests.join("\n")}`);
        await Bun.sleep(10);
      }
    },
    openGate: (name) => gateOf(name).resolve(),
    dropReaders() {
      for (const cut of [...cutters]) cut();
    },
    addSession(title, messages) {
      const session: Session = { id: nextId("session"), title, updatedAtMs: Date.now(), messages: [] };
      for (const message of messages) {
        session.messages.push({ created_at: Date.now(), status: "complete", ...message } as unknown as StoredMessage);
      }
      sessions.set(session.id, session);
      return session.id;
    },
    [Symbol.dispose]: () => void server.stop(true),
  };
  return self;
}

function summary({ id, title, updatedAtMs, messages }: Session): Fields {
  return {
    session_id: id,
    title,
    created_at: updatedAtMs,
    updated_at: updatedAtMs,
    message_count: messages.length,
  };
}

function record(message: StoredMessage, event: Fields): void {
  if (typeof event["token"] === "string") message.content += event["token"];
  if (typeof event["reasoning"] === "string") message["reasoning"] = String(message["reasoning"]) + event["reasoning"];
  if (typeof event["stage"] === "string") (message["stages"] as string[]).push(event["stage"]);
  for (const key of ["sources", "quality_score", "follow_up_questions", "error"]) {
    if (key in event) message[key] = event[key];
  }
}

function refuse(status: number, message: string): Response {
  return Response.json(
    { message, error: { message, type: "invalid_request_error", param: null, code: null } },
    { status },
  );
}
