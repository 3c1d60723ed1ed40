// A generated secret, told once to whoever starts the gateway. It stands in a file besides, which the log names where nobody could
// be told.

import type { Log } from "../telemetry/log.ts";
import { OutputError, printLine, serversPatienceMs } from "../telemetry/print-line.ts";

export interface SecretFile {
  readonly dataDir: string;
  readonly name: string;
  readonly log: Log;
}

export function showSecret(line: string, { dataDir, name, log }: SecretFile): void {
  try {
    printLine(line, serversPatienceMs);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    log.warn("A generated secret could not be printed: it stands in its file", {
      dataDir,
      file: name,
      reason: error.message,
    });
  }
}
