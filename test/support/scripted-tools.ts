// Tool servers that do what a test says, and tell afterwards what they were asked.

import type { JsonObject } from "../../src/contract/json.ts";
import type {
  AgentTool,
  ServerState,
  ToolCallOptions,
  ToolHints,
  ToolResult,
  ToolServers,
  ToolServerView,
} from "../../src/agent/tools.ts";

export interface ScriptedTool {
  readonly description?: string;
  readonly schema?: JsonObject;
  readonly hints?: ToolHints;
  /** @defaultValue "ok" */
  run?(input: JsonObject, options: ToolCallOptions): Promise<string | ToolResult> | string | ToolResult;
}

export type ScriptedServers = Record<string, Record<string, ScriptedTool>>;

export interface MadeCall {
  readonly user: string;
  readonly tool: string;
  readonly input: JsonObject;
  readonly signal: AbortSignal;
}

export interface ScriptedToolServers extends ToolServers {
  /** May be changed between runs: the next discovery sees it. */
  readonly servers: ScriptedServers;
  readonly states: Record<string, ServerState>;
  readonly calls: MadeCall[];
  discoveries: number;
}

const anyObject: JsonObject = { type: "object" };

export function objectSchema(properties: Record<string, JsonObject>, required = Object.keys(properties)): JsonObject {
  return { type: "object", properties, required, additionalProperties: false };
}

export function toolOf(server: string, name: string, scripted: ScriptedTool = {}): AgentTool {
  const { description = "", schema = anyObject, hints = {} } = scripted;
  const identity = { server, name, description, inputSchema: schema, hints };
  return { ...identity, hash: Bun.SHA256.hash(JSON.stringify(identity), "hex") };
}

export function scriptToolServers(servers: ScriptedServers): ScriptedToolServers {
  const calls: MadeCall[] = [];
  const states: Record<string, ServerState> = {};
  return {
    servers,
    states,
    calls,
    discoveries: 0,
    views: () =>
      Object.keys(servers).map((name): ToolServerView => ({
        name,
        state: states[name] ?? "ready",
        transport: "stdio",
        tools: Object.keys(servers[name] ?? {}).length,
        error: undefined,
      })),
    async discover() {
      this.discoveries += 1;
      return Object.entries(servers).flatMap(([server, tools]) =>
        states[server] === "failed" ? [] : Object.entries(tools).map(([name, tool]) => toolOf(server, name, tool)),
      );
    },
    async call(user, tool, input, options) {
      calls.push({ user, tool: `${tool.server}/${tool.name}`, input, signal: options.signal });
      const result = (await servers[tool.server]?.[tool.name]?.run?.(input, options)) ?? "ok";
      return typeof result === "string" ? { text: result, isError: false, isCut: false } : result;
    },
    async close() {},
  };
}

/** The calendar of the examples. */
export function calendar(run: ScriptedTool["run"] = () => "Created e1"): Record<string, ScriptedTool> {
  const text = { type: "string" };
  return {
    create_event: {
      description: "Creates an event in the calendar",
      schema: objectSchema(
        { title: text, start: { type: "string", format: "date-time" }, minutes: { type: "integer" } },
        ["title", "start"],
      ),
      run,
    },
    list_events: {
      description: "Lists events of a day",
      schema: objectSchema({ day: text }, []),
      run: () => "No events",
    },
    delete_event: { description: "Deletes an event", schema: objectSchema({ id: text }), run: () => "Deleted" },
  };
}
