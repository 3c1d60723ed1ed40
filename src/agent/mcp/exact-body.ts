// Bodies of answers over HTTP, with each answer in them made exact. The SDK reports one that is not to nobody who waits for it.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { ByteWriter } from "../../sse/byte-writer.ts";
import { LineSplitter } from "../../sse/line-splitter.ts";
import { exactMessage } from "./exact-message.ts";

export interface ExactBody {
  /** @returns what can be handed on by now; its bytes are the taker's */
  feed(chunk: Uint8Array): Uint8Array;
  /** @returns the rest */
  end(): Uint8Array;
  /** @returns the id of the event behind which the SDK asks for the rest of a stream; undefined where it does not ask */
  resumesBehind(): string | undefined;
  /** The request has been answered by an error. */
  hasRefused(): boolean;
  /** Of a whole body: messages were in it, and no answer to the request. The SDK waits on then. */
  isUnanswered(): boolean;
}

/**
 * @param contentType of a body that is neither an event stream nor JSON nothing is changed
 * @param requestId of the request that the body belongs to
 */
export function createExactBody(contentType: string | null, requestId?: number): ExactBody | undefined {
  if (/^text\/event-stream\b/i.test(contentType ?? "")) return exactStream(requestId);
  return /^application\/json\b/i.test(contentType ?? "") ? exactJson(requestId) : undefined;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const data = encoder.encode("data:");
const idField = encoder.encode("id:");
const lineFeed = encoder.encode("\n");
const none = new Uint8Array(0);

/** Lines stay as they are, but for data that are a whole answer, and as such not exact, or several answers. */
function exactStream(requestId: number | undefined): ExactBody {
  const writer = new ByteWriter();
  /** Lines of data of the event that is read. */
  const held = new ByteWriter();
  let eventId = "";
  let lastEventId: string | undefined;
  let hasResult = false;
  let hasRefused = false;
  function endEvent(): void {
    const dataLines = held.take();
    // Without data it is no event, and its id is none.
    if (dataLines.length > 0) {
      if (eventId !== "") lastEventId = eventId;
      const read = readAnswers(`\n${decoder.decode(dataLines)}`.replaceAll("\ndata:", "\n"), requestId);
      hasResult ||= read?.answers.some(({ result }) => result !== undefined) === true;
      hasRefused ||= read?.answers.some((one) => one["error"] !== undefined && answers(one, requestId)) === true;
      writer.bytes(read === undefined || (read.isExact && !read.isBatch) ? dataLines : encodeEvents(read));
    }
    eventId = "";
  }
  const lines = new LineSplitter(
    {
      line(bytes, start, end) {
        const line = bytes.subarray(start, end);
        if (line.length === 0) endEvent();
        if (isField(line, idField)) eventId = decoder.decode(line.subarray(idField.length)).trim();
        const into = isField(line, data) ? held : writer;
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
    resumesBehind: () => (hasResult ? undefined : lastEventId),
    hasRefused: () => hasRefused,
    isUnanswered: () => false,
  };
}

function isField(line: Uint8Array, field: Uint8Array): boolean {
  return field.every((byte, at) => line[at] === byte);
}

/** The SDK takes one message an event. */
function encodeEvents({ answers }: ReadAnswers): Uint8Array {
  return encoder.encode(answers.map((answer) => `data: ${JSON.stringify(answer)}\n`).join("\n"));
}

function exactJson(requestId: number | undefined): ExactBody {
  const chunks: Uint8Array[] = [];
  let isUnanswered = false;
  return {
    feed(chunk) {
      chunks.push(chunk);
      return none;
    },
    end() {
      const body = Buffer.concat(chunks);
      const read = readAnswers(decoder.decode(body), requestId);
      isUnanswered = read?.answers.some((one) => answers(one, requestId)) === false;
      if (read === undefined || read.isExact) return body;
      return encoder.encode(JSON.stringify(read.isBatch ? read.answers : read.answers[0]));
    },
    resumesBehind: () => undefined,
    hasRefused: () => false,
    isUnanswered: () => isUnanswered,
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
function readAnswers(json: string, requestId: number | undefined): ReadAnswers | undefined {
  try {
    const read: unknown = JSON.parse(json);
    const isBatch = Array.isArray(read);
    const messages: readonly unknown[] = isBatch ? read : [read];
    if (!messages.every(isMessage)) return undefined;
    const exact = messages.map((message) => exactMessage(withId(message, requestId)));
    return { answers: exact, isExact: exact.every((answer, at) => answer === messages[at]), isBatch };
  } catch {
    // The SDK says what it thinks of it.
    return undefined;
  }
}

/** An error that names no request is about the one whose response it is. */
function withId(message: JsonObject, requestId: number | undefined): JsonObject {
  const isNameless = message["id"] == null && message["method"] == null && message["error"] != null;
  return isNameless && requestId !== undefined ? { ...message, id: requestId } : message;
}

function answers({ id, method }: JsonObject, requestId: number | undefined): boolean {
  return method == null && id != null && Number(id) === requestId;
}

function isMessage(value: unknown): value is JsonObject {
  return isJsonObject(value) && value["jsonrpc"] !== undefined;
}
