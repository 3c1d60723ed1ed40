// Reads the file of a capture, for the commands that are given one.

import { readFileSync } from "node:fs";
import { type CaptureFile, CaptureError, parseCapture } from "../capture/format.ts";
import { fileReasonOf } from "../contract/thrown.ts";
import { UsageError } from "./command.ts";

/** @throws {UsageError} that says what is wrong with the file */
export function loadCapture(path: string | undefined): CaptureFile {
  if (path === undefined) throw new UsageError("Which capture? Give its file");
  try {
    return parseCapture(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof CaptureError ? error.message : fileReasonOf(error);
    if (reason === undefined) throw error;
    throw new UsageError(`Cannot read capture ${JSON.stringify(path)}: ${reason}`);
  }
}
