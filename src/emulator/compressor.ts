// gzip or brotli over a stream, flushed behind every event, as the real backend compresses its streams.

import { constants, createBrotliCompress, createGzip } from "node:zlib";

export interface Compressor {
  /** All bytes that a reader needs to decode what was written so far. */
  write(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
  /** The trailer. */
  end(): Promise<Uint8Array<ArrayBuffer>>;
}

export function createCompressor(encoding: "gzip" | "br"): Compressor {
  const stream = encoding === "gzip" ? createGzip() : createBrotliCompress();
  const flushKind = encoding === "gzip" ? constants.Z_SYNC_FLUSH : constants.BROTLI_OPERATION_FLUSH;
  let parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));

  function take(): Uint8Array<ArrayBuffer> {
    const taken = new Uint8Array(Buffer.concat(parts));
    parts = [];
    return taken;
  }

  return {
    write(bytes) {
      return new Promise((resolve, reject) => {
        stream.once("error", reject);
        stream.write(bytes);
        stream.flush(flushKind, () => {
          stream.off("error", reject);
          resolve(take());
        });
      });
    },
    end() {
      return new Promise((resolve, reject) => {
        stream.once("error", reject);
        stream.once("end", () => resolve(take()));
        stream.end();
      });
    },
  };
}
