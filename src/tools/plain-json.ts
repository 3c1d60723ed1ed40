// Tells from the raw bytes of a JSON string that no markup can begin in it, nor has begun: most deltas need no decoding.

const space = 32;

/** Backslash, because escapes hide line ends, quotes and everything else; then the signs that markup begins with. */
const textSigns = signTable("\\<`~");
/** Within a block of code only its end matters. */
const codeSigns = signTable("\\`~");

function signTable(signs: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const sign of signs) table[sign.charCodeAt(0)] = 1;
  return table;
}

/**
 * @param json a JSON string with its quotes
 * @param isCode the text stands within a block of code
 */
export function isPlainJson(json: Uint8Array, isCode: boolean): boolean {
  const table = isCode ? codeSigns : textSigns;
  const end = json.length - 1;
  for (let at = 1; at < end; at++) if (table[json[at]!] === 1) return false;
  // White space at the end waits for what follows it, and white space alone says nothing of its line.
  return json[end - 1] !== space;
}
