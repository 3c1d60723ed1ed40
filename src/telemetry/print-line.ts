// Lines to standard output, written whole before the call returns. The runtime's own console keeps quiet about lines that
// could not be written.

import fs from "node:fs";
import { codeOf, reasonOf } from "../contract/thrown.ts";

/** Standard output takes nothing: its disk is full, or its reader is gone. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}

const standardOutput = 1;
/** Between two looks at a full pipe that does not block by itself. Its reader may take its time, as with one that does. */
const fullPipeMs = 5;

/** @throws {OutputError} when the line cannot be written whole */
export function printLine(text: string): void {
  try {
    writeWhole(`${text}\n`);
  } catch (error) {
    throw new OutputError(`Cannot write to standard output: ${reasonOf(error)}`, { cause: error });
  }
}

function writeWhole(text: string): void {
  let rest: Uint8Array = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(writeSome(rest));
}

function writeSome(bytes: Uint8Array): number {
  try {
    return fs.writeSync(standardOutput, bytes);
  } catch (error) {
    if (codeOf(error) !== "EAGAIN") throw error;
    Bun.sleepSync(fullPipeMs);
    return 0;
  }
}
