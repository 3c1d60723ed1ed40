// JSON values as types, and text that may travel without being decoded. Knows nothing about chat.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A JSON object whose fields have not been checked yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Text as it stands inside its JSON string, quotes and escapes untouched.
 * `json` is a view into the received chunk: it is valid until the `feed` that delivered it returns. `text` decodes on demand.
 */
export interface JsonText {
  readonly json: Uint8Array;
  readonly text: string;
}

const encoder = new TextEncoder();

/** Wraps decoded text, for decoders that had to parse the line. */
export function jsonText(text: string): JsonText {
  let json: Uint8Array | undefined;
  return {
    text,
    get json() {
      json ??= encoder.encode(JSON.stringify(text));
      return json;
    },
  };
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
