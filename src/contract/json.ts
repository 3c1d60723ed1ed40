// JSON values as types, and text that may travel without being decoded. Knows nothing about chat.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A JSON object whose fields have not been checked yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Text as it stands inside its JSON string, quotes and escapes untouched: `bytes` from `start` to before `end`.
 * The bytes belong to the received chunk: they are valid until the `feed` that delivered them returns.
 */
export interface JsonText {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** The same as a view of its own, made on demand: hot code copies by `bytes`, since a view costs as much as 60 bytes. */
  readonly json: Uint8Array;
  /** Decoded on demand. */
  readonly text: string;
}

const encoder = new TextEncoder();

/** Wraps decoded text, for decoders that had to parse the line. */
export function jsonText(text: string): JsonText {
  return new DecodedText(text);
}

class DecodedText implements JsonText {
  readonly text: string;
  readonly start = 0;
  #json: Uint8Array | undefined;

  constructor(text: string) {
    this.text = text;
  }

  get json(): Uint8Array {
    this.#json ??= encoder.encode(JSON.stringify(this.text));
    return this.#json;
  }

  get bytes(): Uint8Array {
    return this.json;
  }

  get end(): number {
    return this.json.length;
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
