// The token of the agent on a gateway without keys: made when it is first needed, kept in the data directory.

import { join } from "node:path";
import { loadOrCreateKey } from "./secret-file.ts";

export interface AgentTokenFile {
  readonly token: string;
  /** Made just now: the one time that it may be printed. */
  readonly created: boolean;
}

/** Name of the file in the data directory. */
export const agentTokenName = "agent-token";

/** @throws {ConfigError} when the file is there and holds no token; a system error when it cannot be written */
export function loadOrCreateAgentToken(dataDir: string): AgentTokenFile {
  const { secret, created } = loadOrCreateKey(
    join(dataDir, agentTokenName),
    () => `qg-agent-${crypto.getRandomValues(Buffer.alloc(24)).toString("base64url")}`,
  );
  return { token: secret, created };
}
