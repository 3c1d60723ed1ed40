// A server that keeps one stream as the protocol of the typed chat says, and drops connections where a test wants it. On
// node:http, whose responses can be torn off; Bun.serve prints what its streams fail of.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { eventStreamHead, frame } from "./stage.ts";

/** A connection that ends after so many events, with part of the next one; then it breaks, or ends as if all was well. */
export interface Drop {
  readonly afterEvents: number;
  readonly strayBytes?: number;
  readonly how?: "break" | "end";
}

export interface ChatServerOptions {
  /** Without it only `metadata` tells the id of the stream. */
  readonly sendsHeader?: boolean;
  /** Begins at the beginning, whatever is asked for. */
  readonly ignoresLastEventId?: boolean;
  /** Status of every GET. */
  readonly refusesResume?: number;
  /** Answers what is no chat, such as the page that reads it. */
  readonly page?: (path: string, body: string) => { readonly type: string; readonly text: string } | undefined;
  /** What has arrived unread goes down with its connection: whoever wants to know what was read waits here. */
  readonly beforeDrop?: (connection: number) => Promise<void>;
}

export const streamId = "stream-1";
export const path = "/api/chat/stream";

const metadata = { stream_id: streamId, session_id: "session-1" };
/** An answer, and what callbacks hear of it when each event comes once. */
export const events = [
  { metadata },
  { stage: "generation" },
  { token: "One " },
  { token: "two " },
  { token: "three" },
  { quality_score: 0.5 },
  { metadata: { ...metadata, finish_reason: "stop" } },
];
export const allHeard: [name: string, value?: unknown][] = [
  ["metadata", metadata],
  ["stage", "generation"],
  ["token", "One "],
  ["token", "two "],
  ["token", "three"],
  ["quality", 0.5],
  ["metadata", { ...metadata, finish_reason: "stop" }],
  ["complete"],
];
export const withoutReconnects = (heard: readonly unknown[][]) => heard.filter(([name]) => name !== "reconnect");

/** @param drops One a connection, in order; those that follow are whole. */
export async function startChatServer(
  events: readonly unknown[],
  drops: readonly Drop[] = [],
  options: ChatServerOptions = {},
) {
  const requests: { method: string; lastEventId: string | null; body: unknown }[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url, headers } = request;
    const connection = requests.length;
    const lastEventId = (headers["last-event-id"] as string | undefined) ?? null;
    const body = await text(request);
    const page = options.page?.(url ?? "", body);
    if (page !== undefined) {
      response.writeHead(200, { "content-type": page.type });
      response.end(page.text);
      return;
    }
    requests.push({ method, lastEventId, body: body === "" ? undefined : JSON.parse(body) });
    if (url !== (method === "GET" ? `${path}/${streamId}` : path)) return refuse(response, 404, "No such stream");
    if (method === "GET" && options.refusesResume) {
      return refuse(response, options.refusesResume, "The stream has expired");
    }
    const header = options.sendsHeader === false ? {} : { "x-stream-id": streamId };
    response.writeHead(200, { ...eventStreamHead, ...header });
    response.flushHeaders();
    const from = options.ignoresLastEventId ? 0 : Number(lastEventId ?? 0);
    const frames = [...events, "[DONE]"].map((event, index) => frame(event, index + 1)).slice(from);
    const drop = drops[connection];
    for (const whole of frames.slice(0, drop?.afterEvents)) response.write(whole);
    if (drop === undefined) return void response.end();
    const next = new TextEncoder().encode(frames[drop.afterEvents] ?? "");
    if (drop.strayBytes) response.write(next.subarray(0, drop.strayBytes));
    await options.beforeDrop?.(connection);
    if (drop.how === "end") response.end();
    else response.destroy();
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${path}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ message }));
}
