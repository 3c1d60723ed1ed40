// Bodies of answers over HTTP, with each answer in them made exact. The SDK reports one that is not to nobody who waits for it.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { ByteWriter } from "../../sse/byte-writer.ts";
import { LineSplitter } from "../../sse/line-splitter.ts";
import { exactAnswer } from "./exact-answer.ts";

export interface ExactBody {
  /** @returns what can be handed on by now; its bytes are the taker's */
  feed(chunk: Uint8Array): Uint8Array;
  /** @returns the rest */
  end(): Uint8Array;
}

/** @param contentType of a body that is neither an event stream nor JSON nothing is changed */
export function createExactBody(contentType: string | null): ExactBody | undefined {
  if (/^text\/event-stream\b/i.test(contentType ?? "")) return exactStream();
  return /^application\/json\b/i.test(contentType ?? "") ? exactJson() : undefined;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const data = encoder.encode("data:");
const lineFeed = encoder.encode("\n");
const none = new Uint8Array(0);

/** Lines stay as they are, but for data that are a whole answer, and as such not exact, or several answers. */
function exactStream(): ExactBody {
  const writer = new ByteWriter();
  /** Lines of data of the event that is read. */
  const held = new ByteWriter();
  function endEvent(): void {
    const dataLines = held.take();
    if (dataLines.length > 0) writer.bytes(exactData(dataLines) ?? dataLines);
  }
  const lines = new LineSplitter(
    {
      line(bytes, start, end) {
        const line = bytes.subarray(start, end);
        if (line.length === 0) endEvent();
        const into = data.every((byte, at) => line[at] === byte) ? held : writer;
        into.bytes(line);
        into.bytes(lineFeed);
      },
    },
    // Whoever reads the body bounds its events.
    { maxLineBytes: Number.POSITIVE_INFINITY },
  );
  return {
    feed(chunk) {
      lines.feed(chunk);
      return writer.take();
    },
    end() {
      lines.end();
      endEvent();
      return writer.take();
    },
  };
}

/** @returns lines instead of these, where they would not be understood */
function exactData(dataLines: Uint8Array): Uint8Array | undefined {
  const said = `\n${decoder.decode(dataLines)}`.replaceAll("\ndata:", "\n");
  const read = readAnswers(said);
  if (read === undefined || (read.isExact && !read.isBatch)) return undefined;
  // The SDK takes one message an event.
  return encoder.encode(read.answers.map((answer) => `data: ${JSON.stringify(answer)}\n`).join("\n"));
}

function exactJson(): ExactBody {
  const chunks: Uint8Array[] = [];
  return {
    feed(chunk) {
      chunks.push(chunk);
      return none;
    },
    end() {
      const body = Buffer.concat(chunks);
      const read = readAnswers(decoder.decode(body));
      if (read === undefined || read.isExact) return body;
      return encoder.encode(JSON.stringify(read.isBatch ? read.answers : read.answers[0]));
    },
  };
}

interface ReadAnswers {
  /** Made exact. */
  readonly answers: readonly JsonObject[];
  /** All of them were. */
  readonly isExact: boolean;
  readonly isBatch: boolean;
}

/** @returns undefined: there is nothing that could be made exact */
function readAnswers(json: string): ReadAnswers | undefined {
  try {
    const read: unknown = JSON.parse(json);
    const isBatch = Array.isArray(read);
    const messages: readonly unknown[] = isBatch ? read : [read];
    if (messages.length === 0 || !messages.every(isMessage)) return undefined;
    const answers = messages.map(exactAnswer);
    return { answers, isExact: answers.every((answer, at) => answer === messages[at]), isBatch };
  } catch {
    // The SDK says what it thinks of it.
    return undefined;
  }
}

function isMessage(value: unknown): value is JsonObject {
  return isJsonObject(value) && value["jsonrpc"] !== undefined;
}
