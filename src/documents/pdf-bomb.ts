// A small PDF may unfold to a thousand times its size, all at once, and take the process with it. Its streams are unfolded
// here first, with a limit. What is packed in another way than theirs, or encrypted, is not seen (docs/documents.md).

import { promisify } from "node:util";
import { constants, inflate } from "node:zlib";

/** A scanned page of 600 dots per inch in colours has 105 MB. */
const maxStreamBytes = 128 * 1024 * 1024;

const unfold = promisify<Uint8Array, object, Buffer>(inflate);
const keyword = "stream";

/** Whether one of its streams unfolds to more than 128 MB. @throws the reason of the signal. */
export async function isPdfBomb(bytes: Uint8Array, signal: AbortSignal): Promise<boolean> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let found = file.indexOf(keyword); found !== -1; found = file.indexOf(keyword, found + keyword.length)) {
    signal.throwIfAborted();
    const start = afterLineEnd(file, found + keyword.length);
    if (looksDeflated(file, start) && (await unfoldsBeyondLimit(file.subarray(start)))) return true;
  }
  return false;
}

function afterLineEnd(file: Buffer, position: number): number {
  if (file[position] === 13 && file[position + 1] === 10) return position + 2;
  return file[position] === 10 || file[position] === 13 ? position + 1 : position;
}

/** The two bytes that such data begin with: one in 500 others looks like it. */
function looksDeflated(file: Buffer, start: number): boolean {
  const [method = 0, check = 0] = [file[start], file[start + 1]];
  return (method & 15) === 8 && (method * 256 + check) % 31 === 0;
}

/** Beside the event loop. What follows the data in the file is passed over. */
async function unfoldsBeyondLimit(data: Buffer): Promise<boolean> {
  try {
    await unfold(data, { maxOutputLength: maxStreamBytes, finishFlush: constants.Z_SYNC_FLUSH });
    return false;
  } catch (error) {
    // Anything else means that the data are damaged, and that what they gave before fits.
    return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
  }
}
