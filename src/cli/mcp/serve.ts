// qwen-gateway mcp serve: the gateway as an MCP server on standard input and output, for clients that start their servers.

import { ConfigError } from "../../config/config-error.ts";
import { maxFetches } from "../../config/max-fetches.ts";
import { version } from "../../config/version.ts";
import { randomId } from "../../contract/random-id.ts";
import { createLog } from "../../telemetry/create-log.ts";
import type { Command } from "../command.ts";
import { configFlags, loadCommandConfig } from "../config-flags.ts";
import { tellStartError } from "../describe-start-error.ts";
import { awaitStopSignal } from "../stop-signals.ts";

/** The caller of a keyless gateway: who starts a process is its user. */
const caller = "local";

export function serveCommand(): Command {
  return {
    name: "mcp serve",
    summary: "Serves Qwen, documents, conversations and the agent as MCP tools on standard input and output",
    example: "qwen-gateway mcp serve",
    flags: configFlags(),
    notes:
      'For clients that start their tool servers: {"mcpServers":{"qwen":{"command":"qwen-gateway","args":["mcp","serve"]}}}\n' +
      "A gateway that runs offers the same at /mcp. Standard output is the protocol's; the log is on standard error.",
    async run(flags, context) {
      const { config, environment } = loadCommandConfig(flags, context);
      const log = createLog({ level: config.logLevel, format: config.logFormat });
      try {
        const { createApp } = await import("../../app.ts");
        const app = await createApp(config, { log, environment, maxFetches: maxFetches(context.environment) });
        try {
          const { createOwnServer } = await import("../../agent/own-server.ts");
          const { readOwnLines } = await import("../../agent/own-message.ts");
          const { StdioServerTransport } = await import("@modelcontextprotocol/sdk/server/stdio.js");
          const tools = await app.ownTools();
          const server = createOwnServer({ version, tools }, () => ({ caller, requestId: `req_${randomId()}` }));
          const input = readOwnLines(process.stdin);
          const closed = new Promise<void>((resolve) => {
            server.onclose = resolve;
            // The transport does not look for the end of its input, which is how a client ends its server.
            input.once("end", resolve);
            // A client that is gone reads nothing more, and hears of nothing.
            process.stdout.once("error", resolve);
          });
          await server.connect(new StdioServerTransport(input));
          await Promise.race([closed, awaitStopSignal(process, () => process.exit(1))]);
          await server.close();
          process.stdin.unpipe(input).pause();
          return 0;
        } finally {
          await app.stop();
        }
      } catch (error) {
        if (error instanceof ConfigError) throw error;
        context.complain(tellStartError(error, config, log, "Cannot serve"));
        return 1;
      }
    },
  };
}
