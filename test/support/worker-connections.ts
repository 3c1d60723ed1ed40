// Connections to a certain worker of several on one port: which one takes a connection is the system's choice, so connections
// are opened until all have one, and kept.

import { Agent, type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";

/** Requests over one connection, one after the other, so of one worker. */
export interface WorkerConnection extends Disposable {
  /** From 1. */
  readonly worker: number;
  send(path: string, init?: SendInit): Promise<Response>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
}

export interface SendInit {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Far more than chance needs. */
const mostAttempts = 400;

/** One connection to each worker, in their order. */
export async function connectToAll(url: string, count: number): Promise<readonly WorkerConnection[]> {
  const found = new Map<number, WorkerConnection>();
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const connection = await connect(url);
    if (found.has(connection.worker)) connection[Symbol.dispose]();
    else found.set(connection.worker, connection);
    if (found.size === count) return [...found.values()].sort((one, other) => one.worker - other.worker);
  }
  throw new Error(`of ${count} workers only ${[...found.keys()].join(", ")} took a connection`);
}

export async function connectTo(url: string, worker: number): Promise<WorkerConnection> {
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const connection = await connect(url);
    if (connection.worker === worker) return connection;
    connection[Symbol.dispose]();
  }
  throw new Error(`worker ${worker} took no connection`);
}

async function connect(url: string): Promise<WorkerConnection> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send = (path: string, init: SendInit = {}) => sendOver(agent, url + path, init);
  const health = (await (await send("/health")).json()) as { readonly worker: number };
  return {
    worker: health.worker,
    send,
    post: (path, body, headers = {}) =>
      send(path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function sendOver(agent: Agent, url: string, { method = "GET", headers = {}, body }: SendInit): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const outgoing = request(url, { agent, method, headers }, (message) => resolve(toResponse(message)));
  outgoing.on("error", reject);
  outgoing.end(body);
  return promise;
}

function toResponse(message: IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) headers.set(name, String(value));
  const { statusCode: status = 0 } = message;
  // The two are the same class by two names.
  const body = Readable.toWeb(message) as unknown as ReadableStream<Uint8Array>;
  return new Response(status === 204 ? null : body, { status, headers });
}
