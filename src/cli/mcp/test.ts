// qwen-gateway mcp test: connects to tool servers and shows what they offer, how risky they say it is, and how long it took.

import { cleanLine } from "../../agent/mcp/clean-text.ts";
import type { SignInVault } from "../../agent/mcp/sign-in/sign-in-vault.ts";
import { takesSignIn } from "../../agent/mcp/sign-in/takes-sign-in.ts";
import type { AgentTool, ToolHints } from "../../agent/tools.ts";
import type { Config } from "../../config/config-schema.ts";
import type { ToolServerSettings } from "../../config/mcp-servers.ts";
import { silentLog } from "../../telemetry/log.ts";
import type { Command, CommandContext, ExitCode } from "../command.ts";
import { describeTarget, findServer, loadConfiguredServers, mcpFlags, noServers } from "./configured-servers.ts";
import { readUser, userFlag, withSignInsIfAny } from "./sign-ins.ts";

/** A first `npx` may have a package to load. */
const connectTimeoutMs = 60_000;
/** Of what its process wrote to its standard error. */
const maxErrorLines = 10;

export function testCommand(): Command {
  return {
    name: "mcp test",
    summary: "Connects to the tool servers, or to one, and shows their tools with risks and times",
    example: "qwen-gateway mcp test files",
    flags: [{ name: "name", value: "NAME", description: "Which one (default: all)" }, userFlag, ...mcpFlags()],
    operand: "name",
    notes:
      "Behind each tool stands what its server says of it: reads, adds, overwrites, or nothing. The agent asks before\n" +
      "it overwrites, and before it does what nothing is said of unless its name tells. No tool is called.",
    async run(flags, context) {
      const { config, servers } = loadConfiguredServers(flags, context);
      const name = flags["name"];
      const chosen = name === undefined ? servers.filter(({ isDisabled }) => !isDisabled) : [findServer(servers, name)];
      if (chosen.length === 0) {
        context.print(servers.length === 0 ? noServers : "All tool servers are disabled");
        return 0;
      }
      const tryAll = async (vault: SignInVault | undefined): Promise<ExitCode> => {
        let failures = 0;
        for (const server of chosen) {
          const user = server.isShared ? undefined : readUser(server, flags["user"], config);
          if (!(await tryServer(server, config, context, vault, user))) failures += 1;
        }
        return failures === 0 ? 0 : 1;
      };
      const canWantSignIn = chosen.some(({ target }) => target.kind !== "stdio" && takesSignIn(target));
      return canWantSignIn ? await withSignInsIfAny(config, tryAll) : await tryAll(undefined);
    },
  };
}

async function tryServer(
  server: ToolServerSettings,
  config: Config,
  context: CommandContext,
  signIns: SignInVault | undefined,
  user = "mcp-test",
): Promise<boolean> {
  // Loaded here: no other command needs it.
  const { createToolServers } = await import("../../agent/mcp/tool-servers.ts");
  const errorLines: string[] = [];
  const servers = createToolServers({
    servers: [{ ...server, isDisabled: false }],
    // So that a second question is asked, whose time is the list's alone.
    cacheMs: 0,
    callTimeoutMs: config.mcpCallTimeoutMs,
    connectTimeoutMs,
    discoverWaitMs: connectTimeoutMs,
    clock: Date.now,
    log: silentLog,
    environment: context.environment,
    ...(signIns === undefined ? {} : { signIns }),
    onErrorLine(_name, line) {
      errorLines.push(line);
      if (errorLines.length > maxErrorLines) errorLines.shift();
    },
  });
  try {
    const { signal } = new AbortController();
    context.print(`Tool server "${server.name}" (${describeTarget(server)})`);
    const startedAtMs = performance.now();
    await servers.discover(user, signal);
    const connectedAtMs = performance.now();
    const [first] = servers.views(user);
    if (first === undefined || first.state !== "ready") {
      context.print(`  failed  ${first?.error ?? "it cannot be reached"}`);
      for (const line of errorLines) context.print(`          | ${line}`);
      return false;
    }
    const tools = await servers.discover(user, signal);
    const listedAtMs = performance.now();
    const ms = (from: number, to: number): string => `${Math.round(to - from)} ms`;
    context.print(`  ok      connected over ${first.transport} in ${ms(startedAtMs, connectedAtMs)}`);
    context.print(
      `  ok      ${tools.length} ${tools.length === 1 ? "tool" : "tools"} in ${ms(connectedAtMs, listedAtMs)}`,
    );
    for (const line of describeTools(tools)) context.print(`          ${line}`);
    return true;
  } finally {
    await servers.close();
  }
}

const maxNameWidth = 32;

function describeTools(tools: readonly AgentTool[]): string[] {
  const width = Math.min(maxNameWidth, Math.max(...tools.map(({ name }) => name.length)));
  return tools.map(({ name, hints, description }) => {
    const risk = describeHints(hints).padEnd(10);
    return `${name.padEnd(width)}  ${risk}  ${cleanLine(description, 70)}`.trimEnd();
  });
}

/** In the words of the protocol a tool that is not read-only is destructive unless it says that it only adds. */
function describeHints({ readOnly, destructive }: ToolHints): string {
  if (readOnly === true) return "reads";
  if (destructive === false) return "adds";
  return readOnly === undefined && destructive === undefined ? "says none" : "overwrites";
}
