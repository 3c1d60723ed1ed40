// SIGHUP: whoever sends it wants the settings read again. A terminal that closes sends it too, and then nobody is left.

import { readlinkSync } from "node:fs";

export interface HangUpSource {
  on(signal: "SIGHUP", listener: () => void): unknown;
}

export interface HangUpOptions {
  /** Called at once for the first signal; for those that come while it runs once more. May not reject. */
  reload(): Promise<void>;
  /** Called when the terminal that the program was started in is gone. */
  leave(): void;
  /** Whether standard input is a terminal now. @defaultValue as Linux says; elsewhere: no */
  isTerminal?(): boolean;
}

export function listenForHangUp(source: HangUpSource, options: HangUpOptions): void {
  const { isTerminal = isTerminalHere } = options;
  const hadTerminal = isTerminal();
  let isWanted = false;
  let isAtWork = false;

  async function work(): Promise<void> {
    if (isAtWork) return;
    isAtWork = true;
    while (isWanted) {
      isWanted = false;
      await options.reload();
    }
    isAtWork = false;
  }

  source.on("SIGHUP", () => {
    if (hadTerminal && !isTerminal()) return options.leave();
    isWanted = true;
    void work();
  });
}

/** By the name of the file: to ask the terminal itself loads streams of Node's. One that is gone is "(deleted)". */
function isTerminalHere(): boolean {
  try {
    return /^\/dev\/(?:pts\/\d+|tty\d*|console)$/.test(readlinkSync("/proc/self/fd/0"));
  } catch {
    return false;
  }
}
