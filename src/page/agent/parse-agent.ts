// The agent's JSON made into the page's types, under the same rule as elsewhere: what is of another type counts as missing.

import { fieldsOf, listOf, numberOf, textOf, textsOf } from "../fields.ts";
import type { Call, Pending, RunResult } from "./run.ts";
import type { Command, Risk, Service, ServiceState } from "./services.ts";

export function parseRunResult(body: unknown): RunResult {
  const fields = fieldsOf(body);
  return {
    isDone: fields["success"] === true,
    totalMs: numberOf(fields["totalExecutionTime"]) ?? 0,
    calls: parseCalls(fields["results"]),
    answer: textOf(fields["answer"]),
    question: fields["needsClarification"] === true ? (textOf(fields["clarificationQuestion"]) ?? "") : undefined,
    pending: parsePending(fields["pending"]),
    sessionId: textOf(fields["session_id"]) ?? "",
  };
}

function parseCalls(value: unknown): Call[] {
  return listOf(value).map((fields) => ({
    service: textOf(fields["service"]) ?? "",
    command: textOf(fields["command"]) ?? "",
    isDone: fields["success"] === true,
    arguments: fields["arguments"],
    result: fields["result"],
    error: textOf(fields["error"]),
    durationMs: numberOf(fields["durationMs"]) ?? 0,
  }));
}

export function parsePending(value: unknown): Pending | undefined {
  const fields = fieldsOf(value);
  const id = textOf(fields["confirmation_id"]);
  if (id === undefined) return undefined;
  const { message, schema } = fieldsOf(fields["question"]);
  return {
    id,
    commands: listOf(fields["commands"]).map((command) => ({
      service: textOf(command["service"]) ?? "",
      command: textOf(command["command"]) ?? "",
      arguments: command["arguments"] ?? {},
    })),
    isDestructive: fields["risk"] !== "write",
    expiresAtMs: numberOf(fields["expires_at"]) ?? 0,
    question: fields["question"] === undefined ? undefined : { message: textOf(message) ?? "", schema: schema ?? {} },
  };
}

const states: Readonly<Record<string, ServiceState>> = {
  idle: "idle",
  connecting: "connecting",
  ready: "ready",
  failed: "failed",
  disabled: "disabled",
};

const risks: Readonly<Record<string, Risk>> = {
  read: "read",
  write: "write",
  destructive: "destructive",
  denied: "denied",
};

export function parseServices(body: unknown): Service[] {
  return listOf(fieldsOf(body)["services"]).map((fields) => ({
    name: textOf(fields["name"]) ?? "Service",
    state: fields["needsSignIn"] === true ? "unsigned" : (states[textOf(fields["state"]) ?? ""] ?? "idle"),
    error: textOf(fields["error"]),
    commands: listOf(fields["commands"]).map((command): Command => ({
      name: textOf(command["name"]) ?? "",
      description: textOf(command["description"]) ?? "",
      risk: risks[textOf(command["risk"]) ?? ""] ?? "destructive",
    })),
  }));
}

export function parseExamples(body: unknown): string[] {
  return textsOf(fieldsOf(body)["examples"]);
}
