// A small client of OpenAI-compatible servers for the emulator's own tests: requests as they come, streams read whole.

import {
  type CompatibleDialectName,
  type CompatibleEmulatorOptions,
  createOpenAICompatibleEmulator,
  type OpenAICompatibleEmulator,
  type ScriptedReply,
} from "../../../../src/emulator/openai-compatible-emulator.ts";
import { at } from "../emulator-client.ts";

export const base = "http://emulator.invalid";

/** The first model of each dialect. */
export const models: Readonly<Record<CompatibleDialectName, string>> = {
  dashscope: "qwen3.8-max",
  "dashscope-plans": "qwen3.8-flash",
  modelscope: "Qwen/Qwen3.8-27B",
  vllm: "Qwen/Qwen3.6-27B",
  sglang: "Qwen/Qwen3.6-27B",
  ollama: "qwen3.6:27b",
  "llama-cpp": "Qwen3.6-27B-Q4_0.gguf",
  "lm-studio": "qwen/qwen3.5-35b-a3b",
  generic: "qwen3.6-27b",
};

/** A cast: the record above has every dialect. */
export const names = Object.keys(models) as CompatibleDialectName[];

function keyOf(dialect: CompatibleDialectName): string {
  return dialect === "dashscope-plans" ? "sk-sp-a" : "sk-a";
}

export type Options = Partial<CompatibleEmulatorOptions>;

export function emulate(dialect: CompatibleDialectName, options: Options = {}): OpenAICompatibleEmulator {
  return createOpenAICompatibleEmulator({ dialect, seed: 1, tokenDelayMs: 0, ...options });
}

export interface CallInit {
  readonly key?: string | undefined;
  readonly signal?: AbortSignal;
  readonly path?: string;
}

/** Members left out: the dialect's first model and one greeting. */
export function chatRequest(dialect: CompatibleDialectName, body: object, init: CallInit = {}): Request {
  const messages = [{ role: "user", content: "Hello" }];
  return new Request(base + (init.path ?? "/v1/chat/completions"), {
    method: "POST",
    headers: { authorization: `Bearer ${init.key ?? keyOf(dialect)}`, "content-type": "application/json" },
    body: JSON.stringify({ model: models[dialect], messages, ...body }),
    ...(init.signal === undefined ? {} : { signal: init.signal }),
  });
}

export async function chat(emulator: OpenAICompatibleEmulator, body: object, init?: CallInit): Promise<Response> {
  return emulator.fetch(chatRequest(emulator.dialect, body, init));
}

export async function get(emulator: OpenAICompatibleEmulator, path: string): Promise<Response> {
  const headers = { authorization: `Bearer ${keyOf(emulator.dialect)}` };
  return emulator.fetch(new Request(base + path, { headers }));
}

export async function post(emulator: OpenAICompatibleEmulator, path: string, body: object): Promise<Response> {
  return chat(emulator, body, { path });
}

export interface StreamReading {
  readonly raw: string;
  /** JSON of the data lines. */
  readonly chunks: readonly unknown[];
  readonly isDone: boolean;
  readonly content: string;
  readonly reasoning: string;
  readonly entries: readonly unknown[];
  readonly finishReason: unknown;
  readonly usage: unknown;
}

export function readStream(raw: string): StreamReading {
  const data = raw.split(/\r?\n/).flatMap((line) => (line.startsWith("data:") ? [line.slice(5).trim()] : []));
  const chunks = data.filter((text) => text !== "[DONE]").flatMap(parsed);
  const choices = chunks.map((chunk) => at(chunk, "choices", 0)).filter((choice) => choice !== undefined);
  const texts = (...path: string[]) =>
    choices.map((choice) => at(choice, ...path)).filter((text) => typeof text === "string");
  const reasons = choices.map((choice) => at(choice, "finish_reason")).filter((reason) => typeof reason === "string");
  const entries = choices.map((choice) => at(choice, "delta", "tool_calls", 0)).filter((entry) => entry !== undefined);
  return {
    raw,
    chunks,
    isDone: data.includes("[DONE]"),
    content: texts("delta", "content").join(""),
    reasoning: choices
      .map((choice) => at(choice, "delta", "reasoning") ?? at(choice, "delta", "reasoning_content") ?? "")
      .join(""),
    entries,
    finishReason: reasons.at(-1),
    usage: chunks.map((chunk) => at(chunk, "usage")).findLast((usage) => usage !== undefined && usage !== null),
  };
}

/** Asks for a stream with usage and reads it to its end. */
export async function stream(emulator: OpenAICompatibleEmulator, body: object = {}): Promise<StreamReading> {
  const asked = { stream: true, stream_options: { include_usage: true }, ...body };
  return readStream(await (await chat(emulator, asked)).text());
}

/** One scripted stream of a fresh emulator. */
export async function streamOf(
  dialect: CompatibleDialectName,
  reply: ScriptedReply,
  body: object = {},
): Promise<StreamReading> {
  const emulator = emulate(dialect);
  emulator.script({ reply });
  return stream(emulator, body);
}

export function tool(name: string, properties: object = {}, required: readonly string[] = []): object {
  return { type: "function", function: { name, parameters: { type: "object", properties, required } } };
}

export const weather = tool("get_weather", { city: { type: "string" }, days: { type: "integer" } }, ["city"]);

function parsed(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    // Malformed lines are ordered by tests.
    return [];
  }
}
