// What the commands about tool servers share: the servers of the settings, and how one is shown without its secrets.

import { basename } from "node:path";
import type { Config } from "../../config/config-schema.ts";
import { loadToolServers, type ToolServerSettings } from "../../config/mcp-servers.ts";
import { type CommandContext, type Flag, type FlagValues, UsageError } from "../command.ts";
import { configFlags, loadCommandConfig, storeFlagNames } from "../config-flags.ts";

/** Sign-ins are kept where the gateway keeps its own. */
const settings = new Set([...storeFlagNames, "mcp-config", "mcp-servers", "mcp-call-timeout-ms"]);

export function mcpFlags(): readonly Flag[] {
  return configFlags().filter(({ name }) => settings.has(name));
}

export interface ConfiguredServers {
  readonly config: Config;
  readonly servers: readonly ToolServerSettings[];
}

/** @throws {ConfigError} that names what is wrong */
export function loadConfiguredServers(flags: FlagValues, context: CommandContext): ConfiguredServers {
  const ofSettings = Object.entries(flags).filter(([name]) => settings.has(name));
  const { config, environment } = loadCommandConfig(Object.fromEntries(ofSettings), context);
  return { config, servers: loadToolServers(config, environment) };
}

/** @throws {UsageError} that names those that there are */
export function findServer(servers: readonly ToolServerSettings[], name: string): ToolServerSettings {
  const found = servers.find((server) => server.name === name);
  if (found !== undefined) return found;
  const names = servers.map((server) => server.name).join(", ");
  throw new UsageError(
    `Cannot find this tool server: ${names === "" ? "there is none yet, qwen-gateway mcp add makes one" : `the servers are ${names}`}`,
  );
}

/** The program or the address: arguments, queries and passwords may be secrets. */
export function describeTarget({ target }: ToolServerSettings): string {
  if (target.kind === "stdio") return basename(target.command);
  if (!URL.canParse(target.url)) return "an address";
  const { origin, pathname } = new URL(target.url);
  return origin + pathname;
}

export const noServers = "No tool server yet. Add one: qwen-gateway mcp add files -- npx -y SERVER /folder";
