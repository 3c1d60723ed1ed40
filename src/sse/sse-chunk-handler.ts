// The line splitter as a web stream: bytes in, whole lines out. For pipelines; replies are relayed without it.

import { type Log, silentLog } from "../telemetry/log.ts";
import { LineSplitter, type LineSplitterOptions } from "./line-splitter.ts";

export interface SSEChunkHandlerOptions extends LineSplitterOptions {
  readonly writableStrategy?: QueuingStrategy<Uint8Array>;
  readonly readableStrategy?: QueuingStrategy<Uint8Array>;
  /** Hears of failures, with `component` "sse-chunk-handler". */
  readonly log?: Log;
  /** Hears of each chunk in numbers, never in content: the `DEBUG_STREAMING` setting. Absent: nothing is said. */
  readonly debugLog?: Log;
}

/**
 * Passes every line of an event stream on as it is, ended by LF, as soon as it is complete; the unfinished one waits.
 * At the end of input the waiting line goes out with an LF. One instance serves one stream. A failure, such as a line
 * longer than `maxLineBytes`, errors the stream.
 */
export class SSEChunkHandler extends TransformStream<Uint8Array, Uint8Array> {
  private readonly splitter: LineSplitter;

  constructor(options: SSEChunkHandlerOptions = {}) {
    const output = new LineOutput();
    const splitter = new LineSplitter(output, options);
    const log = (options.log ?? silentLog).with({ component });
    const debugLog = options.debugLog?.with({ component });
    super(
      {
        transform(chunk, controller) {
          guard(log, () => {
            if (!(chunk instanceof Uint8Array)) throw new TypeError("Cannot read event stream: a chunk is not bytes");
            output.expect(splitter.pendingBytes + chunk.length);
            splitter.feed(chunk);
            output.flushTo(controller);
            debugLog?.debug("chunk", {
              chunkBytes: chunk.length,
              lines: output.takeLineCount(),
              carryBytes: splitter.pendingBytes,
            });
          });
        },
        flush(controller) {
          guard(log, () => {
            const carryBytes = splitter.pendingBytes;
            output.expect(carryBytes + 1);
            splitter.end();
            output.flushTo(controller);
            debugLog?.debug("end", { flushedBytes: carryBytes, lines: output.takeLineCount() });
          });
        },
      },
      options.writableStrategy,
      options.readableStrategy,
    );
    this.splitter = splitter;
  }

  /** Bytes of the unfinished line. */
  get pendingBytes(): number {
    return this.splitter.pendingBytes;
  }
}

const component = "sse-chunk-handler";

/** The stream turns what is thrown into its error; the log learns of it here. */
function guard(log: Log, work: () => void): void {
  try {
    work();
  } catch (error) {
    log.error("An event stream failed", {}, error);
    throw error;
  }
}

/** Lines of one chunk in one array, which is made only when the chunk ends a line. */
class LineOutput {
  private expectedBytes = 0;
  private bytes: Uint8Array | undefined;
  private used = 0;
  private lineCount = 0;

  /** At most this much will be written: a line end never grows. */
  expect(expectedBytes: number): void {
    this.expectedBytes = expectedBytes;
  }

  line(bytes: Uint8Array, start: number, end: number): void {
    this.bytes ??= new Uint8Array(this.expectedBytes);
    this.bytes.set(bytes.subarray(start, end), this.used);
    this.used += end - start;
    this.bytes[this.used++] = 10;
    this.lineCount += 1;
  }

  flushTo(controller: TransformStreamDefaultController<Uint8Array>): void {
    if (this.bytes === undefined) return;
    controller.enqueue(this.bytes.subarray(0, this.used));
    this.bytes = undefined;
    this.used = 0;
  }

  takeLineCount(): number {
    const taken = this.lineCount;
    this.lineCount = 0;
    return taken;
  }
}
