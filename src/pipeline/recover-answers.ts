// Answers whose process was killed: what they had said stands in their stream, and is kept as what it is, broken off.

import type { Replays } from "../replay/replays.ts";
import { createSseDecoder } from "../sse/sse-decoder.ts";
import { isJsonObject, type JsonObject } from "../contract/json.ts";
import type { ChatMessage, ChatStore, MessageExtras } from "../store/chat-store.ts";

export interface Recovery {
  readonly caller: string;
  readonly sessionId: string;
  readonly replays: Pick<Replays, "open" | "running">;
  readonly store: Pick<ChatStore, "endTurn">;
}

export const brokenOff = "The gateway was stopped during this answer: send the message again";

/** The same messages; those that run no more as far as they came. */
export async function recoverAnswers(
  messages: readonly ChatMessage[],
  recovery: Recovery,
): Promise<readonly ChatMessage[]> {
  if (!messages.some(({ status }) => status === "running")) return messages;
  const running = new Set(recovery.replays.running().map(({ streamId }) => streamId));
  return Promise.all(
    messages.map((message) => {
      const { status, streamId } = message;
      return status !== "running" || (streamId !== undefined && running.has(streamId))
        ? message
        : recover(message, recovery);
    }),
  );
}

async function recover(message: ChatMessage, { caller, sessionId, replays, store }: Recovery): Promise<ChatMessage> {
  const said = new Said();
  try {
    if (message.streamId !== undefined) await said.read(await replays.open(caller, message.streamId, 0));
  } catch {
    // It has expired, or was never kept: then nothing is known of it.
  }
  const ended: ChatMessage = {
    ...message,
    content: said.answer,
    status: "failed",
    extras: { ...message.extras, ...said.extras, error: brokenOff },
  };
  await store.endTurn(caller, sessionId, ended);
  return ended;
}

const text = new TextDecoder();

class Said {
  answer = "";
  #reasoning = "";
  readonly #stages: string[] = [];
  #sources: MessageExtras["sources"];

  async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = createSseDecoder({ event: ({ data }) => this.#note(text.decode(data)) });
    for await (const chunk of stream) decoder.feed(chunk);
    decoder.end();
  }

  #note(data: string): void {
    const event = readEvent(data);
    if (typeof event["token"] === "string") this.answer += event["token"];
    if (typeof event["reasoning"] === "string") this.#reasoning += event["reasoning"];
    if (typeof event["stage"] === "string") this.#stages.push(event["stage"]);
    // A cast: the frame is one of our own.
    if (Array.isArray(event["sources"])) this.#sources = event["sources"] as NonNullable<MessageExtras["sources"]>;
  }

  get extras(): MessageExtras {
    return {
      ...(this.#stages.length > 0 && { stages: this.#stages }),
      ...(this.#reasoning !== "" && { reasoning: this.#reasoning }),
      ...(this.#sources !== undefined && { sources: this.#sources }),
    };
  }
}

function readEvent(data: string): JsonObject {
  try {
    const value: unknown = JSON.parse(data);
    return isJsonObject(value) ? value : {};
  } catch {
    // The end mark is no JSON.
    return {};
  }
}
