// Who may act on a gateway without keys, as the settings have it, and the one line that tells its user the token.

import { agentTokenName, loadOrCreateAgentToken } from "../config/agent-token-file.ts";
import type { Config } from "../config/config-schema.ts";
import type { AgentAccess } from "../server/auth/acting-caller.ts";
import { isKeyless, isLoopback, type KeyOptions } from "../server/check-bind.ts";
import { agentTabPath } from "../server/page-file.ts";
import type { Log } from "../telemetry/log.ts";

export interface ConfiguredAgentAccess {
  readonly agent: AgentAccess;
  /** Once the gateway listens: makes the token where there is none yet, and prints it that one time. */
  announce(url: string): void;
}

export function chooseAgentAccess(config: Config, keys: KeyOptions, log: Log): ConfiguredAgentAccess {
  const canBeOpen = isKeyless(keys) && isLoopback(config.host);
  if (config.agentOpen && canBeOpen) return { agent: "open", announce: () => {} };
  if (config.agentOpen) {
    log.warn("AGENT_OPEN has no effect: it is for a loopback address without keys", { host: config.host });
  }
  // Where nothing can be acted on, nobody should have to wonder about a token.
  if (!isKeyless(keys) || !hasToolServers(config)) return { agent: "off", announce: () => {} };
  const { dataDir } = config;
  return {
    agent: () => loadOrCreateAgentToken(dataDir).token,
    announce(url) {
      const { token, created } = loadOrCreateAgentToken(dataDir);
      if (created) {
        // As with the generated key: past the log, which redacts secrets.
        process.stdout.write(
          `Token of the agent, shown once: ${token} (the chat page asks for it: ${url}${agentTabPath})\n`,
        );
      } else {
        log.info("The agent wants the token that was generated earlier", { dataDir, file: agentTokenName });
      }
    },
  };
}

function hasToolServers({ mcpServers = {}, mcpConfig }: Pick<Config, "mcpServers" | "mcpConfig">): boolean {
  return mcpConfig !== undefined || Object.values(mcpServers).some(({ disabled }) => disabled !== true);
}
