// Answers whose process was killed: what they had said stands in their stream, and is kept as what it is, broken off.

import type { ChatStreamEvent } from "../contract/chat-stream.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { isJsonObject } from "../contract/json.ts";
import type { Replays } from "../replay/replays.ts";
import { createSseDecoder } from "../sse/sse-decoder.ts";
import type { ChatMessage, ChatStore } from "../store/chat-store.ts";
import { AnswerRecord } from "./answer-record.ts";
import { emptyState, noteEvent } from "./run-pipeline.ts";

export interface Recovery {
  readonly caller: string;
  readonly sessionId: string;
  /** Streams of this process whose answers are not kept yet. */
  readonly running: Pick<ReadonlySet<string>, "has">;
  readonly replays: Pick<Replays, "open">;
  readonly store: Pick<ChatStore, "recoverTurn">;
}

export const brokenOff = "The gateway was stopped during this answer: send the message again";

/** The same messages; those that run no more as far as they came. */
export async function recoverAnswers(
  messages: readonly ChatMessage[],
  recovery: Recovery,
): Promise<readonly ChatMessage[]> {
  if (!messages.some(({ status }) => status === "running")) return messages;
  return Promise.all(
    messages.map((message) => {
      const { status, streamId } = message;
      return status !== "running" || (streamId !== undefined && recovery.running.has(streamId))
        ? message
        : recover(message, recovery);
    }),
  );
}

async function recover(message: ChatMessage, { caller, sessionId, replays, store }: Recovery): Promise<ChatMessage> {
  const said = new Said();
  try {
    if (message.streamId !== undefined) await said.read(await replays.open(caller, message.streamId, 0));
  } catch (error) {
    // It runs in another process, or cannot be looked up now.
    if (!isGone(error)) return message;
    // It has expired, or was never kept: then nothing is known of it.
  }
  const ended = said.asMessage(message);
  await store.recoverTurn(caller, sessionId, ended);
  return ended;
}

function isGone(error: unknown): boolean {
  return error instanceof GatewayError && (error.kind === "not-found" || error.kind === "gone");
}

const text = new TextDecoder();

/** What the frames of a stream say, the last of which may be torn. */
class Said {
  readonly #state = emptyState("");
  readonly #record = new AnswerRecord();
  #isWhole = false;
  #error = brokenOff;

  async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = createSseDecoder({ event: ({ data }) => this.#note(text.decode(data)) });
    for await (const chunk of stream) decoder.feed(chunk);
    decoder.end();
  }

  #note(data: string): void {
    if (data === "[DONE]") {
      // Its end could not be kept, and all of it is here.
      this.#isWhole = true;
      return;
    }
    const event = readEvent(data);
    if (event === undefined) return;
    noteEvent(event, this.#state);
    this.#record.note(event);
    if ("error" in event) this.#error = event.error;
  }

  asMessage(begun: ChatMessage): ChatMessage {
    return this.#isWhole
      ? this.#record.asMessage(begun, this.#state, "complete", undefined)
      : this.#record.asMessage(begun, this.#state, "failed", { message: this.#error });
  }
}

/** A cast: the frames are our own. */
function readEvent(data: string): ChatStreamEvent | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return isJsonObject(value) ? (value as ChatStreamEvent) : undefined;
  } catch {
    return undefined;
  }
}
