// Lines to a stream that may not be read, such as a pipe to a pager, or not written: what waits has a limit, what is left out is told.

/** The part of a stream of Node's that is needed. */
export interface LineStream {
  write(text: string, written: (failure?: Error | null) => void): unknown;
}

/** Waiting for a reader who takes his time: some ten thousand exchanges. */
const maxWaitingChars = 4 * 1024 * 1024;

/** @param tellLost the line that stands in the place of so many */
export function createLineWriter(stream: LineStream, tellLost: (lines: number) => string): (line: string) => void {
  let waitingChars = 0;
  let lost = 0;
  let isTorn = false;

  /** @param lines that are lost with it */
  function send(line: string, lines: number): void {
    waitingChars += line.length;
    stream.write(`${line}\n`, (failure) => {
      waitingChars -= line.length;
      if (!failure) return;
      lost += lines;
      // A full disk has taken the beginning of it.
      isTorn = true;
    });
  }

  return (line) => {
    if (waitingChars > maxWaitingChars) {
      lost++;
      return;
    }
    if (lost > 0) {
      const [start, lines] = [isTorn ? "\n" : "", lost];
      isTorn = false;
      lost = 0;
      send(`${start}${tellLost(lines)}`, lines);
    }
    send(line, 1);
  };
}
