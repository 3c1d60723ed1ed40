// All configured tool servers: whose connection a user has, what they offer together, and their common end.

import type { Clock } from "../../contract/clock.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { Environment } from "../../config/load-config.ts";
import type { ToolServerSettings } from "../../config/mcp-servers.ts";
import type { Log } from "../../telemetry/log.ts";
import type { AgentTool, ToolServers } from "../tools.ts";
import type { EndTimes } from "./end-child.ts";
import type { SampleModel } from "./sampling.ts";
import type { SignInVault } from "./sign-in/sign-in-vault.ts";
import { takesSignIn } from "./sign-in/takes-sign-in.ts";
import { createTokenSource, type TokenSource } from "./sign-in/token-source.ts";
import { createToolServer, type ToolServer } from "./tool-server.ts";

export interface ToolServersOptions {
  readonly servers: readonly ToolServerSettings[];
  /** How long a list of tools is believed. */
  readonly cacheMs: number;
  readonly callTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Ours: child processes see a few names of it. */
  readonly environment: Environment;
  /** Where people's sign-ins are kept. Absent: nobody can sign in. */
  readonly signIns?: SignInVault;
  /** Absent: servers may not ask the model. */
  readonly sample?: SampleModel;
  /** @defaultValue 30_000, since a first `npx` loads its package */
  readonly connectTimeoutMs?: number;
  /** How long `discover` waits for one server, which goes on connecting behind it. @defaultValue 10_000 */
  readonly discoverWaitMs?: number;
  /** Longest message of a server. @defaultValue 16 MiB */
  readonly maxMessageBytes?: number;
  readonly endTimes?: EndTimes;
  /** A line that a server's process wrote to its standard error. It may hold anything. */
  onErrorLine?(server: string, line: string): void;
  /** A server was started, as the leader of a group of processes. @returns what is called when nobody is left of it */
  onProcess?(pid: number): () => void;
}

/** So many users have a connection of their own to one server; the one that was longest unused makes room. */
const maxUserConnections = 64;
const idleUserMs = 10 * 60_000;

export function createToolServers(options: ToolServersOptions): ToolServers {
  const { clock, log, onErrorLine, onProcess } = options;
  const settings = new Map(options.servers.map((server) => [server.name, server]));
  /** By server, and within by user; shared ones have the user "". */
  const servers = new Map<string, Map<string, ToolServer>>();
  const leaving = new Set<Promise<void>>();
  let isClosed = false;

  function find(name: string, user: string): ToolServer | undefined {
    return servers.get(name)?.get(keyOf(name, user));
  }

  function keyOf(name: string, user: string): string {
    return settings.get(name)?.isShared === false ? user : "";
  }

  function need(server: ToolServerSettings, user: string): ToolServer {
    const ofServer = servers.get(server.name) ?? new Map<string, ToolServer>();
    servers.set(server.name, ofServer);
    const key = keyOf(server.name, user);
    const known = ofServer.get(key);
    if (known !== undefined) return known;
    makeRoom(ofServer);
    const created = createToolServer({
      server,
      cacheMs: options.cacheMs,
      callTimeoutMs: options.callTimeoutMs,
      connectTimeoutMs: options.connectTimeoutMs ?? 30_000,
      clock,
      log,
      connection: {
        environment: options.environment,
        maxMessageBytes: options.maxMessageBytes ?? 16 * 1024 * 1024,
        endTimes: options.endTimes ?? { inputMs: 300, termMs: 2000 },
        sample: options.sample,
        tokens: tokensOf(server, key),
        ...(onErrorLine === undefined ? {} : { onErrorLine: (line: string) => onErrorLine(server.name, line) }),
        ...(onProcess === undefined ? {} : { onProcess }),
      },
    });
    ofServer.set(key, created);
    return created;
  }

  /** Undefined: the settings say how it is reached. */
  function tokensOf(server: ToolServerSettings, user: string): TokenSource | undefined {
    const { target } = server;
    const { signIns: vault } = options;
    if (target.kind === "stdio" || vault === undefined || !takesSignIn(target)) return undefined;
    return createTokenSource({
      server: server.name,
      user: server.isShared ? undefined : user,
      serverUrl: target.url,
      hasHeaders: Object.keys(target.headers).length > 0,
      vault,
      environment: options.environment,
      clock,
      log,
    });
  }

  function makeRoom(ofServer: Map<string, ToolServer>): void {
    const unused = [...ofServer].filter(([key, server]) => key !== "" && !server.isBusy());
    unused.sort(([, one], [, other]) => one.usedAtMs() - other.usedAtMs());
    const tooMany = ofServer.size + 1 - maxUserConnections;
    const idleSinceMs = clock() - idleUserMs;
    for (const [index, [key, server]] of unused.entries()) {
      if (index >= tooMany && server.usedAtMs() > idleSinceMs) continue;
      ofServer.delete(key);
      end(server);
    }
  }

  function end(server: ToolServer): void {
    const ended = server
      .close()
      .catch((error) => log.error("A tool server could not be ended", {}, error))
      .finally(() => leaving.delete(ended));
    leaving.add(ended);
  }

  async function toolsOf(server: ToolServerSettings, user: string, signal: AbortSignal): Promise<readonly AgentTool[]> {
    const late = AbortSignal.timeout(options.discoverWaitMs ?? 10_000);
    try {
      return await need(server, user).tools(AbortSignal.any([signal, late]));
    } catch {
      signal.throwIfAborted();
      // `views` tells why; the others are there all the same.
      return [];
    }
  }

  return {
    views: (user) =>
      options.servers.map(({ name, isDisabled, target }) => {
        const known = find(name, user)?.view();
        const transport = target.kind === "any-http" ? "http" : target.kind;
        return known ?? { name, state: isDisabled ? "disabled" : "idle", transport, tools: 0, error: undefined };
      }),
    async discover(user, signal) {
      signal.throwIfAborted();
      if (isClosed) return [];
      const asked = options.servers.filter(({ isDisabled }) => !isDisabled);
      return (await Promise.all(asked.map((server) => toolsOf(server, user, signal)))).flat();
    },
    async call(user, tool, input, callOptions) {
      const server = settings.get(tool.server);
      const quoted = `Cannot call "${tool.name}" of tool server "${tool.server}"`;
      if (server === undefined) throw new GatewayError("gone", `${quoted}: there is no such server`);
      if (server.isDisabled) throw new GatewayError("gone", `${quoted}: it is disabled`);
      if (isClosed) throw new GatewayError("overloaded", `${quoted}: the gateway is shutting down`);
      return await need(server, user).call(user, tool, input, callOptions);
    },
    async close() {
      isClosed = true;
      for (const ofServer of servers.values()) for (const server of ofServer.values()) end(server);
      servers.clear();
      await Promise.all(leaving);
    },
  };
}
