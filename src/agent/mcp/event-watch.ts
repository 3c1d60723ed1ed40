// Watches the bytes of a body for its bound: of an event stream each event is bounded, of any other body the whole.

export interface EventWatch {
  /** Counts a chunk in. */
  isTooLong(chunk: Uint8Array): boolean;
}

const lineFeed = 10;
const carriageReturn = 13;

export function createEventWatch(maxBytes: number, isStream: boolean): EventWatch {
  let bytes = 0;
  /** Of the line that is being read: a chunk may end within it. */
  let lineLength = 0;
  let lineStart: number | undefined;

  function addToLine(chunk: Uint8Array, from: number, to: number): void {
    if (lineLength === 0) lineStart = chunk[from];
    lineLength += to - from;
  }

  function endLine(): void {
    // A blank line ends the event.
    if (lineLength === 0 || (lineLength === 1 && lineStart === carriageReturn)) bytes = 0;
    lineLength = 0;
  }

  return {
    isTooLong(chunk) {
      if (!isStream) {
        bytes += chunk.length;
        return bytes > maxBytes;
      }
      for (let from = 0; from < chunk.length;) {
        const found = chunk.indexOf(lineFeed, from);
        const end = found < 0 ? chunk.length : found + 1;
        bytes += end - from;
        if (bytes > maxBytes) return true;
        addToLine(chunk, from, found < 0 ? end : found);
        if (found >= 0) endLine();
        from = end;
      }
      return false;
    },
  };
}
