// Lines to a stream that may not be read, such as a pipe to a pager: what waits has a limit, and what is left out is told.

/** The part of a stream of Node's that is needed. */
export interface LineStream {
  write(text: string, written: () => void): unknown;
}

/** Waiting for a reader who takes his time: some ten thousand exchanges. */
const maxWaitingChars = 4 * 1024 * 1024;

/** @param tellLost the line that stands in the place of so many */
export function createLineWriter(stream: LineStream, tellLost: (lines: number) => string): (line: string) => void {
  let waitingChars = 0;
  let lost = 0;

  function send(line: string): void {
    waitingChars += line.length;
    stream.write(`${line}\n`, () => {
      waitingChars -= line.length;
    });
  }

  return (line) => {
    if (waitingChars > maxWaitingChars) {
      lost++;
      return;
    }
    if (lost > 0) {
      send(tellLost(lost));
      lost = 0;
    }
    send(line);
  };
}
