// One tool server for one user or for all: connected when it is needed, listed with a cache, begun again after its end.

import type { JsonObject } from "../../contract/json.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { ToolServerSettings } from "../../config/mcp-servers.ts";
import type { Clock } from "../../contract/clock.ts";
import { isTimeout } from "../../contract/thrown.ts";
import { orAborted } from "../../outbound/or-aborted.ts";
import type { Log } from "../../telemetry/log.ts";
import type { AgentTool, ServerState, ToolCallOptions, ToolResult, ToolServerView } from "../tools.ts";
import { CallExpiredError, type Connection, type ConnectionOptions, maxTools, openConnection } from "./connection.ts";
import { callExpired, callFailed, connectFailure, endedServer, failure } from "./errors.ts";
import { withLinkedResources } from "./linked-resources.ts";
import { answerCodeOf, transportCodeOf } from "./mcp-sdk.ts";
import { oversizedCode, unansweredCode } from "./oversized-answer.ts";
import { failedResult, readResult } from "./read-result.ts";
import { ToolList } from "./read-tools.ts";
import { SignInError } from "./sign-in/sign-in-error.ts";

export interface ToolServerOptions {
  readonly server: ToolServerSettings;
  readonly cacheMs: number;
  readonly callTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly connection: Omit<ConnectionOptions, "server" | "onToolsChanged" | "onEnded">;
}

export interface ToolServer {
  view(): ToolServerView;
  /** When it was last needed, epoch milliseconds. */
  usedAtMs(): number;
  isBusy(): boolean;
  tools(signal: AbortSignal): Promise<readonly AgentTool[]>;
  call(user: string, tool: AgentTool, input: JsonObject, options: ToolCallOptions): Promise<ToolResult>;
  close(): Promise<void>;
}

/** After so long a life an end is not counted with those before. */
const longLifeMs = 60_000;
const longestBackoffMs = 60_000;
/** A server that let a call expire and does not answer this either has hung. */
const pingMs = 5000;

interface KnownTools {
  readonly tools: readonly AgentTool[];
  readonly listedAtMs: number;
}

export function createToolServer(options: ToolServerOptions): ToolServer {
  const { server, clock, log } = options;
  const closed = new AbortController();
  /** Connections that are being ended: `close` waits for them too. */
  const leaving = new Set<Promise<void>>();
  let connecting: Promise<Connection> | undefined;
  let connection: Connection | undefined;
  let kind = server.target.kind === "any-http" ? "http" : server.target.kind;
  let lastError: GatewayError | undefined;
  let failures = 0;
  let endedAtMs = 0;
  let readyAtMs = 0;
  let usedAtMs = clock();
  let running = 0;
  let known: KnownTools | undefined;
  let isStale = false;
  let listing: Promise<readonly AgentTool[]> | undefined;

  function fail(error: GatewayError): void {
    // Told once: it stays so until a person has done something.
    if (error === lastError) return;
    failures = readyAtMs !== 0 && clock() - readyAtMs >= longLifeMs ? 1 : failures + 1;
    readyAtMs = 0;
    endedAtMs = clock();
    lastError = error;
    log.warn("A tool server is not available", { server: server.name, reason: error.message });
  }

  function retryAtMs(): number {
    // The first end is made good at once; whoever ends again and again waits 1 s, 2 s, 4 s, up to a minute.
    return failures <= 1 ? 0 : endedAtMs + Math.min(longestBackoffMs, 1000 * 2 ** (failures - 2));
  }

  function connect(): Promise<Connection> {
    usedAtMs = clock();
    if (connection !== undefined) return Promise.resolve(connection);
    if (connecting !== undefined) return connecting;
    if (closed.signal.aborted) return Promise.reject(failure(server.name, "the gateway is shutting down"));
    // A sign-in counts at once; until then nobody is asked, which its source of tokens sees to.
    const waitMs = lastError instanceof SignInError ? 0 : retryAtMs() - clock();
    if (waitMs > 0 && lastError !== undefined) {
      const { kind: errorKind, message } = lastError;
      const options = { cause: lastError, upstream: server.name, retryAfterMs: waitMs, retryable: true };
      return Promise.reject(new GatewayError(errorKind, message, options));
    }
    connecting = open().finally(() => {
      connecting = undefined;
    });
    return connecting;
  }

  async function open(): Promise<Connection> {
    const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(options.connectTimeoutMs)]);
    const startedAtMs = clock();
    let own: Connection | undefined;
    const events = {
      onToolsChanged: forget,
      onEnded: (ending: string | undefined) => own !== undefined && onEnded(own, ending),
    };
    try {
      const opened = await openConnection({ ...options.connection, ...events, server }, signal);
      if (opened.hasEnded()) throw endedServer(server, undefined);
      own = opened;
      connection = opened;
      kind = opened.kind;
      readyAtMs = clock();
      lastError = undefined;
      isStale = true;
      log.info("A tool server is connected", { server: server.name, kind, ms: readyAtMs - startedAtMs });
      return opened;
    } catch (error) {
      if (closed.signal.aborted) throw failure(server.name, "the gateway is shutting down");
      const told = connectFailure(server, error, options.connectTimeoutMs);
      fail(told);
      throw told;
    }
  }

  /** Whatever is listed right now may be of before. */
  function forget(): void {
    isStale = true;
    listing = undefined;
  }

  function onEnded(ended: Connection, ending: string | undefined): void {
    // One that was dropped may end when there is another.
    if (connection !== ended) return;
    connection = undefined;
    forget();
    if (!closed.signal.aborted) fail(endedServer(server, ending));
  }

  /** Of a connection that is of no more use; the next need makes another. */
  function drop(dropped: Connection): void {
    if (connection === dropped) {
      connection = undefined;
      forget();
    }
    const ended = dropped.close().catch(() => undefined);
    leaving.add(ended);
    void ended.finally(() => leaving.delete(ended));
  }

  function tools(signal: AbortSignal): Promise<readonly AgentTool[]> {
    usedAtMs = clock();
    if (known !== undefined && !isStale && connection !== undefined && clock() - known.listedAtMs < options.cacheMs)
      return Promise.resolve(known.tools);
    if (listing === undefined) {
      const begun = list().finally(() => {
        if (listing === begun) listing = undefined;
      });
      listing = begun;
    }
    return orAborted(listing, signal);
  }

  async function list(): Promise<readonly AgentTool[]> {
    const opened = await connect();
    isStale = false;
    const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(options.connectTimeoutMs)]);
    try {
      const listed = new ToolList(server.name);
      await opened.listTools(signal, (page) => listed.add(page));
      const { tools: offered, refused } = listed.read();
      const tools = offered.filter(({ name }) => isChosen(name, server.toolChoice));
      if (refused > 0) log.warn("Tools of a server are left out", { server: server.name, refused });
      if (listed.length === maxTools) log.warn("A tool server lists too many tools", { server: server.name, maxTools });
      // Still stale when the list has changed meanwhile.
      known = { tools, listedAtMs: clock() };
      return tools;
    } catch (error) {
      isStale = true;
      if (connection !== opened && lastError !== undefined) throw lastError;
      const told = isTimeout(error)
        ? connectFailure(server, error, options.connectTimeoutMs)
        : callFailed(server, error);
      // Without its list it is of no use.
      drop(opened);
      fail(told);
      throw told;
    }
  }

  /** What was approved is what is called. */
  async function checkTool(tool: AgentTool, signal: AbortSignal): Promise<void> {
    const offered = (await tools(signal)).find(({ name }) => name === tool.name);
    const quoted = `Cannot call "${tool.name}" of tool server "${server.name}"`;
    if (offered === undefined) throw new GatewayError("gone", `${quoted}: it is not offered any more`);
    if (offered.hash !== tool.hash) throw new GatewayError("gone", `${quoted}: it has changed since it was chosen`);
  }

  async function call(
    user: string,
    tool: AgentTool,
    input: JsonObject,
    callOptions: ToolCallOptions,
    isRepeated = false,
  ): Promise<ToolResult> {
    const { signal } = callOptions;
    const limitMs = server.callTimeoutMs ?? options.callTimeoutMs;
    await checkTool(tool, signal);
    const opened = await orAborted(connect(), signal);
    try {
      const raw = await opened.call(user, tool.name, input, { ...callOptions, limitMs });
      return readResult(await withLinkedResources(raw, opened.readResource, signal));
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof CallExpiredError) {
        void endHung(opened, limitMs);
        throw callExpired(server.name, tool.name, limitMs, error);
      }
      if (isGone(error)) {
        drop(opened);
        // Nothing has been done yet: the server has been started anew, or has forgotten the session.
        if (!isRepeated) return await call(user, tool, input, callOptions, true);
        throw callFailed(server, error);
      }
      if (connection !== opened) throw lastError ?? endedServer(server, undefined);
      const code = answerCodeOf(error);
      if (code === oversizedCode) return failedResult("The answer of the tool was too long to be read.", true);
      if (code === unansweredCode) throw failure(server.name, "the connection ended before the answer", error);
      // An answer of the server's own, which is for the model to read.
      if (code !== undefined) return failedResult(ownWords(error));
      drop(opened);
      throw callFailed(server, error);
    }
  }

  async function endHung(opened: Connection, limitMs: number): Promise<void> {
    try {
      await opened.ping(Math.min(pingMs, limitMs));
    } catch {
      if (connection !== opened) return;
      drop(opened);
      fail(failure(server.name, "it did not answer any more and was ended"));
    }
  }

  function state(): ServerState {
    if (server.isDisabled) return "disabled";
    if (connection !== undefined) return "ready";
    if (connecting !== undefined) return "connecting";
    return lastError === undefined ? "idle" : "failed";
  }

  return {
    view: () => ({
      name: server.name,
      state: state(),
      transport: kind,
      tools: known?.tools.length ?? 0,
      error: connection === undefined ? lastError?.message : undefined,
      ...(connection === undefined && lastError instanceof SignInError && { needsSignIn: true as const }),
    }),
    usedAtMs: () => usedAtMs,
    isBusy: () => running > 0 || connecting !== undefined || listing !== undefined,
    tools,
    async call(user, tool, input, callOptions) {
      running += 1;
      try {
        return await call(user, tool, input, callOptions);
      } finally {
        running -= 1;
      }
    },
    async close() {
      closed.abort();
      const [opened] = await Promise.allSettled([connection ?? connecting]);
      connection = undefined;
      if (opened.status === "fulfilled") await opened.value?.close();
      await Promise.all(leaving);
    },
  };
}

/** The request did not reach whoever would have carried it out. */
function isGone(error: unknown): boolean {
  const code = transportCodeOf(error);
  return [400, 404, "ECONNREFUSED", "ConnectionRefused", "EPIPE"].some((gone) => gone === code);
}

function ownWords(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^(?:MCP error -?[0-9]+: )+/, "") : "The tool failed";
}

function isChosen(name: string, choice: ToolServerSettings["toolChoice"]): boolean {
  if (choice === undefined) return true;
  return (choice.only === undefined || choice.only.includes(name)) && !choice.without.includes(name);
}
