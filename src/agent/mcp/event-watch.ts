// Watches the bytes of a body for its bound: of an event stream each event is bounded, of any other body the whole.

export interface EventWatch {
  /** Counts a chunk in. */
  isTooLong(chunk: Uint8Array): boolean;
  /** An event had an id: the stream can be taken up again behind it. */
  canResume(): boolean;
}

export function createEventWatch(maxBytes: number, isStream: boolean): EventWatch {
  let bytes = 0;
  let hasId = false;
  let lineLength = 0;

  return {
    canResume: () => hasId,
    isTooLong(chunk) {
      if (!isStream) {
        bytes += chunk.length;
        return bytes > maxBytes;
      }
      let from = 0;
      while (from < chunk.length) {
        const found = chunk.indexOf(10, from);
        const to = found === -1 ? chunk.length : found;
        if (lineLength === 0 && isId(chunk, from)) hasId = true;
        const isCarriageReturn = to - from === 1 && chunk[from] === 13;
        lineLength += to - from;
        bytes += to - from + 1;
        if (bytes > maxBytes) return true;
        if (found === -1) break;
        // A blank line ends the event.
        if (lineLength === 0 || (lineLength === 1 && isCarriageReturn)) bytes = 0;
        lineLength = 0;
        from = found + 1;
      }
      return false;
    },
  };
}

function isId(chunk: Uint8Array, at: number): boolean {
  return chunk[at] === 105 && chunk[at + 1] === 100 && chunk[at + 2] === 58;
}
