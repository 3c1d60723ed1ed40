// A small Qwen web client for the emulator's own tests: bodies as the web app sends them, streams read whole.

import type { QwenWebEmulator } from "../../../src/emulator/qwen-web-emulator.ts";

export const base = "http://emulator.invalid";
export const fast = { thinking_enabled: false, output_schema: "phase", auto_search: false };

export interface TurnOptions {
  chatId: string;
  parentId?: string | null;
  content: string;
  model?: string;
  chatType?: string;
  features?: Record<string, unknown>;
  token?: string;
  /** Members laid over the body. */
  body?: Record<string, unknown>;
  /** Members laid over the message. */
  message?: Record<string, unknown>;
  signal?: AbortSignal;
}

export type Fetch = (request: Request) => Promise<Response>;

export function post(path: string, body: unknown, token = "token-a", init: RequestInit = {}): Request {
  return new Request(path.startsWith("http") ? path : base + path, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "x-request-id": "request-1" },
    body: JSON.stringify(body),
    ...init,
  });
}

export function get(path: string, token = "token-a", method = "GET"): Request {
  return new Request(base + path, { method, headers: { authorization: `Bearer ${token}` } });
}

export async function newChat(emulator: Pick<QwenWebEmulator, "fetch">, token?: string, url = base): Promise<string> {
  const body = { title: "T", models: ["qwen3.7-plus"], chat_mode: "normal", chat_type: "t2t", timestamp: 1 };
  const answer = await json(await emulator.fetch(post(`${url}/api/v2/chats/new`, body, token)));
  return String(at(answer, "data", "id"));
}

export function turnRequest(options: TurnOptions, url = base): Request {
  const parentId = options.parentId ?? null;
  const chatType = options.chatType ?? "t2t";
  const message = {
    id: null,
    fid: crypto.randomUUID(),
    parentId,
    parent_id: parentId,
    childrenIds: [],
    role: "user",
    content: options.content,
    user_action: "chat",
    files: [],
    chat_type: chatType,
    feature_config: options.features ?? fast,
    ...options.message,
  };
  const body = {
    stream: true,
    version: "2.1",
    incremental_output: true,
    chatId: options.chatId,
    chat_id: options.chatId,
    parentId: parentId ?? "",
    parent_id: parentId,
    model: options.model ?? "qwen3.7-plus",
    messages: [message],
    timestamp: 1,
    ...options.body,
  };
  const path = `${url}/api/v2/chat/completions?chat_id=${options.chatId}`;
  return post(path, body, options.token, options.signal === undefined ? {} : { signal: options.signal });
}

export interface Turn {
  readonly raw: string;
  readonly events: readonly unknown[];
  readonly answer: string;
  readonly responseId: string;
  readonly userId: string;
  readonly isFinished: boolean;
}

/** Sends a turn and reads its stream to the end. */
export async function turn(
  emulator: Pick<QwenWebEmulator, "fetch">,
  options: TurnOptions,
  url?: string,
): Promise<Turn> {
  return readTurn(await (await emulator.fetch(turnRequest(options, url))).text());
}

export function readTurn(raw: string): Turn {
  const events = eventsOf(raw);
  const deltas = events.map((event) => at(event, "choices", 0, "delta"));
  const answer = deltas.filter((delta) => at(delta, "phase") === "answer").map((delta) => at(delta, "content"));
  return {
    raw,
    events,
    answer: answer.join(""),
    responseId: String(at(events[0], "response.created", "response_id")),
    userId: String(at(events[0], "response.created", "parent_id")),
    isFinished: deltas.some((delta) => at(delta, "status") === "finished" && at(delta, "phase") === "answer"),
  };
}

export function eventsOf(raw: string): unknown[] {
  return raw
    .split("\n\n")
    .filter((block) => block.startsWith("data: {"))
    .flatMap((block) => {
      try {
        return [JSON.parse(block.slice("data: ".length))];
      } catch {
        // Broken on purpose by some scripts.
        return [];
      }
    });
}

export async function json(response: Response): Promise<unknown> {
  return response.json();
}

/** A nested member of something unknown. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Reflect.get(current, key);
  }
  return current;
}

export function fixture(name: string): Promise<string> {
  return Bun.file(`${import.meta.dir}/../../fixtures/qwen-web/${name}`).text();
}
