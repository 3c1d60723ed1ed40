// Finds where a JSON value ends while it is still coming, each sign once. Lenient: what stands between the brackets is
// the parser's affair. Also reads the name of the call early, so that an undeclared one is not held back.

/**
 * - `open`: the value goes on
 * - `closed`: its last bracket has been read
 * - `stopped`: a `<` outside of a text; no JSON has that, a closing tag perhaps
 * - `doubtful`: `</tool_call>` on a line of its own within a text; a quote may be missing before it. Reading may go on.
 */
export type BoundaryState = "open" | "closed" | "stopped" | "doubtful";

const closing = "</tool_call>";
const nameKeys: ReadonlySet<string> = new Set(["name", "function", "tool_name", "tool"]);
const maxTokenLength = 256;

export class JsonBoundary {
  state: BoundaryState = "open";
  /** The text at a key such as "name" of the outermost object; undefined until it has been read. */
  name: string | undefined;
  /** The first key of all. */
  firstKey: string | undefined;
  #hasNews = false;
  #read: string[] = [];
  #depth = 0;
  #quote = "";
  #isEscaped = false;
  /** The last sign outside of texts that was no white space. */
  #before = "";
  #token = "";
  #key = "";
  /** How much of `</tool_call>` was just read, and whether it began its line. */
  #closingRead = 0;
  #beginsLine = false;
  #isClosingOnLine = false;

  /** What has been read, from the first bracket on. */
  get text(): string {
    if (this.#read.length > 1) this.#read = [this.#read.join("")];
    return this.#read[0] ?? "";
  }

  /** The value does not end within a text. */
  get isBetweenValues(): boolean {
    return this.#quote === "";
  }

  get #isStopped(): boolean {
    return this.state === "stopped";
  }

  /**
   * Reads on, at most to a new key or name: whoever judges them does so at the same place, however the text is cut.
   * @returns the index behind the last sign that was read and belongs to the value
   */
  read(text: string, from: number): number {
    if (this.state === "doubtful") this.state = "open";
    this.#hasNews = false;
    let at = from;
    while (this.state === "open" && at < text.length && !this.#hasNews) {
      const char = text[at] ?? "";
      at++;
      if (this.#quote === "") this.#readOutside(char);
      else this.#readInside(char);
    }
    // The sign that stopped it is no part of the value.
    const end = this.#isStopped ? at - 1 : at;
    this.#read.push(text.slice(from, end));
    return end;
  }

  #readInside(char: string): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (char === "\\") this.#isEscaped = true;
    else if (char === this.#quote) {
      this.#quote = "";
      this.#before = '"';
      // With escapes in it the parser reads it.
      const isName = this.#depth === 1 && nameKeys.has(this.#key) && !this.#token.includes("\\");
      if (isName && this.name === undefined) {
        this.name = this.#token;
        this.#hasNews = true;
      }
      return;
    }
    if (this.#depth <= 2 && this.#token.length < maxTokenLength) this.#token += char;
    this.#watchClosing(char);
  }

  #watchClosing(char: string): void {
    if (char === closing[this.#closingRead]) {
      if (this.#closingRead === 0) this.#isClosingOnLine = this.#beginsLine;
      this.#closingRead++;
    } else this.#closingRead = 0;
    if (this.#closingRead === closing.length) {
      this.#closingRead = 0;
      if (this.#isClosingOnLine) this.state = "doubtful";
    }
    this.#beginsLine = char === "\n" || (this.#beginsLine && (char === " " || char === "\t"));
  }

  #readOutside(char: string): void {
    if (char === " " || char === "\n" || char === "\r" || char === "\t") return;
    const before = this.#before;
    this.#before = char;
    switch (char) {
      case "{":
      case "[":
        this.#depth++;
        return;
      case "}":
      case "]":
        if (--this.#depth <= 0) this.state = "closed";
        return;
      case ":":
        this.#hasNews = this.firstKey === undefined;
        this.firstKey ??= this.#token;
        if (this.#depth === 1) this.#key = this.#token;
        return;
      case ",":
        this.#key = "";
        return;
      case "<":
        this.state = "stopped";
        return;
      case "'":
        // An apostrophe elsewhere is not a quote.
        if (!"{[,:".includes(before)) return;
        break;
      case '"':
        break;
      default:
        return;
    }
    this.#quote = char;
    this.#token = "";
    this.#closingRead = 0;
    this.#beginsLine = false;
  }
}
