// The gateway as an MCP server, by the official SDK: each request is answered by a server of its own, so that any worker can.

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import {
  CallToolRequestSchema,
  CancelledNotificationSchema,
  ListToolsRequestSchema,
  type RequestId,
  type Tool,
} from "@modelcontextprotocol/sdk/types.js";
import { toGatewayError } from "../contract/gateway-error.ts";
import { randomId } from "../contract/random-id.ts";
import { commentFrame } from "../sse/sse-writer.ts";
import { readOwnMessage } from "./own-message.ts";
import type { OwnAnswer, OwnCall, OwnTool } from "./own-tools.ts";

export interface OwnServerOptions {
  readonly version: string;
  readonly tools: readonly OwnTool[];
  /** Silence of a call over HTTP after which a comment says that it goes on, in milliseconds. @defaultValue 15_000 */
  readonly keepAliveMs?: number;
}

/** Who asks, and by which request. */
export type OwnCaller = Pick<OwnCall, "caller" | "access" | "requestId">;

const instructions =
  "Qwen behind a gateway: ask it, search the user's documents, continue conversations, or have the agent carry something out.";

/**
 * One server for one connection, or for one request.
 * @param callerOf asked anew for each call
 * @param noteCall hears of a call that begins. It gives back what is called when that is over
 */
export function createOwnServer(
  { version, tools }: OwnServerOptions,
  callerOf: () => OwnCaller,
  noteCall: (id: RequestId) => () => void = () => () => {},
): Server {
  const server = new Server(
    { name: "qwen-gateway", title: "Qwen gateway", version },
    { capabilities: { tools: {} }, instructions },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools.map(encodeTool) }));
  server.setRequestHandler(
    CallToolRequestSchema,
    async ({ params }, { signal, sendNotification, requestId, _meta }) => {
      const tool = tools.find(({ name }) => name === params.name);
      if (tool === undefined)
        return encodeAnswer({ text: `There is no tool "${params.name.slice(0, 100)}"`, isError: true });
      const progressToken = _meta?.progressToken;
      let progress = 0;
      const onProgress = (message: string): void => {
        if (progressToken === undefined) return;
        const told = { progressToken, progress: ++progress, message };
        // Whoever has left hears nothing more.
        sendNotification({ method: "notifications/progress", params: told }).catch(() => {});
      };
      const isOver = noteCall(requestId);
      try {
        return encodeAnswer(await tool.run(params.arguments ?? {}, { ...callerOf(), signal, onProgress }));
      } catch (error) {
        // As a result, not as an error of the protocol: the model that called is to read it.
        return encodeAnswer({ text: toGatewayError(error).message, isError: true });
      } finally {
        isOver();
      }
    },
  );
  return server;
}

/** What ends the calls that run, by caller, session and id: one that is called off is so by another request. */
export type RunningOwnCalls = Map<string, () => void>;

const sessionHeader = "mcp-session-id";

/**
 * Answers one request of the streamable HTTP transport.
 * @param signal whoever asks has left, or the gateway stops
 */
export async function answerOwnRequest(
  options: OwnServerOptions,
  request: Request,
  caller: OwnCaller,
  signal: AbortSignal,
  running: RunningOwnCalls,
): Promise<Response> {
  // Remembered by clients alone: it tells the calls of two that count from zero both.
  const known = request.headers.get(sessionHeader);
  const sessionId = known ?? randomId();
  const keyOf = (id: RequestId): string => JSON.stringify([caller.caller, sessionId, id]);
  const server = createOwnServer(
    options,
    () => caller,
    (id) => {
      running.set(keyOf(id), leave);
      return () => running.delete(keyOf(id));
    },
  );
  server.setNotificationHandler(CancelledNotificationSchema, ({ params: { requestId } }) => {
    if (requestId !== undefined) running.get(keyOf(requestId))?.();
  });
  const parsedBody = await readOwnMessage(request);
  // Without sessions: no worker has to remember one.
  const transport = new WebStandardStreamableHTTPServerTransport({});
  await server.connect(transport);
  const leave = (): void => {
    // A signal that hears of the gateway's end keeps its listeners as long as the gateway runs.
    signal.removeEventListener("abort", leave);
    void server.close();
  };
  signal.addEventListener("abort", leave);
  if (signal.aborted) leave();
  const response = await transport.handleRequest(request, { parsedBody });
  if (known === null) response.headers.set(sessionHeader, sessionId);
  if (response.body === null) leave();
  if (response.body === null) return response;
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const silenceMs = isStream ? (options.keepAliveMs ?? 15_000) : undefined;
  return new Response(follow(response.body, silenceMs, leave), response);
}

const keepAlive = commentFrame("keepalive");

/**
 * The same bytes; of an event stream, whose chunks are whole events, with comments while there are none: the head is on the
 * wire with the first of them, and calls take minutes. `ended` is called once all are read, or nobody reads them any more.
 */
function follow(
  stream: ReadableStream<Uint8Array>,
  silenceMs: number | undefined,
  ended: () => void,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  /** Is asked for, and outlives the pull that a comment has answered. */
  let next: ReturnType<typeof reader.read> | undefined;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      next ??= reader.read();
      const read = silenceMs === undefined ? await next : await orSilence(next, silenceMs);
      if (read === undefined) return controller.enqueue(keepAlive);
      next = undefined;
      if (!read.done) return controller.enqueue(read.value);
      ended();
      controller.close();
    },
    cancel(reason) {
      ended();
      return reader.cancel(reason);
    },
  });
}

/** Undefined: it takes longer. */
async function orSilence<T>(work: Promise<T>, limitMs: number): Promise<T | undefined> {
  const over = Promise.withResolvers<undefined>();
  const timer = setTimeout(over.resolve, limitMs, undefined);
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function encodeTool({ name, title, description, inputSchema, isReadOnly }: OwnTool): Tool {
  return {
    name,
    title,
    description,
    // A cast: the schemas of the tools are objects.
    inputSchema: inputSchema as unknown as Tool["inputSchema"],
    annotations: { title, readOnlyHint: isReadOnly, openWorldHint: name !== "list_sessions" },
  };
}

function encodeAnswer({ text, structured, isError = false }: OwnAnswer) {
  return {
    content: [{ type: "text" as const, text }],
    ...(structured !== undefined && { structuredContent: { ...structured } }),
    isError,
  };
}
