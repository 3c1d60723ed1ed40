// A small PDF may unfold to a thousand times its size, all at once, and take the process with it. Its streams are unfolded
// here first, with a limit. What is packed in another way than theirs, or encrypted, is not seen (docs/documents.md).

import { promisify } from "node:util";
import { constants, inflate } from "node:zlib";
import { codeOf } from "../contract/thrown.ts";

/** A scanned page of 600 dots per inch in colours has 105 MB. */
const maxStreamBytes = 128 * 1024 * 1024;
/** Nobody packs what is packed a third time. */
const maxLayers = 3;

const unfold = promisify<Uint8Array, object, Buffer>(inflate);
const keyword = "stream";

/** Whether one of its streams unfolds to more than 128 MB. @throws the reason of the signal. */
export async function isPdfBomb(bytes: Uint8Array, signal: AbortSignal): Promise<boolean> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let found = file.indexOf(keyword); found !== -1; found = file.indexOf(keyword, found + keyword.length)) {
    signal.throwIfAborted();
    const start = afterLineEnd(file, found + keyword.length);
    if (await unfoldsBeyondLimit(file.subarray(start))) return true;
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

/** Beside the event loop. What follows the data in the file is passed over. Data may be packed several times over. */
async function unfoldsBeyondLimit(data: Buffer, layer = 1): Promise<boolean> {
  const packed = looksDeflated(data, 0) ? data : fromText(data);
  if (packed === undefined) return false;
  if (layer > maxLayers) return true;
  try {
    const unfolded = await unfold(packed, { maxOutputLength: maxStreamBytes, finishFlush: constants.Z_SYNC_FLUSH });
    return await unfoldsBeyondLimit(unfolded, layer + 1);
  } catch (error) {
    // Anything else means that the data are damaged, and that what they gave before fits.
    return codeOf(error) === "ERR_BUFFER_TOO_LARGE";
  }
}

/** What stands as text in a file may be packed data: in hexadecimal digits, or in groups of five characters. */
function fromText(data: Buffer): Buffer | undefined {
  const end = data.indexOf("endstream");
  const text = data.subarray(0, end === -1 ? undefined : end);
  return [decodeHex, decodeAscii85].find((decode) => looksDeflated(decode(text.subarray(0, 64)), 0))?.(text);
}

function decodeHex(text: Buffer): Buffer {
  return Buffer.from(text.toString("latin1").replaceAll(/\s/g, ""), "hex");
}

/** @see ISO 32000-1, 7.4.3 */
function decodeAscii85(text: Buffer): Buffer {
  const bytes = Buffer.alloc(text.length * 4);
  let length = 0;
  let group = 0;
  let digits = 0;
  for (const byte of text) {
    if (byte === 0x7a && digits === 0) length += 4;
    else if (byte >= 0x21 && byte <= 0x75) {
      group = group * 85 + byte - 0x21;
      if (++digits < 5) continue;
      bytes.writeUInt32BE(group % 2 ** 32, length);
      length += 4;
      group = 0;
      digits = 0;
    } else if (byte === 0x7e) break;
  }
  return bytes.subarray(0, length);
}
