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

  /** Decoded when somebody asks for it first, and kept. */
  get text(): string {
    // A JSON string by construction.
    this.#text ??= JSON.parse(`"${decoder.decode(this.json)}"`) as string;
    return this.#text;
  }

  /** In a parsed body it stands where the string stood. */
  toJSON(): string {
    return this.text;
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
