// A gateway and the emulated Qwen behind it, both as processes of the compiled executable, and the official client in front.

import OpenAI from "openai";
import { type BinaryProcess, createPlace, type Place, startBinary } from "../support/binary.ts";
import { type EmulatorProcess, startEmulatorProcess } from "../support/emulator-process.ts";

export type ChatMessage = OpenAI.ChatCompletionMessageParam;

export interface Stage extends AsyncDisposable {
  /** The gateway that runs now. */
  readonly gateway: BinaryProcess;
  readonly emulator: EmulatorProcess;
  readonly place: Place;
  /** For the gateway that runs now. */
  readonly client: OpenAI;
  /** `kill -9`, then another gateway on the same files. */
  crashAndRestart(): Promise<void>;
  post(
    path: string,
    body: unknown,
    init?: { headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Response>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
}

export interface StageOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly emulatorWords?: readonly string[];
  readonly apiKey?: string;
}

export async function startStage(options: StageOptions = {}): Promise<Stage> {
  const place = createPlace();
  const emulator = await startEmulatorProcess(options.emulatorWords);
  const environment = {
    PORT: "0",
    QWEN_TOKEN: "test-token",
    QWEN_BASE_URL: emulator.url,
    QWEN_AUTH_URL: emulator.url,
    QWEN_UPLOAD_URL: emulator.url,
    ...options.environment,
  };
  let gateway = await startBinary([], environment, place);

  return {
    get gateway() {
      return gateway;
    },
    emulator,
    place,
    get client() {
      return createClient(gateway.url, options.apiKey);
    },
    async crashAndRestart() {
      gateway.kill("SIGKILL");
      await gateway.exited;
      gateway = await startBinary([], environment, place);
    },
    post: (path, body, init = {}) =>
      fetch(gateway.url + path, {
        method: "POST",
        headers: { "content-type": "application/json", ...init.headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
        ...(init.signal === undefined ? {} : { signal: init.signal }),
      }),
    get: (path, headers = {}) => fetch(gateway.url + path, { headers }),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await emulator[Symbol.asyncDispose]();
      place[Symbol.dispose]();
    },
  };
}

/** The official client, without its own repetitions. */
export function createClient(url: string, apiKey = "none"): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
}

/** A client that keeps its history and sends all of it each time, as nearly all do. */
export interface Talker {
  readonly messages: ChatMessage[];
  /** One turn; the answer's text. */
  say(text: string): Promise<string>;
}

export function createTalker(
  stage: Stage,
  options: { readonly stream: boolean; readonly headers?: Record<string, string> },
): Talker {
  const messages: ChatMessage[] = [];
  return {
    messages,
    async say(text) {
      messages.push({ role: "user", content: text });
      const answer = await ask(stage.client, messages, options);
      messages.push({ role: "assistant", content: answer });
      return answer;
    },
  };
}

/** The text of one answer, streamed or whole. */
export async function ask(
  client: OpenAI,
  messages: readonly ChatMessage[],
  options: { readonly stream: boolean; readonly headers?: Record<string, string> },
): Promise<string> {
  const body = { model: "qwen3-max", messages: [...messages] };
  const init = options.headers === undefined ? {} : { headers: options.headers };
  if (!options.stream) {
    const completion = await client.chat.completions.create(body, init);
    return completion.choices[0]?.message.content ?? "";
  }
  let text = "";
  const stream = await client.chat.completions.create({ ...body, stream: true }, init);
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  return text;
}
