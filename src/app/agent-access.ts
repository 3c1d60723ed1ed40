// Who may act on a gateway without keys, as the settings have it, and the one line that tells its user the token.

import { type AgentTokenFile, agentTokenName, loadOrCreateAgentToken } from "../config/agent-token-file.ts";
import type { Config } from "../config/config-schema.ts";
import { isLoopback } from "../outbound/loopback-host.ts";
import type { AgentAccess } from "../server/auth/acting-caller.ts";
import { isKeyless, type KeyOptions } from "../server/access/check-bind.ts";
import { agentTabPath } from "../server/pages/page-file.ts";
import type { Log } from "../telemetry/log.ts";
import { showSecret } from "./show-secret.ts";

export interface ConfiguredAgentAccess {
  readonly agent: AgentAccess;
  /** Of the gateway as an MCP server. */
  readonly mcp: AgentAccess;
  /** Once the gateway listens: makes the token where there is none yet, and prints it that one time. */
  announce(url: string): void;
}

export function chooseAgentAccess(config: Config, keys: KeyOptions, log: Log): ConfiguredAgentAccess {
  const canBeOpen = isKeyless(keys) && isLoopback(config.host);
  if (config.agentOpen && canBeOpen) return { agent: "open", mcp: "open", announce: () => {} };
  if (config.agentOpen) {
    log.warn("AGENT_OPEN has no effect: it is for a loopback address without keys", { host: config.host });
  }
  if (!isKeyless(keys)) return { agent: "off", mcp: "off", announce: () => {} };
  const { dataDir } = config;
  let pageUrl: string | undefined;

  function giveToken(): AgentTokenFile {
    const file = loadOrCreateAgentToken(dataDir);
    const hint = pageUrl === undefined ? "" : ` (the chat page asks for it: ${pageUrl})`;
    // As with the generated key: past the log, which redacts secrets.
    if (file.created)
      showSecret(`Token of the agent, shown once: ${file.token}${hint}`, { dataDir, name: agentTokenName, log });
    return file;
  }

  const byToken = () => giveToken().token;
  return {
    agent: byToken,
    mcp: byToken,
    announce(url) {
      pageUrl = `${url}${agentTabPath}`;
      if (giveToken().created) return;
      log.info("The agent needs the token that was generated earlier", { dataDir, file: agentTokenName });
    },
  };
}
