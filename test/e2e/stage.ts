// A gateway and the emulated Qwen behind it, both as processes of the compiled executable, and the official client in front.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
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
  /** Other variables of the env file, and SIGHUP, without waiting for what comes of it. */
  hangUp(settings: Readonly<Record<string, string>>): void;
  /** The same. @returns the line of the log that tells of it */
  reload(settings: Readonly<Record<string, string>>, outcome?: string): Promise<string>;
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
  /** Variables of an env file, which `reload` can change. */
  readonly settings?: Readonly<Record<string, string>>;
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
  const envFile = join(place.folder, "settings.env");
  const words = options.settings === undefined ? [] : ["serve", "--env-file", envFile];
  const writeSettings = (settings: Readonly<Record<string, string>>) =>
    writeFileSync(
      envFile,
      Object.entries(settings)
        .map(([name, value]) => `${name}='${value}'\n`)
        .join(""),
    );
  if (options.settings !== undefined) writeSettings(options.settings);
  let gateway = await startBinary(words, environment, place);
  const hangUp: Stage["hangUp"] = (settings) => {
    writeSettings(settings);
    gateway.kill("SIGHUP");
  };

  return {
    hangUp,
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
      gateway = await startBinary(words, environment, place);
    },
    async reload(settings, outcome = "The settings were read again") {
      const before = gateway.errors.length;
      hangUp(settings);
      await gateway.line(() => gateway.errors.slice(before).some((line) => line.includes(outcome)));
      return gateway.errors.slice(before).find((line) => line.includes(outcome))!;
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
