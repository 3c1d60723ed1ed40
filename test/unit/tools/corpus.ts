// The corpus of test/corpus/tool-markup, and what the scanner makes of a case, cut as one likes.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ToolDefinition } from "../../../src/contract/chat-request.ts";
import type { FinishReason, UpstreamEvent } from "../../../src/contract/events.ts";
import { jsonText } from "../../../src/contract/json.ts";
import type { EventDecoder } from "../../../src/contract/upstream.ts";
import { type ScanOptions, scanTools } from "../../../src/tools/scan-tools.ts";

export interface Piece {
  readonly channel: "text" | "reasoning";
  readonly text: string;
}

export interface CorpusCase {
  readonly file: string;
  readonly name: string;
  readonly source: string;
  readonly tools: readonly string[];
  /** A text, or what comes in which channel. */
  readonly input: string | readonly Piece[];
  /** @defaultValue "stop" */
  readonly finish?: FinishReason;
  readonly expect: {
    /** @defaultValue "" */
    readonly text?: string;
    /** @defaultValue "" */
    readonly reasoning?: string;
    readonly calls?: readonly { readonly name: string; readonly arguments: unknown; readonly text?: string }[];
    readonly warnings?: readonly string[];
  };
}

export interface Outcome {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: unknown; readonly text: string }[];
  readonly warnings: readonly string[];
  readonly finishReason: FinishReason | undefined;
}

const folder = join(import.meta.dir, "../../corpus/tool-markup");

// The corpus is the project's own.
export const corpusTools: readonly ToolDefinition[] = JSON.parse(
  readFileSync(join(folder, "tools.json"), "utf8"),
) as readonly ToolDefinition[];

export function toolsNamed(names: readonly string[]): readonly ToolDefinition[] {
  return names.map((name) => {
    const tool = corpusTools.find((one) => one.name === name);
    if (tool === undefined) throw new Error(`tools.json has no tool "${name}"`);
    return tool;
  });
}

export function readCorpus(): readonly CorpusCase[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  return files.sort().flatMap((file) =>
    readFileSync(join(folder, file), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => ({ ...(JSON.parse(line) as Omit<CorpusCase, "file">), file })),
  );
}

export function piecesOf(input: CorpusCase["input"]): readonly Piece[] {
  return typeof input === "string" ? [{ channel: "text", text: input }] : input;
}

/** A decoder that says these events, one for each byte that it is fed. */
export function createScript(events: readonly UpstreamEvent[]): EventDecoder {
  let next = 0;
  return {
    pendingBytes: 0,
    feed(chunk, emit) {
      for (let count = chunk.length; count > 0; count--) {
        const event = events[next++];
        if (event !== undefined) emit(event);
      }
    },
    end(emit) {
      for (; next < events.length; next++) emit(events[next]!);
    },
  };
}

function deltas(pieces: readonly Piece[]): UpstreamEvent[] {
  return pieces.map(({ channel, text }) => ({
    type: channel === "text" ? "text-delta" : "reasoning-delta",
    text: jsonText(text),
  }));
}

/** Cuts every piece into pieces of `length` signs. */
export function cutInto(pieces: readonly Piece[], length: number): readonly Piece[] {
  return pieces.flatMap(({ channel, text }) => {
    const parts: Piece[] = [];
    for (let at = 0; at < text.length; at += length) parts.push({ channel, text: text.slice(at, at + length) });
    return parts;
  });
}

/** Cuts once, behind so many signs of the whole. */
export function cutAt(pieces: readonly Piece[], index: number): readonly Piece[] {
  let left = index;
  return pieces.flatMap((piece) => {
    const at = left;
    left -= piece.text.length;
    if (at <= 0 || at >= piece.text.length) return [piece];
    return [
      { ...piece, text: piece.text.slice(0, at) },
      { ...piece, text: piece.text.slice(at) },
    ];
  });
}

export function scan(
  pieces: readonly Piece[],
  tools: readonly ToolDefinition[],
  finish: FinishReason = "stop",
  options: ScanOptions = {},
): Outcome {
  return scanEvents([...deltas(pieces), { type: "reply-end", finishReason: finish }], tools, options);
}

/** Also checks what every run must keep: each delta of a call follows its start, JSON and text of a delta are equal. */
export function scanEvents(
  events: readonly UpstreamEvent[],
  tools: readonly ToolDefinition[],
  options: ScanOptions = {},
): Outcome {
  const said = { text: "", reasoning: "" };
  const calls = new Map<string, { name: string; text: string }>();
  const warnings: string[] = [];
  let finishReason: FinishReason | undefined;
  const decoder = scanTools(createScript(events), tools, {
    onWarning: ({ kind }) => warnings.push(kind),
    ...options,
  });
  const emit = (event: UpstreamEvent): void => {
    switch (event.type) {
      case "text-delta":
      case "reasoning-delta":
        if (JSON.parse(new TextDecoder().decode(event.text.json)) !== event.text.text) throw new Error("json and text");
        if (event.text.text === "" && !events.includes(event)) throw new Error("an empty delta");
        said[event.type === "text-delta" ? "text" : "reasoning"] += event.text.text;
        break;
      case "tool-call-start":
        if (calls.has(event.callId)) throw new Error("two calls of one id");
        calls.set(event.callId, { name: event.toolName, text: "" });
        break;
      case "tool-call-delta":
        calls.get(event.callId)!.text += event.argumentsText;
        break;
      case "reply-end":
        finishReason = event.finishReason;
        break;
      default:
        break;
    }
  };
  for (let count = events.length; count > 0; count--) decoder.feed(new Uint8Array(1), emit);
  decoder.end(emit);
  return {
    ...said,
    calls: [...calls.values()].map(({ name, text }) => ({ name, arguments: parseOr(text), text })),
    warnings,
    finishReason,
  };
}

/** Arguments that are no JSON are compared as text. */
function parseOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
