// qwen-gateway mcp logout: forgets a sign-in at a tool server, and tells its authorization server where that can be told.

import { revokeTokens } from "../../agent/mcp/sign-in/revoke-tokens.ts";
import { signInId } from "../../agent/mcp/sign-in/sign-in-vault.ts";
import { type Command, UsageError } from "../command.ts";
import { findServer, loadConfiguredServers, mcpFlags } from "./configured-servers.ts";
import { readUser, userFlag, withSignIns } from "./sign-ins.ts";

export function logoutCommand(): Command {
  return {
    name: "mcp logout",
    summary: "Forgets the sign-in at a tool server (MCP), and revokes its tokens where that can be done",
    example: "qwen-gateway mcp logout calendar",
    flags: [{ name: "name", value: "NAME", description: "Which server" }, userFlag, ...mcpFlags()],
    operand: "name",
    run(flags, context) {
      const { config, servers } = loadConfiguredServers(flags, context);
      const name = flags["name"];
      if (name === undefined) throw new UsageError("Cannot sign out: name the tool server");
      const server = findServer(servers, name);
      const id = signInId(name, readUser(server, flags["user"], config));
      return withSignIns(config, context, async (vault) => {
        const { record } = await vault.find(id);
        await vault.remove(id);
        if (record === undefined) {
          context.print(`Nobody has signed in to tool server "${name}"`);
          return 0;
        }
        const isRevoked = record !== "locked" && (await revokeTokens(record, context.environment));
        const more = isRevoked ? "; its tokens were taken back" : "";
        context.print(`Signed out of tool server "${name}"${more}`);
        return 0;
      });
    },
  };
}
