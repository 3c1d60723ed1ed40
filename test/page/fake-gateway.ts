// A gateway with a script: serves the chat page as the real one does, and answers by docs/protocol-typed-chat.md what a test
// has written down. Keeps sessions in memory, and remembers what it was asked.

import { pageRoutes } from "../../src/server/pages/page-route.ts";
import type { ServerRoute, Trip } from "../../src/server/trip.ts";
import { createFakeAgent, type FakeAgent } from "./fake-agent.ts";
import { createFakeDocuments, type FakeDocuments } from "./fake-documents.ts";
import { createFakeStreams, type Fields, type Step, type StoredMessage } from "./fake-streams.ts";

export interface FakeGateway extends Disposable {
  readonly url: string;
  /** Bodies of `POST /api/chat/stream`, in order. */
  readonly asked: readonly Fields[];
  /** `METHOD path` of every request to the API, with the `Last-Event-ID` behind it where there is one. */
  readonly requests: readonly string[];
  /** What the answers say; asked anew for each. */
  script: (question: Fields) => readonly Step[];
  /** What an import tells before its end; asked anew for each. */
  importScript: (name: string) => readonly Step[];
  /** @returns its id */
  readonly addDocument: FakeDocuments["add"];
  readonly agent: FakeAgent;
  /** Status and body of the next `POST /api/chat/stream`, instead of a stream. */
  refusal: { readonly status: number; readonly message: string } | undefined;
  /** While it is true, `POST /api/chat/stream` is not answered. */
  holdsHead: boolean;
  openGate(name: string): void;
  /** Ends the connections of all readers, as a network does that goes away. */
  dropReaders(): void;
  /** Resolves when this request has come. @throws {Error} it did not */
  heard(request: string): Promise<void>;
  /** @returns its id */
  addSession(title: string, messages: readonly Fields[]): string;
}

interface Session {
  readonly id: string;
  readonly title: string;
  updatedAtMs: number;
  readonly messages: StoredMessage[];
}

/** Longest wait for a request, in milliseconds. */
const patienceMs = 8000;

export interface FakeGatewayOptions {
  readonly key?: string;
  /** That writes down what is said. @defaultValue none */
  readonly speechModel?: string;
  /** What the transcription answers. */
  readonly transcribe?: (form: FormData, request: Request) => Response | Promise<Response>;
}

export function startFakeGateway(options: FakeGatewayOptions = {}): FakeGateway {
  const sessions = new Map<string, Session>();
  const streams = createFakeStreams();
  const asked: Fields[] = [];
  const requests: string[] = [];
  const page: ServerRoute[] = pageRoutes(undefined, () => options.speechModel !== undefined);
  let count = 0;
  const nextId = (kind: string) => `${kind}-${++count}`;
  const documents = createFakeDocuments({ script: (name) => self.importScript(name), gate: streams.passGate, nextId });

  const agent = createFakeAgent(streams.passGate);

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    development: false,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const route = page.find(({ path }) =>
        path.endsWith("*") ? pathname.startsWith(path.slice(0, -1)) : path === pathname,
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
    const acted = agent.answer(request, path);
    if (acted !== undefined) return acted;
    const aboutDocuments = documents.answer(request, path);
    if (aboutDocuments !== undefined) return aboutDocuments;
    if (path === "/api/speech") {
      return Response.json({
        transcription: options.speechModel === undefined ? null : { model: options.speechModel },
      });
    }
    if (path === "/v1/audio/transcriptions" && options.transcribe !== undefined)
      return options.transcribe(await request.formData(), request);
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
    const [, streamId = ""] = /^\/api\/chat\/stream\/(.+)$/.exec(path) ?? [];
    if (request.method !== "DELETE") return streams.read(streamId, Number(lastEventId ?? 0)) ?? streamNotFound();
    const stopped = streams.stop(streamId);
    return stopped === undefined ? streamNotFound() : Response.json({ stream_id: streamId, stopped });
  }

  function answerSession(method: string, id: string): Response {
    const session = sessions.get(id);
    if (session === undefined) return refuse(404, "Cannot find this session: it was deleted, or never was");
    if (method !== "DELETE") return Response.json({ ...summary(session), messages: session.messages });
    sessions.delete(id);
    return Response.json({ session_id: id, deleted: true });
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
    const answer = storedMessage({ id: nextId("answer"), parent_id: user.id, role: "assistant", status: "running" });
    const streamId = nextId("stream");
    answer["stream_id"] = streamId;
    session.messages.push(answer);
    const first = {
      stream_id: streamId,
      session_id: session.id,
      model: question["model"] ?? "qwen3-max",
      user_message_id: user.id,
      message_id: answer.id,
      parent_id: user.id,
    };
    const last = {
      upstream: "qwen-web",
      finish_reason: "stop",
      prompt_tokens: 12,
      completion_tokens: 34,
      total_tokens: 46,
    };
    streams.start(streamId, answer, [{ metadata: first }, ...self.script(question), { metadata: last }]);
    return streams.read(streamId, 0) ?? streamNotFound();
  }

  function sessionFor(question: Fields): Session {
    const known = sessions.get(String(question["session_id"]));
    if (known !== undefined) return known;
    const title = String(question["message"]).slice(0, 60);
    const session: Session = { id: nextId("session"), title, updatedAtMs: Date.now(), messages: [] };
    sessions.set(session.id, session);
    return session;
  }

  function userMessage(session: Session, question: Fields): StoredMessage {
    session.updatedAtMs = Date.now();
    const again = session.messages.find(({ id }) => id === question["retry_of"]);
    if (again !== undefined) return again;
    const parent = question["parent_id"];
    const held = session.messages.find(({ id }) => id === question["attachments_of"])?.["attachments"];
    const attachments = [held ?? [], question["attachments"] ?? []].flat() as { readonly name: string }[];
    const message = storedMessage({
      id: nextId("user"),
      parent_id: parent === undefined ? (session.messages.at(-1)?.id ?? null) : parent,
      content: question["message"],
      attachments: attachments.map(({ name }) => ({ name, type: "" })),
    });
    session.messages.push(message);
    return message;
  }

  const self: FakeGateway = {
    url: server.url.origin,
    asked,
    requests,
    script: () => [{ stage: "generation" }, { token: "Hello." }],
    importScript: () => [{ stage: "reading" }, { stage: "chunking" }, { stage: "indexing" }, { progress: 1 }],
    addDocument: documents.add,
    agent,
    refusal: undefined,
    holdsHead: false,
    openGate: streams.openGate,
    dropReaders: streams.dropReaders,
    async heard(request) {
      for (let waitedMs = 0; !requests.includes(request); waitedMs += 10) {
        if (waitedMs > patienceMs) throw new Error(`Nobody asked ${request}, but:\n${requests.join("\n")}`);
        await Bun.sleep(10);
      }
    },
    addSession(title, messages) {
      const session: Session = {
        id: nextId("session"),
        title,
        updatedAtMs: Date.now(),
        messages: messages.map(storedMessage),
      };
      sessions.set(session.id, session);
      return session.id;
    },
    [Symbol.dispose]: () => void server.stop(true),
  };
  return self;
}

function storedMessage(fields: Fields): StoredMessage {
  const defaults = { parent_id: null, role: "user", content: "", status: "complete", created_at: Date.now() };
  return { ...defaults, ...fields, id: String(fields["id"]) } as StoredMessage;
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

function streamNotFound(): Response {
  return refuse(404, "Cannot find this stream");
}

function refuse(status: number, message: string): Response {
  const error = { message, type: "invalid_request_error", param: null, code: null };
  return Response.json({ message, error }, { status });
}
