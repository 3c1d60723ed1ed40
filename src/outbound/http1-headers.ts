// The headers of one answer as they were read: looked through for the few that anybody asks for. The platform's own cost
// more to fill than an answer costs to read.

import type { ResponseHeaders } from "./http-client.ts";

export class Http1Headers implements ResponseHeaders {
  readonly #text: string;
  /** The same in lower case, as names are asked for. */
  readonly #lowerText: string;
  /** Where each field stands in the text: start and end of its name, start and end of its value, in turns. */
  readonly #places: number[] = [];

  /** @param text in Latin-1, so that it is as long in lower case */
  constructor(text: string) {
    this.#text = text;
    this.#lowerText = text.toLowerCase();
  }

  /** The name has no white space around it, nor has the value. */
  append(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    this.#places.push(nameStart, nameEnd, valueStart, valueEnd);
  }

  /** @param name in lower case */
  get(name: string): string | null {
    let found: string | null = null;
    for (let at = 0; at < this.#places.length; at += 4) {
      if (!this.#isNamed(at, name)) continue;
      found = found === null ? this.#value(at) : `${found}, ${this.#value(at)}`;
    }
    return found;
  }

  getSetCookie(): string[] {
    const lines: string[] = [];
    for (let at = 0; at < this.#places.length; at += 4)
      if (this.#isNamed(at, "set-cookie")) lines.push(this.#value(at));
    return lines;
  }

  /** A copy that lacks some. */
  without(names: readonly string[]): Http1Headers {
    const copy = new Http1Headers(this.#text);
    for (let at = 0; at < this.#places.length; at += 4) {
      if (!names.includes(this.#name(at))) copy.#places.push(...this.#places.slice(at, at + 4));
    }
    return copy;
  }

  /** Names in lower case. */
  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (let at = 0; at < this.#places.length; at += 4) yield [this.#name(at), this.#value(at)];
  }

  #isNamed(at: number, name: string): boolean {
    const start = this.#places[at]!;
    return this.#places[at + 1]! - start === name.length && this.#lowerText.startsWith(name, start);
  }

  #name(at: number): string {
    return this.#lowerText.slice(this.#places[at], this.#places[at + 1]);
  }

  #value(at: number): string {
    return this.#text.slice(this.#places[at + 2], this.#places[at + 3]);
  }
}
