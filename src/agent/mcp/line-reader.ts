// Bytes of a child process to lines of a bounded length. Of a longer one only its two ends are kept, to tell whose it was.

export interface LineSink {
  line(text: string): void;
  /** A line was longer than is read: its beginning and its end. */
  tooLong(ends: string): void;
  /** A line has no end. Nothing more is read. */
  endless(): void;
}

export interface LineReader {
  feed(chunk: Uint8Array): void;
}

const keptBytes = 1024;

/** @param maxBytes of one line; it counts as endless at sixteen times that */
export function createLineReader(maxBytes: number, sink: LineSink): LineReader {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  let isEndless = false;

  function add(piece: Uint8Array): void {
    bytes += piece.length;
    pieces.push(piece);
    if (bytes <= maxBytes) return;
    // Copies, since a view would hold the whole.
    const whole = Buffer.concat(pieces);
    const ends = [whole.subarray(0, keptBytes), whole.subarray(Math.max(keptBytes, whole.length - keptBytes))];
    pieces = [Buffer.from(Buffer.concat(ends))];
  }

  function take(): void {
    const whole = pieces.length === 1 ? Buffer.from(pieces[0]!) : Buffer.concat(pieces);
    const isTooLong = bytes > maxBytes;
    pieces = [];
    bytes = 0;
    const text = whole.toString("utf8");
    if (isTooLong) sink.tooLong(text);
    else if (text.trim() !== "") sink.line(text);
  }

  return {
    feed(chunk) {
      let from = 0;
      while (!isEndless) {
        const end = chunk.indexOf(10, from);
        if (end === -1) break;
        add(chunk.subarray(from, end));
        take();
        from = end + 1;
      }
      if (isEndless || from === chunk.length) return;
      // A copy: the runtime may use its chunk again.
      add(chunk.slice(from));
      if (bytes <= 16 * maxBytes) return;
      isEndless = true;
      pieces = [];
      sink.endless();
    },
  };
}
