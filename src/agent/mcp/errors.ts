// What went wrong with a tool server, in sentences that name it and hold nothing of what it said or was given.

import { existsSync } from "node:fs";
import type { ToolServerSettings } from "../../config/mcp-servers.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { isTimeout } from "../../contract/thrown.ts";
import { ConnectError } from "./connection.ts";
import { transportCodeOf } from "./mcp-sdk.ts";

export function connectFailure(server: ToolServerSettings, error: unknown, limitMs: number): GatewayError {
  if (error instanceof GatewayError) return error;
  const verb = server.target.kind === "stdio" ? "start" : "reach";
  const [kind, reason] = connectReason(server, error, limitMs);
  return new GatewayError(kind, `Cannot ${verb} tool server "${server.name}": ${reason}`, {
    cause: error,
    upstream: server.name,
    retryable: true,
  });
}

type Reason = readonly [kind: "upstream-failed" | "upstream-auth" | "upstream-timeout", reason: string];

function connectReason({ target }: ToolServerSettings, error: unknown, limitMs: number): Reason {
  if (isTimeout(error)) return ["upstream-timeout", `it did not answer within ${seconds(limitMs)}`];
  const failure = error instanceof ConnectError ? error : new ConnectError(undefined, error);
  const { code, ending, cause } = failure;
  if (target.kind === "stdio") {
    if (code === "ENOENT" && target.cwd !== undefined && !existsSync(target.cwd))
      return ["upstream-failed", `there is no folder "${target.cwd}"`];
    if (code === "ENOENT") return ["upstream-failed", `there is no command "${target.command}"`];
    if (code === "EACCES") return ["upstream-failed", `"${target.command}" may not be executed`];
    if (ending !== undefined) return ["upstream-failed", `its process ${ending}`];
  }
  if (ending !== undefined) return ["upstream-failed", `it ${ending}`];
  return (
    authorizationReason(cause) ??
    statusReason(code) ??
    networkReason(code) ?? ["upstream-failed", protocolReason(cause)]
  );
}

/** By the marks of the SDK's errors. */
function authorizationReason(cause: unknown): Reason | undefined {
  if (!(cause instanceof Error)) return undefined;
  if ("errorCode" in cause) return ["upstream-auth", "its authorization server refused the client id and secret"];
  if (/bound to authorization server/.test(cause.message))
    return ["upstream-auth", "it names another authorization server than the settings do"];
  if (cause.name === "UnauthorizedError") return ["upstream-auth", "it needs an authorization that was not given"];
  return undefined;
}

function statusReason(code: unknown): Reason | undefined {
  if (typeof code !== "number" || code < 100 || code > 599) return undefined;
  if (code === 401 || code === 403)
    return ["upstream-auth", `it refused the credentials with HTTP ${code}; check its headers`];
  return ["upstream-failed", `it answered HTTP ${code}`];
}

const networkReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there",
  ConnectionRefused: "nobody listens there",
  ENOTFOUND: "its host has no address",
  ECONNRESET: "the connection was reset",
  ConnectionClosed: "the connection was closed",
  FailedToOpenSocket: "nobody listens there",
};

function networkReason(code: unknown): Reason | undefined {
  const reason = typeof code === "string" ? networkReasons[code] : undefined;
  return reason === undefined ? undefined : ["upstream-failed", reason];
}

function protocolReason(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : "";
  if (/protocol version is not supported/.test(message)) return "it speaks a version of MCP that is not known here";
  if (cause instanceof Error && cause.name === "UnauthorizedError")
    return "it needs an authorization that was not given";
  return "it does not answer as an MCP server";
}

/** Of a connection that was there. */
export function endedServer({ name, target }: ToolServerSettings, ending: string | undefined): GatewayError {
  const what = target.kind === "stdio" ? "its process" : "it";
  return failure(name, `${what} ${ending ?? (target.kind === "stdio" ? "has ended" : "has closed the connection")}`);
}

export function callExpired(server: string, tool: string, limitMs: number, cause: unknown): GatewayError {
  const message = `Cannot finish "${tool}" of tool server "${server}": no answer within ${seconds(limitMs)}`;
  return new GatewayError("upstream-timeout", message, { cause, upstream: server });
}

export function callFailed({ name }: ToolServerSettings, error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const code = transportCodeOf(error);
  const [kind, reason] =
    statusReason(code) ?? networkReason(code) ?? (["upstream-failed", "it does not answer as an MCP server"] as const);
  return new GatewayError(kind, `Cannot use tool server "${name}": ${reason}`, { cause: error, upstream: name });
}

export function failure(name: string, reason: string, cause?: unknown): GatewayError {
  return new GatewayError("upstream-failed", `Cannot use tool server "${name}": ${reason}`, { cause, upstream: name });
}

function seconds(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${Math.round(ms / 100) / 10} s`;
}
