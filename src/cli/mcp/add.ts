// qwen-gateway mcp add: writes a tool server into the config file, as other clients have it. Asks nothing, starts nothing.

import { loadConfig } from "../../config/load-config.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { type Command, type CommandContext, type ExitCode, type FlagValues, UsageError } from "../command.ts";
import { ChangedMeanwhileError, describeUnwritable, openConfigFile, writeConfigFile } from "../setup/config-file.ts";
import { editYaml } from "../setup/edit-yaml.ts";

export function addCommand(): Command {
  return {
    name: "mcp add",
    summary: "Writes a tool server (MCP) into the config file, or replaces the one of that name",
    example: "qwen-gateway mcp add files -- npx -y @modelcontextprotocol/server-filesystem /home/ann/notes",
    flags: [
      { name: "name", value: "NAME", description: "What it is called" },
      { name: "url", value: "URL", description: "Its address, in place of a command" },
      { name: "type", value: "TYPE", description: "http or sse (default: whichever it speaks)" },
      {
        name: "header",
        value: "NAME: TEXT",
        description: "Sent to its address; may be given several times",
        repeats: true,
      },
      { name: "env", value: "NAME=TEXT", description: "For its process; may be given several times", repeats: true },
      { name: "per-user", description: "A connection for each user in place of one for all" },
      { name: "config", value: "FILE", description: "The file (default: the one that serve reads by itself)" },
    ],
    operand: "name",
    rest: "COMMAND ARGUMENTS",
    notes:
      "By address:\n" +
      `  qwen-gateway mcp add calendar --url https://calendar.example.com/mcp --header 'Authorization: Bearer \${CALENDAR_TOKEN}'\n` +
      `\${NAME} is read from the environment when the gateway starts; so no secret stands in the file, nor in this command.\n` +
      "A file of another client is used as it is by --mcp-config FILE or MCP_CONFIG.",
    run: async (flags, context, rest) => add(flags, context, rest),
  };
}

function add(flags: FlagValues, context: CommandContext, rest: readonly string[]): ExitCode {
  const name = flags["name"];
  if (name === undefined || !/^[A-Za-z0-9_.-]{1,64}$/.test(name))
    throw new UsageError(
      "Cannot add a tool server: name it first, by 1 to 64 letters, digits, dots, hyphens and underscores",
    );
  const server = readServer(flags, rest);
  const file = openConfigFile(flags["config"], context.environment);
  const key = file.content["mcpServers"] === undefined ? "mcp_servers" : "mcpServers";
  const before = readWritten(file.content[key]);
  if (Bun.deepEquals(before[name], server)) {
    context.print(`${file.path} has these settings already`);
    return 0;
  }
  const { text, losesText } = editYaml(file.text, new Map([[key, { ...before, [name]: server }]]));
  // Also what the flags gave must be a setting that serve takes.
  loadConfig({ environment: {}, flags: {}, file: { path: file.path, text } });
  try {
    const { copy } = writeConfigFile(file, text, file.text !== undefined && losesText ? "copy" : "no-copy", Date.now());
    context.print(`${Object.hasOwn(before, name) ? "Replaced" : "Added"} tool server "${name}" in ${file.path}`);
    if (copy !== undefined) context.print(`As it was before: ${copy}`);
  } catch (error) {
    const isChanged = error instanceof ChangedMeanwhileError;
    const sentence = isChanged
      ? "Nothing was written: somebody else has changed the file meanwhile; run it again"
      : describeUnwritable(error, file.path);
    if (sentence === undefined) throw error;
    context.complain(sentence);
    return 1;
  }
  context.print(`Try it: qwen-gateway mcp test ${name}${file.isDefault ? "" : ` --config ${file.path}`}`);
  return 0;
}

/** As the file has them; it went through the loader before. */
function readWritten(written: unknown): JsonObject {
  const servers: unknown = typeof written === "string" ? JSON.parse(written) : written;
  return isJsonObject(servers) ? servers : {};
}

function readServer(flags: FlagValues, [command, ...args]: readonly string[]): JsonObject {
  const { url, type } = flags;
  const shared = flags["per-user"] === "true" ? { shared: false } : {};
  if (url !== undefined) {
    if (command !== undefined) throw new UsageError("Cannot use --url together with a command");
    if (flags["env"] !== undefined) throw new UsageError("Cannot use --env together with --url: use --header");
    if (type !== undefined && type !== "http" && type !== "sse")
      throw new UsageError("Cannot use --type: it must be http or sse");
    const headers = readPairs(flags["header"], "header", ":");
    return { ...(type === undefined ? {} : { type }), url, ...(headers === undefined ? {} : { headers }), ...shared };
  }
  if (command === undefined)
    throw new UsageError("Cannot add a tool server: give its command behind --, or its address by --url");
  if (flags["header"] !== undefined || type !== undefined)
    throw new UsageError(`Cannot use --${type === undefined ? "header" : "type"} without --url`);
  const env = readPairs(flags["env"], "env", "=");
  return { command, ...(args.length === 0 ? {} : { args }), ...(env === undefined ? {} : { env }), ...shared };
}

/** @throws {UsageError} that does not show the text, which may be a secret */
function readPairs(given: string | undefined, flag: string, sign: string): Record<string, string> | undefined {
  if (given === undefined) return undefined;
  const pairs = given.split("\n").map((line) => {
    const at = line.indexOf(sign);
    const name = line.slice(0, at).trim();
    if (at < 1 || !/^[\w.-]+$/.test(name))
      throw new UsageError(`Cannot use --${flag}: it must be a name, "${sign}" and a text`);
    return [name, line.slice(at + 1).trim()] as const;
  });
  return Object.fromEntries(pairs);
}
