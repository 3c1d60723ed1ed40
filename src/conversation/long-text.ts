// A long text of a request as it stood in the body: a megabyte of prompt is hashed and sent on without becoming a string.

/** Takes the place of a plain text part. */
export class LongText {
  readonly type = "text";
  /** What stands between the quotes of a valid JSON string, a view into the body. */
  readonly json: Uint8Array;
  #text: string | undefined;

  constructor(json: Uint8Array) {
    this.json = json;
  }

  /** Of a text that is sent again and again. */
  static of(text: string): LongText {
    const long = new LongText(Buffer.from(JSON.stringify(text).slice(1, -1)));
    long.#text = text;
    return long;
  }

  /** Decoded when somebody asks for it first, and kept. */
  get text(): string {
    this.#text ??= this.decode();
    return this.#text;
  }

  /** The same for who needs it once: it is not kept, where the bytes may be for long (known-histories.ts). */
  decode(): string {
    // A JSON string by construction.
    return this.#text ?? (JSON.parse(`"${decoder.decode(this.json)}"`) as string);
  }

  /** About what the bytes between the two say: an escape or a character that is cut there is not whole. */
  excerpt(from: number, to: number): string {
    return decodeUtf8.call(this.json, "utf8", from, to).replace(escapes, meaningOf);
  }

  /** In a parsed body it stands where the string stood. */
  toJSON(): string {
    return this.decode();
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Works on every byte array, and without a view on it. */
const decodeUtf8 = Buffer.prototype.toString;
const escapes = /\\(?:u([0-9a-fA-F]{4})|.)/g;
const meanings: Readonly<Record<string, string>> = { "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\b": "\b", "\\f": "\f" };

function meaningOf(escaped: string, hex: string | undefined): string {
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
  return meanings[escaped] ?? escaped.slice(1);
}
