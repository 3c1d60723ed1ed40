// The emulated Qwen of the compiled executable in a process of its own, and what tests ask and order of it over HTTP.

import type { RecordedRequest, ScriptEntry } from "../../src/emulator/qwen-web-emulator.ts";
import type { QwenCompletionBody } from "../../src/wire/qwen-web.ts";
import { type BinaryProcess, createPlace, eventually, startBinary } from "./binary.ts";

export interface EmulatorProcess extends AsyncDisposable {
  readonly url: string;
  /** Adds orders behind those that still wait. */
  script(...entries: readonly ScriptEntry[]): Promise<void>;
  /** Lets one event (or answer) through the gate, `count` of them, or all from now on. */
  release(gate: string, count?: number | "all"): Promise<void>;
  /** Forgets chats, scripts, gates and requests, as if all had been lost. */
  reset(): Promise<void>;
  /** What was asked, oldest first. */
  requests(on?: RecordedRequest["on"]): Promise<RecordedRequest[]>;
  /** The turns that were asked for, also those that were refused. */
  turns(): Promise<SentTurn[]>;
  /** Resolves with the requests as soon as they satisfy the test. */
  until(fits: (requests: readonly RecordedRequest[]) => boolean): Promise<RecordedRequest[]>;
}

/** One turn as the backend got it. */
export interface SentTurn {
  readonly record: RecordedRequest;
  readonly chatId: string;
  readonly parentId: string | null;
  /** The text of its one message. */
  readonly content: string;
  /** The node of its answer; undefined when the turn was refused. */
  readonly responseId: string | undefined;
}

/** @param words further flags; the answers are the same in every run and come without a pause unless they say otherwise */
export async function startEmulatorProcess(words: readonly string[] = []): Promise<EmulatorProcess> {
  const place = createPlace();
  const pace = words.includes("--token-delay-ms") ? [] : ["--token-delay-ms", "0"];
  const child: BinaryProcess = await startBinary(
    ["emulate", "--port", "0", "--seed", "1", ...pace, ...words],
    {},
    place,
  );

  async function order(path: string, body: unknown): Promise<void> {
    const response = await fetch(`${child.url}/__emulator/${path}`, { method: "POST", body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`Cannot order "${path}" of the emulator: ${await response.text()}`);
  }
  async function requests(on?: RecordedRequest["on"]): Promise<RecordedRequest[]> {
    const response = await fetch(`${child.url}/__emulator/requests`);
    // Our own emulator, whose type this is.
    const all = (await response.json()) as RecordedRequest[];
    return on === undefined ? all : all.filter((request) => request.on === on);
  }

  return {
    url: child.url,
    script: (...entries) => order("script", entries),
    release: (gate, count = 1) => order("release", { gate, count }),
    reset: () => order("reset", {}),
    requests,
    turns: async () => (await requests("completions")).map(toTurn),
    until(fits) {
      let seen: readonly RecordedRequest[] = [];
      return eventually(
        async () => {
          const all = await requests();
          seen = all;
          return fits(all) ? all : undefined;
        },
        () => `requests at the emulator were\n${seen.map(oneLine).join("\n")}`,
      );
    },
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
      place[Symbol.dispose]();
    },
  };
}

function toTurn(record: RecordedRequest): SentTurn {
  // The gateway's own wire form.
  const body = record.body as QwenCompletionBody;
  if (body.messages.length !== 1) throw new Error(`A turn carried ${body.messages.length} messages instead of one`);
  return {
    record,
    chatId: body.chat_id,
    parentId: body.parent_id,
    content: body.messages[0]?.content ?? "",
    responseId: record.turn?.responseId,
  };
}

function oneLine({ ordinal, on, status, refusal, eventsDelivered, finished, aborted }: RecordedRequest): string {
  return `${ordinal} ${on} status=${status} refusal=${refusal} events=${eventsDelivered} finished=${finished} aborted=${aborted}`;
}
