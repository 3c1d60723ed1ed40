// qwen-gateway mcp list: which tool servers there are. Starts none, shows no secret.

import type { KeptSignIn, SignInVault } from "../../agent/mcp/sign-in/sign-in-vault.ts";
import { takesSignIn } from "../../agent/mcp/sign-in/takes-sign-in.ts";
import type { ToolServerSettings } from "../../config/mcp-servers.ts";
import type { Command } from "../command.ts";
import { table } from "../table.ts";
import { describeTarget, loadConfiguredServers, mcpFlags, noServers } from "./configured-servers.ts";
import { describeKept, hasSignIns, withSignInsIfAny } from "./sign-ins.ts";

export function listCommand(): Command {
  return {
    name: "mcp list",
    summary: "Lists the tool servers (MCP) of the agent; none is started, secrets are not shown",
    example: "qwen-gateway mcp list",
    flags: mcpFlags(),
    async run(flags, context) {
      const { config, servers } = loadConfiguredServers(flags, context);
      if (servers.length === 0) {
        context.print(noServers);
        return 0;
      }
      const rows = (signIns: readonly string[]) =>
        servers.map((server, index) => [
          server.name,
          server.target.kind === "any-http" ? "http" : server.target.kind,
          describeTarget(server),
          server.isDisabled ? "disabled" : server.isShared ? "for all users" : "one for each user",
          signIns[index] ?? "",
        ]);
      const show = (signIns: readonly string[]): void => {
        const head = ["NAME", "TRANSPORT", "TARGET", "USE", signIns.some((one) => one !== "") ? "SIGN-IN" : ""];
        for (const line of table([head, ...rows(signIns)])) context.print(line);
      };
      // Nothing that is kept is looked at where no server can want it.
      if (!servers.some(({ target }) => target.kind !== "stdio" && takesSignIn(target))) show([]);
      else if (!hasSignIns(config)) show(servers.map((server) => describeKept(server, noSignIn, Date.now())));
      else
        return await withSignInsIfAny(config, async (vault) => {
          const cells: string[] = [];
          for (const server of servers) cells.push(await describeSignIns(server, vault));
          show(cells);
          return 0;
        });
      return 0;
    },
  };
}

const noSignIn: KeptSignIn = { revision: 0, record: undefined, isWanted: false };

/** Of a server with a connection for each user there may be many: they are counted. */
async function describeSignIns(server: ToolServerSettings, vault: SignInVault): Promise<string> {
  if (server.isShared) return describeKept(server, await vault.find(server.name), Date.now());
  const count = await vault.countUsers(server.name);
  return count === 0 ? "" : `${count} signed in`;
}
