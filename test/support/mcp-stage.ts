// Tool servers on the stage of a test: with a clock of the test's own, and ended with it.

import type { ToolServerSettings } from "../../src/config/mcp-servers.ts";
import type { AgentTool, ToolCallOptions, ToolResult, ToolServers } from "../../src/agent/tools.ts";
import { createToolServers, type ToolServersOptions } from "../../src/agent/mcp/tool-servers.ts";
import { silentLog } from "../../src/telemetry/log.ts";

export interface McpStage extends AsyncDisposable {
  readonly servers: ToolServers;
  /** Moves the clock on. */
  pass(ms: number): void;
  tools(user?: string): Promise<readonly AgentTool[]>;
  /** Calls a tool by its name. */
  call(name: string, input?: object, options?: Partial<ToolCallOptions>, user?: string): Promise<ToolResult>;
}

export function createMcpStage(
  settings: ToolServerSettings | readonly ToolServerSettings[],
  options: Partial<ToolServersOptions> = {},
): McpStage {
  let nowMs = 1_000_000;
  const signal = new AbortController().signal;
  const servers = createToolServers({
    servers: "name" in settings ? [settings] : settings,
    cacheMs: 60_000,
    callTimeoutMs: 15_000,
    clock: () => nowMs,
    log: silentLog,
    environment: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
    ...options,
  });
  const tools = (user = "ann"): Promise<readonly AgentTool[]> => servers.discover(user, signal);
  return {
    servers,
    tools,
    pass: (ms) => {
      nowMs += ms;
    },
    async call(name, input = {}, more = {}, user = "ann") {
      const tool = (await tools(user)).find((candidate) => candidate.name === name);
      if (tool === undefined) throw new Error(`no tool "${name}": ${JSON.stringify(servers.views(user))}`);
      return await servers.call(user, tool, { ...input }, { signal, ...more });
    },
    [Symbol.asyncDispose]: () => servers.close(),
  };
}
