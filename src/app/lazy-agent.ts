// The agent as the rest of the app sees it: put together with the first request for it, children and all.

import type { Config } from "../config/config-schema.ts";
import type { ToolServerSettings } from "../config/mcp-servers.ts";
import { madeOnce } from "../contract/made-once.ts";
import type { ServedRoom } from "../server/create-server.ts";
import { agentPlaces } from "../server/agent/agent-places.ts";
import { mcpPlace } from "../server/agent/mcp-place.ts";
import type { Agent, AgentParts } from "./compose-agent.ts";

export interface LazyAgent extends ServedRoom {
  /** Two agents with the same one would do the same: the processes of tool servers outlive what does not concern them. */
  readonly settings: string;
  /** @throws {GatewayError} when what it keeps cannot be opened */
  open(): Promise<Agent>;
  /** Ends when what runs has ended. Never rejects. */
  retire(): Promise<void>;
  /** Ends what runs, and the processes of tool servers. */
  close(): Promise<void>;
}

export function createLazyAgent(parts: AgentParts): LazyAgent {
  const agent = madeOnce(async () => {
    const { composeAgent } = await import("./compose-agent.ts");
    return composeAgent(parts);
  });

  async function close(): Promise<void> {
    await (await agent.ifAsked())?.close();
  }

  return {
    settings: agentSettingsOf(parts.config, parts.servers),
    places: [...agentPlaces, mcpPlace],
    open: () => agent.get(),
    load: async (edge) => (await agent.get()).routes(edge),
    async retire() {
      try {
        await (await agent.ifAsked())?.engine.settled();
        await close();
      } catch (error) {
        parts.log.error("Cannot end the agent of the former settings", {}, error);
      }
    },
    close,
  };
}

function agentSettingsOf(config: Config, servers: readonly ToolServerSettings[]): string {
  const { sessionTimeout, sseKeepaliveMs, defaultModel, agentRules } = config;
  // Which keys a rule means is found when it is read.
  const ruled = agentRules === undefined ? [] : config.apiKey;
  const own = Object.entries(config).filter(([key]) => /^(agent|mcp)[A-Z]/.test(key) && !key.startsWith("agentOpen"));
  return JSON.stringify([own, servers, ruled, sessionTimeout, sseKeepaliveMs, defaultModel]);
}
