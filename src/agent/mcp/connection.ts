// One connection to one tool server, by the SDK's client: lists, calls, and hears what the server says in between.

import type { JsonObject } from "../../contract/json.ts";
import type { Environment } from "../../config/load-config.ts";
import type { ToolServerSettings } from "../../config/mcp-servers.ts";
import { version } from "../../config/version.ts";
import { settledWithin } from "../../contract/settled-within.ts";
import { orAborted } from "../../outbound/or-aborted.ts";
import type { ToolCallOptions } from "../tools.ts";
import { createCallLimit } from "./call-limit.ts";
import type { EndTimes } from "./end-child.ts";
import { answerCodeOf, type McpSdk, loadMcpSdk, statusOf, transportCodeOf } from "./mcp-sdk.ts";
import { openAddress, type OpenedTransport, openProcess } from "./open-transport.ts";
import { createRunningCalls, type RunningCalls } from "./running-calls.ts";
import type { SampleModel } from "./sampling.ts";
import type { TokenSource } from "./sign-in/token-source.ts";
import { answerServer } from "./server-questions.ts";
import { tapTransport } from "./tap-transport.ts";

export interface ConnectionOptions {
  readonly server: ToolServerSettings;
  readonly environment: Environment;
  readonly maxMessageBytes: number;
  readonly endTimes: EndTimes;
  readonly sample: SampleModel | undefined;
  readonly tokens: TokenSource | undefined;
  onErrorLine?(line: string): void;
  onProcess?(pid: number): () => void;
  onToolsChanged(): void;
  /** Once, also when it was closed by us. */
  onEnded(ending: string | undefined): void;
}

export interface Connection {
  readonly kind: "stdio" | "http" | "sse";
  /** @param take told each page of the list as it came; false: no more is wanted */
  listTools(signal: AbortSignal, take: (page: readonly unknown[]) => boolean): Promise<void>;
  /**
   * @throws {CallExpiredError} after `limitMs`; the signal's reason when it is aborted; what the SDK throws
   */
  call(
    user: string,
    name: string,
    input: JsonObject,
    options: ToolCallOptions & { readonly limitMs: number },
  ): Promise<JsonObject>;
  readResource(uri: string, signal: AbortSignal): Promise<JsonObject>;
  ping(limitMs: number): Promise<void>;
  hasEnded(): boolean;
  close(): Promise<void>;
}

export class CallExpiredError extends Error {
  override readonly name = "CallExpiredError";
}

/** Beyond these the rest of the list is not asked for. */
export const maxTools = 2000;
const maxPages = 100;
/** So many messages without an answer to anything of ours: the server only keeps us busy. */
const maxNoise = 10_000;
/** Our own clocks decide; the SDK's limit must not come first. */
const noLimit = { timeout: 2_147_483_647 };
const goodbyeMs = 1000;

/** @throws what the SDK or the system throws; nothing is left behind then */
export async function openConnection(options: ConnectionOptions, signal: AbortSignal): Promise<Connection> {
  const sdk = await loadMcpSdk();
  const { target } = options.server;
  if (target.kind === "stdio") return await connect(sdk, options, signal, async () => openProcess(target, options));
  const over = (kind: "http" | "sse") =>
    connect(sdk, options, signal, (onNoise) => openAddress(target, kind, { ...options, onNoise }));
  if (target.kind !== "any-http") return await over(target.kind);
  try {
    return await over("http");
  } catch (error) {
    const status = statusOf(error);
    // A server of the older form refuses to be posted to; whoever refuses the credentials is not asked again.
    const speaksOther = status !== undefined && status >= 400 && status < 500 && status !== 401 && status !== 403;
    if (!speaksOther || signal.aborted) throw error;
    return await over("sse").catch(() => Promise.reject(error));
  }
}

async function connect(
  sdk: McpSdk,
  options: ConnectionOptions,
  signal: AbortSignal,
  open: (onNoise: (count: number) => void) => Promise<OpenedTransport>,
): Promise<Connection> {
  let noise = 0;
  let ending: string | undefined;
  let isConnected = false;
  const calls = createRunningCalls();
  const onNoise = (count: number): void => {
    noise += count;
    if (noise <= maxNoise || ending !== undefined) return;
    ending = "sends without an end what nobody has asked for";
    void close();
  };
  /** To something of ours: what only looks like an answer is noise. */
  const onAnswer = (): void => {
    noise = 0;
  };
  const opened = await open(onNoise);
  const { transport } = opened;
  const tapped = tapTransport(transport, (message) => {
    onNoise(1);
    if (!("method" in message)) return true;
    if (message.method === "notifications/tools/list_changed") options.onToolsChanged();
    if (message.method !== "notifications/progress") return true;
    // The SDK would tell of an answer before the notifications that came right in front of it.
    calls.tell(message.params ?? {});
    return false;
  });
  const client = new sdk.Client(
    { name: "qwen-gateway", version },
    {
      capabilities: { elicitation: {}, ...(options.sample === undefined ? {} : { sampling: {} }) },
      // Results are read as they come; the SDK's own checks would compile schemas of strangers.
      jsonSchemaValidator: {
        getValidator: () => (data) => ({ valid: true, data: data as never, errorMessage: undefined }),
      },
    },
  );
  client.onerror = (error) => {
    onNoise(1);
    // The SDK has given up its stream, or the older form has lost it, and its session with it.
    const isLost = /^Maximum reconnection attempts/.test(error.message) || (opened.kind === "sse" && "event" in error);
    if (!isLost || !isConnected) return;
    ending ??= "has closed the connection";
    void close();
  };
  answerServer(client, sdk, { server: options.server.name, calls, sample: options.sample });

  let closing: Promise<void> | undefined;
  let hasEnded = false;
  client.onclose = () => {
    if (hasEnded) return;
    hasEnded = true;
    if (isConnected) options.onEnded(ending ?? opened.ending());
  };
  function close(): Promise<void> {
    closing ??= (async () => {
      if (isConnected && !hasEnded) {
        const said = opened.sayGoodbye().catch(() => undefined);
        await settledWithin(said, goodbyeMs);
      }
      await transport.close();
    })();
    return closing;
  }

  try {
    // Not by the SDK's own signal: it would be listened to for as long as it lives, and call off what has long been done.
    await orAborted(client.connect(tapped, noLimit), signal);
    isConnected = true;
  } catch (error) {
    await close();
    signal.throwIfAborted();
    throw opened.refusal() ?? new ConnectError(ending ?? opened.ending(), error);
  }
  return { ...createConnection(sdk, client, opened, calls, onAnswer), hasEnded: () => hasEnded, close };
}

/** The connection could not be made. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
  readonly ending: string | undefined;
  readonly code: unknown;

  constructor(ending: string | undefined, cause: unknown) {
    super("the connection could not be made", { cause });
    this.ending = ending;
    this.code = transportCodeOf(cause);
  }
}

function createConnection(
  sdk: McpSdk,
  client: InstanceType<McpSdk["Client"]>,
  opened: OpenedTransport,
  calls: RunningCalls,
  onAnswer: () => void,
): Omit<Connection, "hasEnded" | "close"> {
  async function send(method: string, params: Record<string, unknown>, signal: AbortSignal): Promise<JsonObject> {
    try {
      const result = await client.request({ method, params }, sdk.ResultSchema, { ...noLimit, signal });
      onAnswer();
      return result;
    } catch (error) {
      if ((answerCodeOf(error) ?? statusOf(error)) !== undefined) onAnswer();
      throw error;
    }
  }

  /** The SDK keeps its listener on the signal: of a longer life than the request it would cancel what is over. */
  async function ask(method: string, params: JsonObject, signal: AbortSignal): Promise<JsonObject> {
    signal.throwIfAborted();
    const own = new AbortController();
    const onAbort = (): void => own.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await send(method, { ...params }, own.signal);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  return {
    kind: opened.kind,
    async listTools(signal, take) {
      if (client.getServerCapabilities()?.tools === undefined) return;
      let left = maxTools;
      const seen = new Set<string>();
      let cursor: string | undefined;
      for (let page = 0; page < maxPages && left > 0; page++) {
        const { tools: listed, nextCursor } = await ask("tools/list", cursor === undefined ? {} : { cursor }, signal);
        const tools: readonly unknown[] = Array.isArray(listed) ? listed.slice(0, left) : [];
        left -= tools.length;
        if (!take(tools)) break;
        if (typeof nextCursor !== "string" || seen.has(nextCursor)) break;
        seen.add(nextCursor);
        cursor = nextCursor;
      }
    },
    readResource: (uri, signal) => ask("resources/read", { uri }, signal),
    async ping(limitMs) {
      await ask("ping", {}, AbortSignal.timeout(limitMs));
    },
    async call(user, name, input, { signal, limitMs, access, onProgress, elicit }) {
      signal.throwIfAborted();
      const own = new AbortController();
      const onAbort = (): void => own.abort(signal.reason);
      const limit = createCallLimit(limitMs, () => own.abort(new CallExpiredError()));
      const { token, end } = calls.begin({ user, run: signal, access, elicit, limit, onProgress, signal: own.signal });
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        const meta = onProgress === undefined ? {} : { _meta: { progressToken: token } };
        const params = { name, arguments: { ...input }, ...meta };
        return await send("tools/call", params, own.signal);
      } catch (error) {
        throw own.signal.aborted ? own.signal.reason : error;
      } finally {
        signal.removeEventListener("abort", onAbort);
        limit.end();
        end();
      }
    },
  };
}
