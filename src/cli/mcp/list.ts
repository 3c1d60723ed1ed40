// qwen-gateway mcp list: which tool servers there are. Starts none, shows no secret.

import type { Command } from "../command.ts";
import { describeTarget, loadConfiguredServers, mcpFlags, noServers } from "./configured-servers.ts";

export function listCommand(): Command {
  return {
    name: "mcp list",
    summary: "Lists the tool servers (MCP) of the agent; none is started, secrets are not shown",
    example: "qwen-gateway mcp list",
    flags: mcpFlags(),
    async run(flags, context) {
      const { servers } = loadConfiguredServers(flags, context);
      if (servers.length === 0) {
        context.print(noServers);
        return 0;
      }
      const rows = servers.map((server) => [
        server.name,
        server.target.kind === "any-http" ? "http" : server.target.kind,
        describeTarget(server),
        server.isDisabled ? "disabled" : server.isShared ? "for all users" : "one for each user",
      ]);
      const all = [["NAME", "TRANSPORT", "TARGET", "USE"], ...rows];
      const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
      for (const row of all) {
        const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
        context.print(cells.join("  ").trimEnd());
      }
      return 0;
    },
  };
}
