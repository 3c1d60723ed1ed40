// The end of a child process and of all that it has started: asked first, then told, then made.

import { settledWithin } from "../../contract/settled-within.ts";

/** As much of a process as its end needs. */
export interface EndableChild {
  readonly pid: number;
  readonly exited: Promise<number>;
  readonly stdin: { end(): unknown };
}

export interface EndTimes {
  /** How long it has after its input has ended, as the protocol asks of servers. */
  readonly inputMs: number;
  /** And how long after SIGTERM. */
  readonly termMs: number;
}

export async function endChild(child: EndableChild, { inputMs, termMs }: EndTimes): Promise<void> {
  try {
    // Not awaited: what it does not read it will never have read.
    Promise.resolve(child.stdin.end()).catch(() => undefined);
  } catch {
    // Its input has ended with it.
  }
  if (!(await settledWithin(child.exited, inputMs))) {
    signalGroup(child.pid, "SIGTERM");
    await settledWithin(child.exited, termMs);
  }
  // Also behind a process that went by itself: what it has started would stay as an orphan.
  signalGroup(child.pid, "SIGKILL");
  await child.exited;
}

/** The child leads a group of its own, so that one signal reaches what it has started too, such as npx its server. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch {
    // There is nobody left.
  }
}
