// Bodies of answers over HTTP, with each answer in them made exact. The SDK reports one that is not to nobody who waits for it.

import { isJsonObject } from "../../contract/json.ts";
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

/** Lines stay as they are, but for data that is a whole answer, and as such not exact. */
function exactStream(): ExactBody {
  const writer = new ByteWriter();
  const lines = new LineSplitter(
    {
      line(bytes, start, end) {
        const line = bytes.subarray(start, end);
        const exact = data.every((byte, at) => line[at] === byte) ? exactText(line.subarray(data.length)) : undefined;
        writer.bytes(exact === undefined ? line : encoder.encode(`data: ${exact}`));
        writer.bytes(lineFeed);
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
      return writer.take();
    },
  };
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
      const exact = exactText(body);
      return exact === undefined ? body : encoder.encode(exact);
    },
  };
}

/** @returns undefined: it is exact, or nothing that could be made so */
function exactText(json: Uint8Array): string | undefined {
  try {
    const message: unknown = JSON.parse(decoder.decode(json));
    // One line of an answer of several may be an object with an id, too.
    if (!isJsonObject(message) || message["jsonrpc"] === undefined) return undefined;
    const exact = exactAnswer(message);
    return exact === message ? undefined : JSON.stringify(exact);
  } catch {
    // The SDK says what it thinks of it.
    return undefined;
  }
}
