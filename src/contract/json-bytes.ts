// Single steps over the bytes of JSON, for whoever looks for a place in it without parsing the whole. Whether it is valid is
// told by who parses it.

const quote = 0x22;
const backslash = 0x5c;
/** So many bytes are looked at one by one, before the platform looks for the quote: most keys and many values end by then. */
const shortBytes = 24;
/** 1 for what needs no look when a string's end is looked for; nothing that is looked up beyond the end is. */
const plain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte === quote || byte === backslash ? 0 : 1,
);

export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** @returns the index of the first byte from there on that is no white space; that behind the last where there is none */
export function skipSpace(json: Uint8Array, from: number): number {
  let at = from;
  while (isSpace(json[at])) at++;
  return at;
}

/**
 * @param from the index behind the opening quote
 * @returns the index of the quote that closes the string; -1 when there is none
 */
export function closingQuote(json: Uint8Array, from: number): number {
  let at = from;
  const shortEnd = from + shortBytes;
  while (at < shortEnd && plain[json[at]!] === 1) at++;
  for (;;) {
    const end = json[at] === quote ? at : json.indexOf(quote, at);
    if (end < 0) return -1;
    let escapes = end;
    while (json[escapes - 1] === backslash) escapes--;
    if ((end - escapes) % 2 === 0) return end;
    at = end + 1;
  }
}
