// A captured exchange as lines of JSON, one fact a line, in the order of time. The form is told in docs/capture.md.

import { isJsonObject, type JsonObject } from "../contract/json.ts";

/** Raised when a reader of the form before would misunderstand a file. */
export const captureVersion = 1;

/** The form of the upstream's answers: what a replay has to look like. */
export type Wire = "qwen-web" | "openai-compatible";

/** Which of the two bodies of a call. */
export type Direction = "request" | "answer";

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** Without `call` it is the client's exchange with the gateway, else that call of the gateway to an upstream. */
interface OfCall {
  readonly atMs: number;
  /** From 1, in the order in which they were sent. */
  readonly call?: number;
}

export interface OpeningLine {
  readonly type: "capture";
  readonly version: typeof captureVersion;
  readonly gateway: string;
  readonly requestId: string;
  /** When `atMs` was 0, in the form of ISO 8601. */
  readonly startedAt: string;
}

export interface RequestLine extends OfCall {
  readonly type: "request";
  readonly method: string;
  /** Of a client the path and the query alone. */
  readonly url: string;
  readonly headers: HeaderList;
  readonly upstream?: string;
  readonly wire?: Wire;
}

export interface AnswerLine extends OfCall {
  readonly type: "answer";
  readonly status: number;
  readonly headers: HeaderList;
}

/** One chunk as it came or went: `text` where it is UTF-8 by itself, else `base64`. */
export interface BytesLine extends OfCall {
  readonly type: "bytes";
  readonly of: Direction;
  readonly text?: string;
  readonly base64?: string;
}

/** `given-up`: by whoever read it. */
export type EndKind = "complete" | "failed" | "given-up";

export interface EndLine extends OfCall {
  readonly type: "end";
  readonly of: Direction;
  readonly how: EndKind;
  readonly reason?: string;
}

/** What did not fit: the rest of a body, from the first chunk that found no room. */
export interface CutLine extends OfCall {
  readonly type: "cut";
  readonly of: Direction;
  readonly chunks: number;
  readonly bytes: number;
}

/** What the gateway logged about the exchange. */
export interface LogLine {
  readonly type: "log";
  readonly atMs: number;
  readonly level: string;
  readonly message: string;
  readonly fields: JsonObject;
}

/** The last line: a file without it is not whole. `stopped`: the gateway was, or nobody waited any longer. */
export interface ClosingLine {
  readonly type: "close";
  readonly atMs: number;
  readonly why: "ended" | "stopped";
}

export type CaptureLine =
  OpeningLine | RequestLine | AnswerLine | BytesLine | EndLine | CutLine | LogLine | ClosingLine;

const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes of one chunk as a field of its line. */
export function bytesField(bytes: Uint8Array): { readonly text: string } | { readonly base64: string } {
  try {
    return { text: textDecoder.decode(bytes) };
  } catch {
    // Cut within a character, or no text at all.
    return { base64: Buffer.from(bytes).toString("base64") };
  }
}

export function bytesOf(line: BytesLine): Uint8Array {
  return line.base64 === undefined ? Buffer.from(line.text ?? "") : Buffer.from(line.base64, "base64");
}

/** What a file holds cannot be read as a capture. */
export class CaptureError extends Error {
  override readonly name = "CaptureError";
}

export interface CaptureFile {
  readonly opening: OpeningLine;
  readonly lines: readonly Exclude<CaptureLine, OpeningLine>[];
}

/** @throws {CaptureError} that names the line */
export function parseCapture(text: string): CaptureFile {
  const rows = text.split("\n").filter((row) => row.trim() !== "");
  const [first, ...rest] = rows.map(parseLine);
  if (first === undefined || first.type !== "capture")
    throw new CaptureError('its first line is not of type "capture"');
  if (first.version !== captureVersion) {
    throw new CaptureError(`its form has version ${JSON.stringify(first.version)}, and this program reads version 1`);
  }
  const lines = rest.filter((line) => line.type !== "capture");
  return { opening: first, lines };
}

type FieldTypes = readonly (readonly [field: string, type: "number" | "string" | "object" | "pairs"])[];

const required: Readonly<Record<string, FieldTypes>> = {
  capture: [
    ["version", "number"],
    ["requestId", "string"],
    ["startedAt", "string"],
  ],
  request: [
    ["atMs", "number"],
    ["method", "string"],
    ["url", "string"],
    ["headers", "pairs"],
  ],
  answer: [
    ["atMs", "number"],
    ["status", "number"],
    ["headers", "pairs"],
  ],
  bytes: [
    ["atMs", "number"],
    ["of", "string"],
  ],
  end: [
    ["atMs", "number"],
    ["of", "string"],
    ["how", "string"],
  ],
  cut: [
    ["atMs", "number"],
    ["of", "string"],
    ["chunks", "number"],
    ["bytes", "number"],
  ],
  log: [
    ["atMs", "number"],
    ["level", "string"],
    ["message", "string"],
    ["fields", "object"],
  ],
  close: [["atMs", "number"]],
};

/** Of any line, where they stand. */
const optional: FieldTypes = [
  ["call", "number"],
  ["gateway", "string"],
  ["upstream", "string"],
  ["wire", "string"],
  ["text", "string"],
  ["base64", "string"],
  ["reason", "string"],
];

function parseLine(row: string, index: number): CaptureLine {
  let line: unknown;
  try {
    line = JSON.parse(row);
  } catch {
    throw new CaptureError(`line ${index + 1} is no JSON`);
  }
  if (!isJsonObject(line)) throw new CaptureError(`line ${index + 1} has no known type`);
  const values: JsonObject = line;
  const { type } = values;
  const fields = typeof type === "string" && Object.hasOwn(required, type) ? required[type] : undefined;
  if (fields === undefined) throw new CaptureError(`line ${index + 1} has no known type`);
  const present = optional.filter(([field]) => values[field] !== undefined);
  const wrong = [...fields, ...present].find(([field, kind]) => !isOfKind(values[field], kind));
  if (wrong !== undefined) {
    const [field, kind] = wrong;
    throw new CaptureError(
      `"${field}" of line ${index + 1} must be ${kind === "pairs" ? "pairs of texts" : `a ${kind}`}`,
    );
  }
  // Checked just now, field by field.
  return line as unknown as CaptureLine;
}

function isOfKind(value: unknown, kind: FieldTypes[number][1]): boolean {
  if (kind !== "pairs") return typeof value === kind && value !== null;
  const isText = (part: unknown): boolean => typeof part === "string";
  return Array.isArray(value) && value.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isText));
}
