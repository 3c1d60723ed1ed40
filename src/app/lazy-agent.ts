// The agent as the rest of the app sees it: put together with the first request for it, children and all.

import type { ServedRoom } from "../server/create-server.ts";
import { agentPlaces } from "../server/agent-places.ts";
import { mcpPlace } from "../server/mcp-place.ts";
import type { Agent, AgentParts } from "./compose-agent.ts";

export interface LazyAgent extends ServedRoom {
  /** @throws {GatewayError} when what it keeps cannot be opened */
  open(): Promise<Agent>;
  /** Ends what runs, and the processes of tool servers. */
  close(): Promise<void>;
}

export function createLazyAgent(parts: AgentParts): LazyAgent {
  let opening: Promise<Agent> | undefined;

  function open(): Promise<Agent> {
    opening ??= import("./compose-agent.ts")
      .then(({ composeAgent }) => composeAgent(parts))
      .catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
    return opening;
  }

  return {
    places: [...agentPlaces, mcpPlace],
    open,
    load: async (edge) => (await open()).routes(edge),
    async close() {
      const agent = await opening?.catch(() => undefined);
      await agent?.close();
    },
  };
}
