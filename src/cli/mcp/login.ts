// qwen-gateway mcp login: a person signs in at a tool server in their browser; the tokens are kept encrypted.

import { signIn } from "../../agent/mcp/sign-in/sign-in.ts";
import { signInId } from "../../agent/mcp/sign-in/sign-in-vault.ts";
import { takesSignIn } from "../../agent/mcp/sign-in/takes-sign-in.ts";
import type { ToolServerAddress, ToolServerSettings } from "../../config/mcp-servers.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { type Command, type CommandContext, UsageError } from "../command.ts";
import { numberFlag } from "../number-flag.ts";
import { findServer, loadConfiguredServers, mcpFlags } from "./configured-servers.ts";
import { openBrowser } from "./open-browser.ts";
import { describeSignIn, readUser, userFlag, withSignIns } from "./sign-ins.ts";

const defaultWaitSeconds = 300;
const mostWaitSeconds = 3600;

export function loginCommand(): Command {
  return {
    name: "mcp login",
    summary: "Signs in at a tool server (MCP) that needs it, in your browser, and keeps the tokens encrypted",
    example: "qwen-gateway mcp login calendar",
    flags: [
      { name: "name", value: "NAME", description: "Which server" },
      { name: "no-browser", description: "Print the link and open nothing" },
      { name: "scope", value: "TEXT", description: "The rights to ask for (default: what the server names)" },
      {
        name: "port",
        value: "NUMBER",
        description: "Where the browser comes back to on this machine (default: a free one)",
      },
      { name: "wait", value: "SECONDS", description: `Longest wait for you (default ${defaultWaitSeconds})` },
      userFlag,
      ...mcpFlags(),
    ],
    operand: "name",
    notes:
      "A running gateway of the same data directory uses it at once, and renews it by itself.\n" +
      "On a machine without a browser: open the link elsewhere, and paste the address that it ends on, which cannot be\n" +
      "reached there, into the terminal.",
    run(flags, context) {
      const { config, servers } = loadConfiguredServers(flags, context);
      const name = flags["name"];
      if (name === undefined) throw new UsageError("Cannot sign in: name the tool server");
      const server = findServer(servers, name);
      const target = requireSignIn(server);
      const user = readUser(server, flags["user"], config);
      const port = numberFlag(flags, "port", { least: 1, most: 65_535 });
      const waitMs = (numberFlag(flags, "wait", { least: 1, most: mostWaitSeconds }) ?? defaultWaitSeconds) * 1000;
      const id = signInId(name, user);
      return withSignIns(config, context, async (vault) => {
        const { record } = await vault.find(id);
        const late = AbortSignal.timeout(waitMs);
        try {
          const signed = await signIn({
            server: name,
            target,
            scope: flags["scope"],
            port,
            before: record === "locked" || record?.serverUrl !== target.url ? undefined : record,
            show: (address, take) => show(address, take, flags["no-browser"] === "true", context),
            environment: context.environment,
            signal: late,
            clock: Date.now,
          });
          await vault.put(id, signed);
          context.print(
            `Signed in to tool server "${name}" at ${new URL(signed.issuer).host}: ${describeSignIn(signed, Date.now())}`,
          );
          return 0;
        } catch (error) {
          if (!late.aborted && !(error instanceof GatewayError)) throw error;
          const sentence = late.aborted
            ? `Cannot sign in to tool server "${name}": nobody did so within ${waitMs / 1000} s`
            : (error as GatewayError).message;
          context.complain(sentence);
          return 1;
        }
      });
    },
  };
}

/** @throws {UsageError} when there is nothing to sign in for */
function requireSignIn({ name, target }: ToolServerSettings): ToolServerAddress {
  const quoted = `Cannot sign in to tool server "${name}"`;
  if (target.kind === "stdio")
    throw new UsageError(`${quoted}: it is a process of this machine, and gets what it needs by "env"`);
  if (target.oauth !== undefined)
    throw new UsageError(`${quoted}: its settings have a secret by which tokens are fetched`);
  if (!takesSignIn(target))
    throw new UsageError(`${quoted}: its settings have an Authorization header, which goes before`);
  return target;
}

function show(address: URL, take: (address: string) => boolean, isSilent: boolean, context: CommandContext): void {
  context.print(`Open this address to sign in:\n${address.href}`);
  if (!isSilent) openBrowser(address);
  if (context.questions?.isTerminal === true) void readPasted(take, context);
}

/** Of a browser that cannot reach this machine. Ends with the process. */
async function readPasted(take: (address: string) => boolean, context: CommandContext): Promise<void> {
  const lines = await context.questions?.open();
  for (;;) {
    const line = await lines?.readLine("Or paste the address that your browser ended on: ", { hidden: true });
    if (line === undefined || take(line.trim())) return;
    context.complain("This is not the answer to this sign-in");
  }
}
