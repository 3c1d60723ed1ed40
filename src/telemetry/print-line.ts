// Lines to standard output, written whole before the call returns. The runtime's own console keeps quiet about lines that
// could not be written.

import fs from "node:fs";
import { codeOf, reasonOf } from "../contract/thrown.ts";

/** Standard output takes nothing: its disk is full, or its reader is gone. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}

const standardOutput = 1;
/** Between two looks at a full pipe that does not block by itself. */
const fullPipeMs = 5;
/** How long a server stands still for its own words, in milliseconds. A command waits for its reader without a limit. */
export const serversPatienceMs = 1000;

/**
 * @param patienceMs for a full pipe that does not block by itself
 * @throws {OutputError} when the line cannot be written whole
 */
export function printLine(text: string, patienceMs = Number.POSITIVE_INFINITY): void {
  try {
    writeWhole(`${text}\n`, performance.now() + patienceMs);
  } catch (error) {
    throw new OutputError(`Cannot write to standard output: ${reasonOf(error)}`, { cause: error });
  }
}

function writeWhole(text: string, deadlineMs: number): void {
  let rest: Uint8Array = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(writeSome(rest, deadlineMs));
}

function writeSome(bytes: Uint8Array, deadlineMs: number): number {
  try {
    return fs.writeSync(standardOutput, bytes);
  } catch (error) {
    if (codeOf(error) !== "EAGAIN" || performance.now() >= deadlineMs) throw error;
    Bun.sleepSync(fullPipeMs);
    return 0;
  }
}
