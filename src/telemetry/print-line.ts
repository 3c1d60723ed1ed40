// Lines to the standard streams, written whole before the call returns. The runtime's own console keeps quiet about lines that
// could not be written.

import fs from "node:fs";

/** Standard output takes nothing: its disk is full, or its reader is gone. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}

const standardOutput = 1;
const standardError = 2;
/** Between two looks at a full pipe that does not block by itself. Its reader may take its time, as with one that does. */
const fullPipeMs = 5;

/** @throws {OutputError} when the line cannot be written whole */
export function printLine(text: string, descriptor = standardOutput): void {
  try {
    writeWhole(descriptor, `${text}\n`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OutputError(`Cannot write to standard output: ${reason}`, { cause: error });
  }
}

/** Where it cannot be written nobody is left who could be told. */
export function complainLine(text: string, descriptor = standardError): void {
  try {
    writeWhole(descriptor, `${text}\n`);
  } catch {
    // The exit code still says it.
  }
}

function writeWhole(descriptor: number, text: string): void {
  let rest: Uint8Array = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(writeSome(descriptor, rest));
}

function writeSome(descriptor: number, bytes: Uint8Array): number {
  try {
    return fs.writeSync(descriptor, bytes);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
    Bun.sleepSync(fullPipeMs);
    return 0;
  }
}
