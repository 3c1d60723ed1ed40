// Text to events. Knows the grammar of server-sent events and nothing about chat. The server's decoder in sse/ is made for
// bytes and Bun; this one is made to be small and to run anywhere.

import { SSEError } from "./errors.ts";
import type { ParsedSSEEvent } from "./events.ts";

export interface EventReader {
  /** Delivers what the text completes before it returns. */
  feed(text: string): void;
  /** The last event when no blank line stands behind it, which the standard would drop. */
  end(): ParsedSSEEvent | undefined;
}

/** Characters of an unfinished line, and of the data of an event. More is no chat. */
const maxEventLength = 16_777_216;

/** @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */
export function createEventReader(deliver: (event: ParsedSSEEvent) => void, maxLength = maxEventLength): EventReader {
  let unfinishedLine = "";
  /** A CR ended the last piece: an LF at the start of the next one belongs to it. */
  let skipLineFeed = false;
  let dataLines: string[] = [];
  let dataLength = 0;
  let type = "";
  let id: string | undefined;

  function takeEvent(): ParsedSSEEvent | undefined {
    const event =
      dataLines.length === 0
        ? undefined
        : { event: type || "message", data: dataLines.join("\n"), ...(id === undefined ? {} : { id }) };
    // An id without data counts for the event that follows.
    if (event !== undefined) id = undefined;
    dataLines = [];
    dataLength = 0;
    type = "";
    return event;
  }

  function takeLine(line: string): void {
    if (line === "") {
      const event = takeEvent();
      if (event !== undefined) deliver(event);
      return;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") {
      dataLines.push(value);
      dataLength += value.length;
      checkLength(dataLength);
    } else if (name === "event") type = value;
    else if (name === "id" && !value.includes("\0")) id = value;
  }

  function checkLength(length: number): void {
    if (length > maxLength) {
      throw new SSEError("http", `Cannot read stream: an event is longer than ${maxLength} characters`);
    }
  }

  return {
    feed(text) {
      if (text === "") return;
      let start = skipLineFeed && text[0] === "\n" ? 1 : 0;
      skipLineFeed = text.endsWith("\r");
      // Only what is new is searched: the unfinished line was searched when it came.
      const lineEnd = /\r\n?|\n/g;
      lineEnd.lastIndex = start;
      for (let match = lineEnd.exec(text); match !== null; match = lineEnd.exec(text)) {
        const line = unfinishedLine + text.slice(start, match.index);
        unfinishedLine = "";
        start = lineEnd.lastIndex;
        takeLine(line);
      }
      unfinishedLine += text.slice(start);
      checkLength(unfinishedLine.length);
    },
    end() {
      if (unfinishedLine !== "") takeLine(unfinishedLine);
      unfinishedLine = "";
      return takeEvent();
    },
  };
}

/** The event in the text of one frame; undefined: it holds no data. */
export function parseSSEEvent(frame: string): ParsedSSEEvent | undefined {
  let first: ParsedSSEEvent | undefined;
  const reader = createEventReader((event) => {
    first ??= event;
  });
  reader.feed(frame);
  const last = reader.end();
  return first ?? last;
}
