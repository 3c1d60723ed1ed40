// One finished capture as the text of its file: secrets covered first, body by body, with everything else let in between.

import { othersFirst } from "../contract/others-first.ts";
import type { Cover } from "./cover-secrets.ts";
import { longestSecretBytes } from "./cover-secrets.ts";
import type { ExchangeCapture, SeenBytes, SeenLine } from "./exchange-capture.ts";
import { bytesField, type CaptureLine, captureVersion } from "./format.ts";

/** What is looked through, or written out, in one go: less than a millisecond. */
const stepBytes = 64 * 1024;

/** @returns the file in pieces */
export async function encodeCapture(
  capture: ExchangeCapture,
  options: { readonly cover: Cover; readonly gateway: string },
): Promise<string[]> {
  const { cover, gateway } = options;
  for (const body of bodiesOf(capture.lines)) await coverBody(body, cover);
  const opening: CaptureLine = {
    type: "capture",
    version: captureVersion,
    gateway,
    requestId: capture.requestId,
    startedAt: new Date(capture.startedAtMs).toISOString(),
  };
  const pieces: string[] = [];
  let piece = `${JSON.stringify(opening)}\n`;
  for (const line of capture.lines) {
    piece += `${JSON.stringify(toLine(line))}\n`;
    if (piece.length < stepBytes) continue;
    pieces.push(piece);
    piece = "";
    await othersFirst();
  }
  return [...pieces, piece];
}

function toLine(line: SeenLine): CaptureLine {
  if (line.type !== "bytes") return line;
  const { bytes, ...rest } = line;
  return { ...rest, ...bytesField(bytes) };
}

/** The chunks of each body. */
function bodiesOf(lines: readonly SeenLine[]): Iterable<SeenBytes[]> {
  const bodies = new Map<string, SeenBytes[]>();
  for (const line of lines) {
    if (line.type !== "bytes") continue;
    const key = `${line.call ?? 0} ${line.of}`;
    const body = bodies.get(key);
    if (body === undefined) bodies.set(key, [line]);
    else body.push(line);
  }
  return bodies.values();
}

/** A secret may stand across chunks: what is looked through is the body. */
async function coverBody(body: readonly SeenBytes[], cover: Cover): Promise<void> {
  const whole = Buffer.concat(body.map(({ bytes }) => bytes));
  for (let from = 0; from < whole.length; from += stepBytes) {
    cover.bytes(whole, Math.max(0, from - longestSecretBytes), Math.min(whole.length, from + stepBytes));
    await othersFirst();
  }
  let at = 0;
  for (const { bytes } of body) {
    bytes.set(whole.subarray(at, at + bytes.length));
    at += bytes.length;
  }
}
