// A real server on a free port in front of a gateway that only notes what it was handed.

import { connect } from "node:net";
import { afterEach } from "bun:test";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { isJsonObject } from "../../../src/contract/json.ts";
import { type OpenAIErrorBody, openaiErrorBody } from "../../../src/contract/openai-error.ts";
import type { Surface } from "../../../src/contract/surface.ts";
import type { ModelInfo } from "../../../src/contract/upstream.ts";
import { createBreaker } from "../../../src/gateway/candidates/breaker.ts";
import { createPauses } from "../../../src/gateway/candidates/pauses.ts";
import { createRunningReplies } from "../../../src/gateway/replies/running-replies.ts";
import type { IncomingExchange } from "../../../src/gateway/exchange-request.ts";
import type { Gateway } from "../../../src/gateway/gateway.ts";
import { createServer, type GatewayServer, type ServerOptions } from "../../../src/server/create-server.ts";
import type { DiagnosisSource } from "../../../src/server/health/diagnosis.ts";
import { createMemoryStore } from "../../../src/store/memory-store.ts";
import type { ConversationView, SessionView, Store } from "../../../src/store/store.ts";
import { createMetrics } from "../../../src/telemetry/create-metrics.ts";
import type { Log, LogFields } from "../../../src/telemetry/log.ts";

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
  readonly error: unknown;
}

export interface TestServer {
  readonly server: GatewayServer;
  readonly url: string;
  readonly port: number;
  readonly exchanges: { readonly surface: string; readonly incoming: IncomingExchange; readonly text: string }[];
  readonly drains: number[];
  readonly logLines: LogLine[];
  /** Log stream: what listens, and how to make a line. */
  readonly feedListeners: Set<(line: string) => void>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body: string | ReadableStream<Uint8Array>, headers?: Record<string, string>): Promise<Response>;
}

export interface TestServerOptions extends Partial<Omit<ServerOptions, "gateway" | "diagnosis">> {
  readonly gateway?: Partial<Gateway>;
  readonly diagnosis?: Partial<DiagnosisSource>;
  readonly sessions?: Readonly<Record<string, readonly SessionView[]>>;
}

const running: GatewayServer[] = [];

afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

export function startTestServer(options: TestServerOptions = {}): TestServer {
  const test = createTestServer(options);
  const { url, port } = test.server.start();
  running.push(test.server);
  return {
    ...test,
    url,
    port,
    get: (path, headers = {}) => fetch(`${url}${path}`, { headers }),
    post: (path, body, headers = {}) => fetch(`${url}${path}`, { method: "POST", body, headers }),
  };
}

/** Not started: for what happens in process and on the way to a socket. */
export function createTestServer(options: TestServerOptions): Omit<TestServer, "url" | "port" | "get" | "post"> {
  const { gateway = {}, sessions = {}, diagnosis = {}, ...serverOptions } = options;
  const exchanges: TestServer["exchanges"] = [];
  const drains: number[] = [];
  const logLines: LogLine[] = [];
  const feedListeners = new Set<(line: string) => void>();
  const server = createServer({
    hostname: "127.0.0.1",
    port: 0,
    apiKeys: [],
    insecure: false,
    allowedHosts: [],
    corsOrigins: [],
    trustedProxies: [],
    maxBodyBytes: 1000,
    drainTimeoutMs: 5000,
    surfaces: [plainSurface, otherSurface],
    store: sessionStore(sessions),
    log: createNotingLog(logLines),
    logFeed: {
      subscribe(listener) {
        feedListeners.add(listener);
        return () => feedListeners.delete(listener);
      },
    },
    clock: Date.now,
    version: "1.2.3",
    diagnosis: {
      store: sessionStore({}),
      storeBytes: () => undefined,
      probe: async () => {},
      storageTrouble: () => undefined,
      chatStore: () => ({ state: "unused" }),
      upstreams: () => [],
      upstreamRequests: () => undefined,
      descriptors: () => undefined,
      maxReplies: undefined,
      ...diagnosis,
    },
    metrics: createMetrics({ version: "1.2.3", accounts: () => [], upstreamRequests: () => undefined }),
    ...serverOptions,
    gateway: {
      async exchange(surface, incoming) {
        exchanges.push({ surface: surface.name, incoming, text: new TextDecoder().decode(incoming.body) });
        return Response.json({ requestId: incoming.requestId, caller: incoming.caller });
      },
      forward: async (incoming) => Response.json({ endpoint: incoming.endpoint, caller: incoming.caller }),
      converse: async () => new Response(),
      forget: async () => {},
      listModels: async () => models,
      findModel: async (name) => models.find(({ id }) => id === name),
      showFiles: async (request) => request,
      deleteSession: async () => false,
      sessionDeletedElsewhere: () => false,
      sweepSessions: async () => {},
      circuits: createBreaker({ openMs: 1000, trialMs: 1000, clock: Date.now }),
      openReplies: () => 0,
      queues: () => [],
      replies: createRunningReplies(new Set()),
      pauses: createPauses(),
      async drain(deadlineMs) {
        drains.push(deadlineMs);
      },
      ...gateway,
    },
  });
  return { server, exchanges, drains, logLines, feedListeners };
}

const noChat = () => {
  throw new GatewayError("internal", "This surface carries no chat");
};

/** Speaks OpenAI's error shape. */
const plainSurface: Surface = {
  name: "plain",
  routes: [{ method: "POST", path: "/v1/chat/completions" }],
  parseRequest: noChat,
  createEncoder: noChat,
  encodeReply: noChat,
  encodeError: (error) => openaiErrorBody(error),
};

/** Speaks a shape of its own, with the request id inside. */
const otherSurface: Surface = {
  ...plainSurface,
  name: "other",
  routes: [{ method: "POST", path: "/v1/messages" }],
  encodeError: (error, requestId) => ({ type: "error", kind: error.kind, request_id: requestId }),
};

const models: readonly ModelInfo[] = ["qwen3-max", "org/qwen3:8b"].map((id) => ({
  id,
  displayName: `Model ${id}`,
  ownedBy: "qwen",
  createdAtSeconds: id === "qwen3-max" ? 1_700_000_000 : undefined,
  contextTokens: 262_144,
  maxOutputTokens: undefined,
  vision: false,
  thinking: true,
}));

export function conversationView(fields: Partial<ConversationView>): ConversationView {
  return {
    conversationId: "conversation-1",
    upstream: "qwen-web",
    account: "a1",
    chatId: "chat-1",
    nodeId: "node-2",
    parentId: "node-1",
    responseId: "node-2",
    model: "qwen3-max",
    messageCount: 2,
    createdAtMs: 1000,
    lastAccessedMs: 2000,
    ...fields,
  };
}

/** Holds what a test says; the drivers have their own suite. */
function sessionStore(sessions: Readonly<Record<string, readonly SessionView[]>>): Store {
  const unused = () => Promise.reject(new Error("The edge must not run turns"));
  return {
    ...createMemoryStore({ clock: Date.now, sessionTimeoutMs: 1000 }),
    beginTurn: unused,
    openConversation: unused,
    noteReply: unused,
    endTurn: unused,
    releaseTurn: unused,
    getSession: async (caller, sessionId) => sessions[caller]?.find((session) => session.sessionId === sessionId),
    listSessions: async (caller, limit) => (sessions[caller] ?? []).slice(0, limit),
    deleteSession: unused,
    sweep: unused,
    listAccounts: unused,
    putAccount: unused,
    saveAccountState: unused,
    removeAccount: unused,
    leaseAccount: unused,
    releaseAccount: unused,
    close: async () => {},
  };
}

function createNotingLog(lines: LogLine[]): Log {
  const note =
    (level: string) =>
    (message: string, fields: LogFields = {}, error?: unknown): void => {
      lines.push({ level, message, fields, error });
    };
  const log: Log = {
    debug: note("debug"),
    info: note("info"),
    warn: note("warn"),
    error: note("error"),
    with: () => log,
  };
  return log;
}

/** The error of an answer in OpenAI's shape, and nothing but it. */
export async function readError(response: Response): Promise<OpenAIErrorBody["error"]> {
  const body: unknown = await response.json();
  if (!isErrorBody(body)) throw new Error(`No error in OpenAI's shape: ${JSON.stringify(body)}`);
  return body.error;
}

function isErrorBody(body: unknown): body is OpenAIErrorBody {
  if (!isJsonObject(body) || Object.keys(body).join() !== "error" || !isJsonObject(body["error"])) return false;
  return Object.keys(body["error"]).join() === "message,type,param,code";
}

/** Writes bytes as they are and reads until the server closes or `enough` says so. */
export function speakRaw(
  port: number,
  text: string,
  enough: (answer: string) => boolean = () => false,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let answer = "";
  const socket = connect(port, "127.0.0.1", () => socket.write(text));
  const finish = () => {
    socket.destroy();
    resolve(answer);
  };
  socket.on("data", (bytes) => {
    answer += bytes.toString("latin1");
    if (enough(answer)) finish();
  });
  socket.on("end", finish);
  socket.on("close", finish);
  socket.on("error", reject);
  return promise;
}
