// Where an event ends in a stream of bytes, and what its lines say. For events that somebody has to look at: the others
// are known by their shape.

import { statusComment } from "../refusals/error-body.ts";

const lineFeed = 10;
const carriageReturn = 13;
const space = 32;
const colon = 58;

/** Looks for the blank line behind an event; a search goes on in the next chunk. Line ends are LF, CRLF and CR. */
export class EventBoundary {
  /** Nothing stands in the current line. */
  #isEmpty = true;
  /** An LF that follows belongs to the line end before. */
  #isBehindReturn = false;

  /** An event begins. */
  begin(): void {
    this.#isEmpty = true;
    this.#isBehindReturn = false;
  }

  /** @returns the index behind the blank line; negative when it is not there */
  find(bytes: Uint8Array, from: number): number {
    let isEmpty = this.#isEmpty;
    let isBehindReturn = this.#isBehindReturn;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === lineFeed) {
        if (isEmpty && !isBehindReturn) return at + 1;
        isEmpty = true;
        isBehindReturn = false;
      } else if (byte === carriageReturn) {
        if (isEmpty) return bytes[at + 1] === lineFeed ? at + 2 : at + 1;
        isEmpty = true;
        isBehindReturn = true;
      } else {
        isEmpty = false;
        isBehindReturn = false;
      }
    }
    this.#isEmpty = isEmpty;
    this.#isBehindReturn = isBehindReturn;
    return -1;
  }
}

export interface EventFrame {
  /** Joined; undefined without a data line. */
  readonly data: string | undefined;
  readonly type: string;
  /**
   * It has data and comments alone. Names, ids and times for retries are between the server and the gateway: openai's
   * Python client takes each blank line behind an id for an event, and fails at a heartbeat's (2026-11).
   */
  readonly isClean: boolean;
  /** A comment told it. */
  readonly status: number | undefined;
  /** What stands beside the data. */
  readonly stray: readonly StrayJson[];
}

/** JSON on a line that no event stream has. */
export interface StrayJson {
  readonly text: string;
  readonly isError: boolean;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const none: readonly StrayJson[] = [];

/** @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */
export function readFrame(bytes: Uint8Array, start: number, end: number): EventFrame {
  // One data line and nothing else, mostly.
  if (isDataField(bytes, start) && bytes.indexOf(lineFeed, start) === end - 2 && bytes[end - 3] !== carriageReturn) {
    const dataStart = bytes[start + 5] === space ? start + 6 : start + 5;
    const data = decoder.decode(bytes.subarray(dataStart, end - 2));
    if (!data.includes("\r")) return { data, type: "", isClean: true, status: undefined, stray: none };
  }
  return readLines(decoder.decode(bytes.subarray(start, end)));
}

/** @param data joined, as it was read: it may have stood in several lines */
export function dataFrame(data: string): string {
  return `data: ${data.replaceAll("\n", "\ndata: ")}\n\n`;
}

/** llama.cpp wrote `error: {...}` (2024 to 2025); whole answers under the content type of a stream have no field at all. */
export function strayJson(line: string): StrayJson | undefined {
  const [, name, text] = /^(error: ?)?(\{.*)$/.exec(line) ?? [];
  return text === undefined ? undefined : { text, isError: name !== undefined };
}

/** `data:` */
export function isDataField(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 100 &&
    bytes[at + 1] === 97 &&
    bytes[at + 2] === 116 &&
    bytes[at + 3] === 97 &&
    bytes[at + 4] === colon
  );
}

function readLines(text: string): EventFrame {
  const data: string[] = [];
  const stray: StrayJson[] = [];
  // A mark at the beginning of a server's stream may stand in the middle of the client's, where it would spoil its line.
  const lines = text.replace(/^\uFEFF/, "");
  let [type, isClean]: [string, boolean] = ["", lines === text];
  let status: number | undefined;
  for (const line of lines.split(/\r\n|\r|\n/)) {
    const [, name = "", value = ""] = /^([^:]*)(?:: ?)?([\s\S]*)$/.exec(line) ?? [];
    if (name === "data") data.push(value);
    else if (line.startsWith(":")) status = statusComment(line).status ?? status;
    else if (line !== "") {
      isClean = false;
      if (name === "event") type = value;
      const json = strayJson(line);
      if (json !== undefined) stray.push(json);
    }
  }
  return { data: data.length === 0 ? undefined : data.join("\n"), type, isClean, status, stray };
}
