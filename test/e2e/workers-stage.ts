// A gateway of several workers, and conversations with it: over a connection to one of them, or over whichever takes it.

import { expect } from "bun:test";
import { parseChatStream } from "../support/sse-frames.ts";
import type { WorkerConnection } from "../support/worker-connections.ts";
import { startStage, type Stage, type StageOptions } from "./stage.ts";

export const count = 3;

export type Said = ReturnType<typeof user> | ReturnType<typeof assistant>;

export const user = (content: string) => ({ role: "user" as const, content });
export const assistant = (content: string) => ({ role: "assistant" as const, content });
export const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

export function startWorkers(options: StageOptions = {}): Promise<Stage> {
  return startStage({ ...options, environment: { WORKERS: String(count), ...options.environment } });
}

/** Process ids by the number of the worker, as they were at the start. */
export function pidsOf({ gateway }: Pick<Stage, "gateway">): readonly number[] {
  const line = gateway.output.find((one) => one.startsWith(`${count} workers: `)) ?? "";
  return line
    .slice(line.indexOf(":") + 1)
    .split(",")
    .map(Number);
}

/**
 * Turns that were not written within the quarter of a second that an answer's end may wait for it, as the log says: on a machine that has no time the next
 * turn may come before that, and tells everything anew.
 */
export function countSlowCommits(...gateways: readonly Pick<Stage["gateway"], "errors">[]): number {
  return gateways.flatMap(({ errors }) => errors).filter((line) => line.includes("the store is slow")).length;
}

/** One turn; the text of the answer. */
export async function chatOver(connection: WorkerConnection, messages: readonly Said[], headers = {}): Promise<string> {
  const response = await connection.post("/v1/chat/completions", { messages, stream: true }, headers);
  const { text, doneCount } = parseChatStream(await response.text());
  expect([response.status, doneCount]).toEqual([200, 1]);
  return text;
}

/** One turn over a connection of its own, which is closed behind it: any worker may take it. */
export function chatAnywhere(stage: Stage, messages: readonly Said[], headers = {}): Promise<Response> {
  return fetch(`${stage.gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close", ...headers },
    body: JSON.stringify({ messages, stream: true }),
    keepalive: false,
  });
}

export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
