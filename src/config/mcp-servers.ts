// The tool servers out of the settings and of the file that another client may have written, checked and merged.

import { Check } from "typebox/schema";
import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { toolServerSchema } from "./agent-settings.ts";
import { ConfigError } from "./config-error.ts";
import type { Config } from "./config-schema.ts";
import type { Environment } from "./load-config.ts";
import { readSettingsFile } from "./settings-file.ts";

export interface ToolServerProcess {
  readonly kind: "stdio";
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
}

export interface ToolServerAddress {
  /** `any-http`: streamable HTTP, or else the older form. */
  readonly kind: "http" | "sse" | "any-http";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly oauth: ToolServerOauth | undefined;
  /** What is known of a sign-in by a browser beforehand. Without it everything is found out. */
  readonly signIn?: ToolServerSignIn | undefined;
}

/** How a person signs in there (`mcp login`). */
export interface ToolServerSignIn {
  /** Undefined: the gateway registers itself. */
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  /** The only authorization server that is believed. */
  readonly issuer: string | undefined;
  readonly scope: string | undefined;
  /** Where the browser comes back to, of a client that was registered with it. */
  readonly callbackPort: number | undefined;
}

/** Client credentials, for a token without a browser. */
export interface ToolServerOauth {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The only authorization server that gets the secret. */
  readonly issuer: string;
  readonly scope: string | undefined;
}

export interface ToolServerSettings {
  readonly name: string;
  readonly target: ToolServerProcess | ToolServerAddress;
  readonly isDisabled: boolean;
  /** One connection for all users, or one each. */
  readonly isShared: boolean;
  /** Longest wait for one call. */
  readonly callTimeoutMs: number | undefined;
  /** Which of its tools are used at all. Absent: every one. */
  readonly toolChoice?: ToolChoiceSettings;
}

export interface ToolChoiceSettings {
  /** Undefined: all that are not among the others. */
  readonly only: readonly string[] | undefined;
  readonly without: readonly string[];
}

export type ToolServerConfig = Pick<Config, "mcpServers" | "mcpConfig">;

const namePattern = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * In the order of the file and then of the settings, which have the last word on a name.
 * @throws {ConfigError} that names servers, fields and variables, never what they hold
 */
export function loadToolServers(config: ToolServerConfig, environment: Environment): readonly ToolServerSettings[] {
  const problems: string[] = [];
  const entries = new Map<string, { readonly entry: unknown; readonly where: string; readonly written: string }>();
  function add(written: string, entry: unknown, where: string): void {
    const name = plainName(written);
    const same = entries.get(name);
    if (same?.where === where) {
      const others = `${quoteName(same.written)} and ${quoteName(written)}`;
      problems.push(`Cannot use tool servers ${others}${where}: both would be called ${quoteName(name)} here`);
    }
    entries.set(name, { entry, where, written });
  }
  if (config.mcpConfig !== undefined) {
    const where = ` in "${config.mcpConfig}"`;
    for (const [name, entry] of readFile(config.mcpConfig)) add(name, entry, where);
  }
  for (const [name, entry] of Object.entries(config.mcpServers ?? {})) add(name, entry, "");
  const servers = [...entries].flatMap(([name, { entry, where, written }]) => {
    const read = readServer(name, entry, environment);
    if (typeof read !== "string") return [read];
    problems.push(`Cannot use tool server ${quoteName(written)}${where}: ${read}`);
    return [];
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return servers;
}

/** Other clients take any name: "Figma Desktop" is Figma-Desktop here, where rules and commands name servers, too. */
function plainName(written: string): string {
  return written
    .replaceAll(/[^A-Za-z0-9_.-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 64);
}

function quoteName(name: string): string {
  return `"${name.slice(0, 64)}"`;
}

/** Both forms: `mcpServers` of most clients, `servers` of VS Code. */
function readFile(path: string): readonly [string, unknown][] {
  // Not told: keys of servers may stand in it.
  if (/^\s*\{/.test(path)) {
    const reason = "it holds JSON, and must be the path of a file; MCP_SERVERS takes an object of servers by name";
    throw new ConfigError([`Cannot use MCP_CONFIG: ${reason}`]);
  }
  const file = readSettingsFile(path);
  const content = "text" in file ? parseText(file.text) : undefined;
  if (content === undefined) {
    throw new ConfigError([`Cannot read MCP_CONFIG "${path}": ${"reason" in file ? file.reason : "it is not JSON"}`]);
  }
  const servers = isJsonObject(content) ? (content["mcpServers"] ?? content["servers"]) : undefined;
  if (!isJsonObject(servers))
    throw new ConfigError([`Cannot use MCP_CONFIG "${path}": it has no object "mcpServers" or "servers"`]);
  return Object.entries(servers);
}

/** VS Code's may have comments. Undefined: it is no JSON. */
function parseText(text: string): unknown {
  try {
    return Bun.JSONC.parse(text);
  } catch {
    return undefined;
  }
}

/** A text says what is wrong with it. */
function readServer(name: string, entry: unknown, environment: Environment): ToolServerSettings | string {
  if (!namePattern.test(name)) return "its name must hold letters or digits of ASCII";
  if (!isJsonObject(entry)) return "it must be an object";
  const fields: Record<string, unknown> = { ...entry };
  // What only other clients understand must not fail for a form of theirs.
  for (const key of Object.keys(fields)) if (fields[key] === null) delete fields[key];
  // As Windsurf and Gemini CLI call it.
  fields["url"] ??= fields["serverUrl"] ?? fields["httpUrl"];
  const wrong = wrongField(fields);
  if (wrong !== undefined) return `wrong "${wrong}"`;
  // Checked just now; a schema of its own would only say so once more.
  const { command, url, type, disabled, enabled, shared } = fields as CheckedFields;
  const isDisabled = disabled ?? enabled === false;
  const expanded = isDisabled ? fields : expandFields(fields, environment);
  if (typeof expanded === "string") return expanded;
  const { command: program, args, env, cwd, url: address, headers } = expanded as CheckedFields;
  const common = {
    name,
    isDisabled,
    isShared: shared ?? true,
    callTimeoutMs: readTimeoutMs(fields as CheckedFields),
    ...readToolChoice(fields as CheckedFields),
  };
  if (command !== undefined && url !== undefined && type === undefined) return `it has both "command" and "url"`;
  if (type === "stdio" || (type === undefined && command !== undefined)) {
    if (program === undefined) return `no "command"`;
    return { ...common, target: { kind: "stdio", command: program, args: args ?? [], env: env ?? {}, cwd } };
  }
  if (address === undefined) return type === undefined ? `no "command" or "url"` : `no "url"`;
  if (!isDisabled && !isHttpUrl(address)) return `wrong "url"`;
  const kind = type === undefined ? "any-http" : type === "sse" ? "sse" : "http";
  const access = readOauth(expanded["oauth"]);
  if (typeof access === "string") return access;
  return { ...common, target: { kind, url: address, headers: headers ?? {}, ...access } };
}

type Access = Pick<ToolServerAddress, "oauth" | "signIn">;

/** In both spellings that other clients have. With a secret nobody has to sign in, unless it says so. */
function readOauth(written: unknown): Access | string {
  if (!isJsonObject(written)) return { oauth: undefined };
  const field = (camel: string, snake: string): string | undefined => {
    const value = written[camel] ?? written[snake];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const clientId = field("clientId", "client_id");
  const clientSecret = field("clientSecret", "client_secret");
  const issuer = field("issuer", "issuer");
  const scope = field("scope", "scope");
  const grant = field("grant", "grant_type") ?? (clientSecret === undefined ? byBrowser : byClient);
  if (grant !== byBrowser && grant !== byClient) return `"oauth" has a wrong "grant": ${byBrowser} or ${byClient}`;
  if (issuer !== undefined ? !isHttpUrl(issuer) : clientId !== undefined && clientSecret !== undefined)
    return `"oauth" needs "issuer", the address of the one authorization server that may get its secret`;
  if (grant === byBrowser) {
    const port = written["callbackPort"] ?? written["callback_port"];
    const callbackPort =
      typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
    return { oauth: undefined, signIn: { clientId, clientSecret, issuer, scope, callbackPort } };
  }
  if (clientId === undefined || clientSecret === undefined || issuer === undefined) return { oauth: undefined };
  return { oauth: { clientId, clientSecret, issuer, scope } };
}

const byBrowser = "authorization_code";
const byClient = "client_credentials";

interface CheckedFields {
  readonly command?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly type?: "stdio" | "http" | "streamable-http" | "streamableHttp" | "sse";
  readonly disabled?: boolean;
  readonly enabled?: boolean;
  readonly timeout?: number;
  readonly timeout_ms?: number;
  readonly tool_timeout_sec?: number;
  readonly shared?: boolean;
  readonly includeTools?: readonly string[];
  readonly enabled_tools?: readonly string[];
  readonly excludeTools?: readonly string[];
  readonly disabledTools?: readonly string[];
  readonly disabled_tools?: readonly string[];
}

/** What a user has taken from the agent elsewhere must not come back by being pasted here. */
function readToolChoice(fields: CheckedFields): Pick<ToolServerSettings, "toolChoice"> {
  const only = fields.includeTools ?? fields.enabled_tools;
  const { excludeTools = [], disabledTools = [], disabled_tools = [] } = fields;
  const without = [...excludeTools, ...disabledTools, ...disabled_tools];
  return only === undefined && without.length === 0 ? {} : { toolChoice: { only, without } };
}

/**
 * Cline and Roo Code write seconds, up to an hour; Claude Code, Gemini CLI and Qwen Code milliseconds, which nobody sets
 * below that number: a tool that must answer within 3.6 s. So the number says what it is.
 */
const mostSeconds = 3600;

function readTimeoutMs({ timeout, timeout_ms, tool_timeout_sec }: CheckedFields): number | undefined {
  if (timeout_ms !== undefined) return timeout_ms;
  if (tool_timeout_sec !== undefined) return Math.ceil(tool_timeout_sec * 1000);
  return timeout === undefined || timeout > mostSeconds ? timeout : Math.ceil(timeout * 1000);
}

function wrongField(fields: JsonObject): string | undefined {
  return Object.entries(toolServerSchema.properties).find(([key, schema]) => {
    const value = fields[key];
    return value !== undefined && !Check(schema, value);
  })?.[0];
}

function isHttpUrl(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

const expandedFields = ["command", "args", "env", "cwd", "url", "headers", "oauth"];

function expandFields(fields: JsonObject, environment: Environment): JsonObject | string {
  const expanded: Record<string, unknown> = { ...fields };
  for (const field of expandedFields) {
    let missing: string | undefined;
    const expand = (text: unknown): unknown =>
      typeof text === "string"
        ? text.replaceAll(variablePattern, (whole, name: string, fallback: string | undefined) => {
            const value = environment[name.replace(/^env:/, "")];
            // As shells have it: ":-" also stands in for an empty value.
            const found = fallback === undefined ? value : value || fallback;
            if (found === undefined) missing ??= name;
            return found ?? whole;
          })
        : text;
    const value = fields[field];
    if (Array.isArray(value)) expanded[field] = value.map(expand);
    else if (isJsonObject(value))
      expanded[field] = Object.fromEntries(Object.entries(value).map(([key, text]) => [key, expand(text)]));
    else expanded[field] = expand(value);
    if (missing?.startsWith("input:")) return `"${field}" asks for \${${missing}}, which only an editor can fill in`;
    if (missing !== undefined) return `"${field}" needs the environment variable ${missing.replace(/^env:/, "")}`;
  }
  return expanded;
}

const variablePattern = /\$\{((?:env:|input:)?[A-Za-z_][\w-]*)(?::-([^}]*))?\}/g;
