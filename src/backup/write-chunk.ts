// Bytes behind what a file holds, all of them: a system may take less at a time.

import type { FileHandle } from "node:fs/promises";

export async function writeChunk(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length;) {
    written += (await file.write(chunk, written, chunk.length - written)).bytesWritten;
  }
}
