// The frames of an event stream as they stand on the wire, for checkers and for those who plant faults into them.

import type { Problems } from "./problems.ts";

export interface WireFrame {
  readonly event: string | undefined;
  readonly data: string;
  /** Parsed; undefined where it is no JSON, such as `[DONE]`. */
  readonly json: unknown;
}

/** Frames in order, comments left out. What no parser of event streams would deliver whole is a problem. */
export function readWire(body: string, problems: Problems): WireFrame[] {
  problems.must(body === "" || /(?:\n\n|\r\n\r\n)$/.test(body), "the last frame is not ended by a blank line");
  const frames: WireFrame[] = [];
  for (const block of body.split(/\r\n\r\n|\n\n/)) {
    const lines = block.split(/\r\n|\n|\r/).filter((line) => line !== "" && !line.startsWith(":"));
    if (lines.length === 0) continue;
    frames.push(readFrame(lines, problems));
  }
  return frames;
}

function readFrame(lines: readonly string[], problems: Problems): WireFrame {
  const data: string[] = [];
  let event: string | undefined;
  for (const line of lines) {
    const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === "data") data.push(value);
    else if (name === "event") event = value;
    else problems.must(name === "id" || name === "retry", `a line is no field of an event: ${line.slice(0, 40)}`);
  }
  problems.must(data.length > 0, "a frame has no data");
  const text = data.join("\n");
  return { event, data: text, json: text === "[DONE]" ? undefined : parse(text, problems) };
}

function parse(text: string, problems: Problems): unknown {
  try {
    return JSON.parse(text);
  } catch {
    problems.must(false, `a frame is no JSON: ${text.slice(0, 40)}`);
    return undefined;
  }
}

/** What the frames of one of our own streams would be on the wire. */
export function writeWire(frames: readonly Pick<WireFrame, "event" | "data">[]): string {
  return frames.map(({ event, data }) => `${event === undefined ? "" : `event: ${event}\n`}data: ${data}\n\n`).join("");
}

/** OpenAI's streams: `[DONE]` is the last frame, and no other one is. @returns what stands before it */
export function beforeDone(frames: readonly WireFrame[], problems: Problems): readonly WireFrame[] {
  const done = frames.findIndex(({ data }) => data === "[DONE]");
  problems.must(done >= 0, "no [DONE]");
  problems.must(done < 0 || done === frames.length - 1, "something follows [DONE]");
  return done < 0 ? frames : frames.slice(0, done);
}
