// Broken JSON made whole: quotes, commas, brackets, escapes, comments, Python's words. Adds no value, and no end to a text
// that was cut off: what would need guessing is given up.

import { isJson } from "./json-spans.ts";
import { skipSpaceAt } from "./markup.ts";

/** Deeper values are given up: they come from models, and the stack is finite. */
const maxDepth = 100;

/** @returns valid JSON without white space around it; undefined when it cannot be had without guessing */
export function repairJson(text: string): string | undefined {
  return repairWith(text, "first quote ends") ?? repairWith(text, "last quote ends");
}

/** Whether a quote within a text ends it at once, or only where a structure could go on: `"say "hi" to me"`. */
type Quotes = "first quote ends" | "last quote ends";

class GivenUp extends Error {}

function repairWith(text: string, quotes: Quotes): string | undefined {
  try {
    const repaired = new Repair(text.trim(), quotes).run();
    return isJson(repaired) ? repaired : undefined;
  } catch (error) {
    if (error instanceof GivenUp) return undefined;
    throw error;
  }
}

const words: Readonly<Record<string, string>> = {
  true: "true",
  True: "true",
  false: "false",
  False: "false",
  null: "null",
  None: "null",
};

/**
 * What may stand between values and says nothing, by the quote of the text before it. A comment with such a quote in it may
 * be the rest of that text: `"see "//a" now"`.
 */
const between = {
  '"': /\\[nrt]|\/\*[^"]*?\*\/|(?:\/\/|#)[^"\n]*\n/y,
  "'": /\\[nrt]|\/\*[^"']*?\*\/|(?:\/\/|#)[^"'\n]*\n/y,
};

/** Behind a value, a comment with a further value or the end behind it. Bounded: it is looked for at each quote. */
const commentBehind = /,\s{0,80}(?:\/\*[^\n]{0,200}?\*\/|(?:\/\/|#)[^\n]{0,200}\n)\s{0,80}["'}\]]/y;

class Repair {
  readonly #text: string;
  readonly #quotes: Quotes;
  #at = 0;
  #lastQuote: '"' | "'" = '"';

  constructor(text: string, quotes: Quotes) {
    this.#text = text;
    this.#quotes = quotes;
  }

  run(): string {
    this.#skip();
    const start = this.#at;
    const value = this.#value(0);
    const source = this.#text.slice(start, this.#at);
    this.#skip();
    let rest = this.#text.slice(this.#at);
    // Streams that send the arguments twice.
    while (source.length > 1 && rest.startsWith(source)) rest = rest.slice(source.length).trim();
    if (!/^[\]}\s]*$/.test(rest)) throw new GivenUp();
    return value;
  }

  #value(depth: number): string {
    if (depth > maxDepth) throw new GivenUp();
    const char = this.#text[this.#at];
    if (char === "{") return this.#object(depth);
    if (char === "[") return this.#array(depth);
    if (char === '"' || char === "'") return this.#string(char, "value");
    return this.#word();
  }

  #object(depth: number): string {
    const parts: string[] = [];
    // Templates of older prompts write `{{` for `{`, and models copy it.
    const braces = this.#braces("{", maxDepth);
    for (;;) {
      this.#skipWithCommas();
      const char = this.#text[this.#at];
      // The end of the text closes what is open: the model forgot the brackets.
      if (char === undefined || char === "}") break;
      // A bracket of another kind: this one was forgotten.
      if (char === "]") return `{${parts.join(", ")}}`;
      const key = char === '"' || char === "'" ? this.#string(char, "key") : this.#bareKey();
      this.#skip();
      if (this.#text[this.#at] !== ":") {
        parts.push(nameOfHybrid(key));
        continue;
      }
      this.#at++;
      this.#skip();
      parts.push(`${key}: ${this.#value(depth + 1)}`);
    }
    this.#braces("}", braces);
    return `{${parts.join(", ")}}`;
  }

  /** Reads past so many braces at most. @returns how many there were */
  #braces(brace: string, most: number): number {
    let count = 0;
    while (count < most && this.#text[this.#at] === brace) {
      this.#at++;
      count++;
      if (count < most) this.#skip();
    }
    return count;
  }

  #array(depth: number): string {
    const parts: string[] = [];
    this.#at++;
    for (;;) {
      this.#skipWithCommas();
      const char = this.#text[this.#at];
      if (char === undefined || char === "]") break;
      if (char === "}") return `[${parts.join(", ")}]`;
      parts.push(this.#value(depth + 1));
    }
    this.#at++;
    return `[${parts.join(", ")}]`;
  }

  #bareKey(): string {
    const key = /^[A-Za-z_$][\w$-]*/.exec(this.#text.slice(this.#at, this.#at + 200))?.[0];
    if (key === undefined) throw new GivenUp();
    this.#at += key.length;
    return JSON.stringify(key);
  }

  #word(): string {
    const word = /^[^\s,\]}:"'\\]+/.exec(this.#text.slice(this.#at, this.#at + 400))?.[0] ?? "";
    this.#at += word.length;
    if (Object.hasOwn(words, word)) return words[word] ?? "null";
    if (/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(word)) return word;
    // Digits that are no number, such as a zip code: they lose nothing as a text.
    if (/^[-+]?[\d.]+$/.test(word)) return JSON.stringify(word);
    throw new GivenUp();
  }

  /** The text between quotes as a JSON string. @throws {GivenUp} when it does not end: what followed is not known. */
  #string(quote: '"' | "'", place: "key" | "value"): string {
    this.#lastQuote = quote;
    const parts: string[] = ['"'];
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const char = this.#text[at] ?? "";
      if (char === quote && this.#endsString(at, place)) {
        if (this.#quotes === "last quote ends") this.#refuseCall(at);
        this.#at = at + 1;
        parts.push('"');
        return parts.join("");
      }
      if (char === "\\") {
        parts.push(escapeAt(this.#text, at));
        at++;
      } else if (char === '"') parts.push('\\"');
      else if (char < " ") parts.push(JSON.stringify(char).slice(1, -1));
      else parts.push(char);
    }
    throw new GivenUp();
  }

  #endsString(at: number, place: "key" | "value"): boolean {
    // No key holds a quote: what looks like such a one is the end of a text, and the text was cut.
    if (this.#quotes === "first quote ends" || place === "key") return true;
    const after = skipSpaceAt(this.#text, at + 1);
    const char = this.#text[after];
    if (char === undefined || char === "}" || char === "]") return true;
    // The end of this text, or a piece of code in it.
    commentBehind.lastIndex = after;
    if (commentBehind.test(this.#text)) throw new GivenUp();
    return char === "," && /^,\s*(?:["'{[\d-]|true|false|null|[}\]])/.test(this.#text.slice(after, after + 40));
  }

  /** The next call, behind a text without an end; or a sample in it, with quotes of its own. Either has other ends in it. */
  #refuseCall(end: number): void {
    if (/<tool_call>(?:\s|\\n)*\{(?:\s|\\n)*["']/.test(this.#text.slice(this.#at, end))) throw new GivenUp();
  }

  #skip(): void {
    for (;;) {
      this.#at = skipSpaceAt(this.#text, this.#at);
      // Or a line end written as two signs, as Qwen3.5-Flash does.
      const nothing = between[this.#lastQuote];
      nothing.lastIndex = this.#at;
      if (!nothing.test(this.#text)) return;
      this.#at = nothing.lastIndex;
    }
  }

  #skipWithCommas(): void {
    this.#skip();
    while (this.#text[this.#at] === ",") {
      this.#at++;
      this.#skip();
    }
  }
}

/** `{"function=read", …}`: the two ways to write a call, mixed. */
function nameOfHybrid(key: string): string {
  const name = /^"function=(.+)"$/.exec(key)?.[1];
  if (name === undefined) throw new GivenUp();
  return `"name": "${name}"`;
}

/** The escape that begins at `at`, valid: `\d` and the like mean the backslash itself, `\'` the quote alone. */
function escapeAt(text: string, at: number): string {
  const next = text[at + 1] ?? "";
  if (next === "'") return "'";
  if (next === "u" && !/^[\da-fA-F]{4}$/.test(text.slice(at + 2, at + 6))) return "\\\\u";
  if (next !== "" && '"\\/bfnrtu'.includes(next)) return `\\${next}`;
  return `\\\\${next < " " ? JSON.stringify(next).slice(1, -1) : next}`;
}
